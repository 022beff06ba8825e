/// One setting: its name, what it may be, what it is when nobody says, and why it is there.
package struct SettingRow: Sendable {
    /// What is shown in place of a secret.
    package static let redacted = "<redacted>"

    /// Stores a value that was already found to be allowed.
    package typealias Assignment = @Sendable (inout Settings) -> Void

    /// Name in the file, in messages and in CONFIG.md: `group.name_unit`.
    package let key: String

    /// What the number counts, `nil` where the value is no number.
    package let unit: String?

    /// What a value must be, as the end of "is not …".
    package let expected: String

    /// The allowed values in words: "1 to 300", "full, normal".
    package let allowed: String

    /// The allowed values where they are numbers.
    package let bounds: ClosedRange<Int>?

    /// Whether the flag alone, without a value, means true.
    package let isSwitch: Bool

    /// Whether the value is never printed or logged.
    package let isSecret: Bool

    /// Whether a reload may change it; other keys need a restart.
    package let canReload: Bool

    /// Whether the profiles differ in it.
    package let differsByProfile: Bool

    /// One line for CONFIG.md.
    package let meaning: String

    /// Judges a value and says how to store it.
    package let assign: @Sendable (RawSetting) throws(SettingFault) -> Assignment

    /// The value with its type, for JSON and for comparing; not redacted.
    package let value: @Sendable (Settings) -> RawSetting

    /// Takes the value of one settings over to another.
    package let copy: @Sendable (_ source: Settings, _ target: inout Settings) -> Void

    /// Stores the profile's default where it has one of its own.
    package let applyDefault: @Sendable (Profile, inout Settings) -> Void

    private let text: @Sendable (Settings) -> String

    /// Makes a row; the built-in default is what `path` finds in `Settings()`.
    package init<Value>(
        _ key: String,
        _ path: any WritableKeyPath<Settings, Value> & Sendable,
        _ format: SettingFormat<Value>,
        macronode: Value? = nil,
        secret: Bool = false,
        reload: Bool = false,
        _ meaning: String
    ) {
        self.key = key
        self.meaning = meaning
        unit = format.unit
        expected = format.expected
        allowed = format.allowed
        bounds = format.bounds
        isSwitch = Value.self == Bool.self
        isSecret = secret
        canReload = reload
        differsByProfile = macronode != nil
        assign = { (raw) throws(SettingFault) in
            let value = try format.parse(raw)
            return { $0[keyPath: path] = value }
        }
        value = { format.render($0[keyPath: path]) }
        copy = { $1[keyPath: path] = $0[keyPath: path] }
        applyDefault = { profile, settings in
            guard profile == .macronode, let macronode else { return }
            settings[keyPath: path] = macronode
        }
        text = { format.text($0[keyPath: path]) }
    }

    /// Option on the command line: `--cache-max-bytes`.
    package var flag: String {
        "--" + String(key.map { $0 == "." || $0 == "_" ? "-" : $0 })
    }

    /// Environment variable: `SVC_INDEX_CACHE_MAX_BYTES`.
    package var variable: String {
        SettingsEnvironment.prefix + String(key.uppercased().map { $0 == "." ? "_" : $0 })
    }

    /// The value for people, as any source would accept it; secrets are redacted.
    package func shownText(in settings: Settings) -> String {
        let shown = text(settings)
        return isSecret && !shown.isEmpty ? SettingRow.redacted : shown
    }

    /// The value for programs; secrets are redacted.
    package func shownValue(in settings: Settings) -> RawSetting {
        isSecret ? .text(shownText(in: settings)) : value(settings)
    }
}
