/// What one source gives: values by key, not yet judged, and what was wrong with the source.
struct SettingsSource: Sendable {
    /// Unknown keys of one source that are told one by one.
    static let toldUnknown = 50

    struct Given: Sendable {
        let raw: RawSetting
        let origin: SettingOrigin
    }

    var values: [String: Given] = [:]
    private(set) var problems: [SettingsProblem] = []
    private var unknownCount = 0

    mutating func report(_ problem: SettingsProblem) {
        problems.append(problem)
    }

    /// Reports a name that no setting has, up to a limit: a wrong file may have thousands.
    mutating func reportUnknown(
        _ name: String,
        origin: SettingOrigin?,
        source: String,
        hint: () -> String?
    ) {
        unknownCount += 1
        if unknownCount <= SettingsSource.toldUnknown {
            let shown = name.utf8.count <= 128 ? name : RawSetting.quoted(name)
            report(SettingsProblem(shown, .unknown(hint: hint()), origin: origin))
        } else if unknownCount == SettingsSource.toldUnknown + 1 {
            report(SettingsProblem(source, .more))
        }
    }
}

/// Settings given as `--key value` or `--key=value`.
enum SettingsArguments {
    /// Reads the arguments without the program's name, its command, `--profile` and `--config`.
    ///
    /// Of an option given twice the last one counts, so that a script's options can be overruled
    /// by what is appended to them.
    static func read(_ arguments: [String], schema: SettingsSchema) -> SettingsSource {
        var source = SettingsSource()
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("--"), argument.utf8.count > 2 else {
                source.report(SettingsProblem(RawSetting.quoted(argument), .unexpectedArgument))
                continue
            }
            let parts = argument.split(
                separator: "=",
                maxSplits: 1,
                omittingEmptySubsequences: false
            )
            let flag = String(parts[0])
            var value = parts.count == 2 ? String(parts[1]) : nil
            if value == nil, let next = rest.first, !next.hasPrefix("--") {
                value = rest.popFirst()
            }
            guard let row = schema.row(flag: flag) else {
                source.reportUnknown(flag, origin: nil, source: "the command line") {
                    Spelling.hint(for: flag, among: schema.rows.map(\.flag))
                }
                continue
            }
            let origin = SettingOrigin.commandLine(flag: flag)
            if let text = value ?? (row.isSwitch ? "true" : nil) {
                source.values[row.key] = .init(raw: .text(text), origin: origin)
            } else {
                source.report(
                    SettingsProblem(row.key, .missingValue, origin: origin, allowed: row.allowed)
                )
            }
        }
        return source
    }
}

/// Settings given as `SVC_INDEX_<KEY>`.
enum SettingsEnvironment {
    static let prefix = "SVC_INDEX_"
    static let profile = prefix + "PROFILE"
    static let config = prefix + "CONFIG"

    static func read(_ environment: [String: String], schema: SettingsSchema) -> SettingsSource {
        var source = SettingsSource()
        for (name, value) in environment.sorted(by: { $0.key < $1.key })
        where name.hasPrefix(prefix) && name != profile && name != config {
            if let row = schema.row(variable: name) {
                source.values[row.key] = .init(
                    raw: .text(value),
                    origin: .environment(variable: name)
                )
            } else if !isServiceLink(name) {
                source.reportUnknown(name, origin: nil, source: "the environment") {
                    Spelling.hint(
                        for: name,
                        among: schema.rows.map(\.variable) + [profile, config]
                    )
                }
            }
        }
        return source
    }

    /// Whether Kubernetes, not the operator, set the variable.
    ///
    /// A Service named `svc-index` gives every pod of its namespace `SVC_INDEX_SERVICE_HOST`,
    /// `SVC_INDEX_SERVICE_PORT…`, `SVC_INDEX_PORT` and `SVC_INDEX_PORT_<n>_TCP…`.
    private static func isServiceLink(_ name: String) -> Bool {
        let rest = name.dropFirst(prefix.count)
        if rest == "PORT" || rest == "SERVICE_HOST" || rest == "SERVICE_PORT" { return true }
        if rest.hasPrefix("SERVICE_PORT_") { return true }
        let parts = rest.split(separator: "_", omittingEmptySubsequences: false)
        return (3...4).contains(parts.count) && parts[0] == "PORT" && UInt16(parts[1]) != nil
            && ["TCP", "UDP", "SCTP"].contains(parts[2])
            && (parts.count == 3 || ["PROTO", "PORT", "ADDR"].contains(parts[3]))
    }
}
