/// Where the settings in force came from, and how they are read again from the same places.
package struct SettingsFeed: Sendable {
    /// What the service was started with.
    let effective: EffectiveSettings
    package var settings: Settings { effective.settings }

    /// The level of the process's log.
    let threshold: LogThreshold
    /// Reads every source anew; blocks.
    let read: @Sendable () throws(SettingsErrors) -> EffectiveSettings

    package init(
        _ effective: EffectiveSettings,
        threshold: LogThreshold,
        read: @escaping @Sendable () throws(SettingsErrors) -> EffectiveSettings
    ) {
        self.effective = effective
        self.threshold = threshold
        self.read = read
    }
}
