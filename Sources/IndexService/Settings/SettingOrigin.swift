/// Where a value came from.
package enum SettingOrigin: Sendable, Hashable {
    case commandLine(flag: String)
    case environment(variable: String)

    /// `line` is nil where it could not be told.
    case file(path: String, line: Int?)

    /// The default of a profile, for keys in which the profiles differ.
    case profile(Profile)

    /// Follows from the value of another key.
    case derived(fromKey: String)

    case builtIn

    /// Whether somebody asked for this value, rather than left it as it was.
    package var isExplicit: Bool {
        switch self {
        case .commandLine, .environment, .file: true
        case .profile, .derived, .builtIn: false
        }
    }
}

extension SettingOrigin: CustomStringConvertible {
    package var description: String {
        switch self {
        case .commandLine(let flag): flag
        case .environment(let variable): variable
        case .file(let path, let line): line.map { "\(path):\($0)" } ?? path
        case .profile(let profile): "profile \(profile.rawValue)"
        case .derived(let key): "derived from \(key)"
        case .builtIn: "built-in"
        }
    }
}
