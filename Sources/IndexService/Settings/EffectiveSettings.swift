/// The settings in force, and where each value came from.
package struct EffectiveSettings: Sendable {
    package var settings: Settings

    /// By key; every key of the table is in it.
    package internal(set) var origins: [String: SettingOrigin]

    package let profile: Profile

    /// The file that was read, if any.
    package let filePath: String?

    package let schema: SettingsSchema

    /// What holds before anybody has said anything.
    init(defaultsFor profile: Profile, filePath: String?, schema: SettingsSchema) {
        self.profile = profile
        self.filePath = filePath
        self.schema = schema
        settings = schema.defaults(for: profile)
        let pairs = schema.rows.map { row in
            (row.key, row.differsByProfile ? SettingOrigin.profile(profile) : .builtIn)
        }
        origins = Dictionary(uniqueKeysWithValues: pairs)
    }

    package func origin(of key: String) -> SettingOrigin { origins[key] ?? .builtIn }
}

/// What a reload did.
package struct SettingsReload: Sendable {
    /// The settings now in force.
    package let effective: EffectiveSettings

    /// Keys whose value changed.
    package let changed: [String]

    /// Keys that were given another value, which only a restart can bring into force.
    package let needRestart: [String]
}

extension EffectiveSettings {
    /// Takes over from newly read settings what can change without a restart.
    package func reloaded(from fresh: EffectiveSettings) -> SettingsReload {
        var next = self
        let different = schema.rows.filter { $0.value(settings) != $0.value(fresh.settings) }
        for row in schema.rows where row.canReload {
            row.copy(fresh.settings, &next.settings)
            next.origins[row.key] = fresh.origin(of: row.key)
        }
        return SettingsReload(
            effective: next,
            changed: different.filter(\.canReload).map(\.key),
            needRestart: different.filter { !$0.canReload }.map(\.key)
        )
    }
}
