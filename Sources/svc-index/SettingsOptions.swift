internal import ArgumentParser
internal import Glibc
internal import IndexService

/// The options by which a command finds its settings: profile, file, and any key as a flag.
struct SettingsOptions: ParsableArguments {
    @Option(help: "micronode (one tenant, RAM only) or macronode (many tenants, RAM and disk).")
    var profile: String?

    @Option(help: ArgumentHelp("A TOML file with settings.", valueName: "file.toml"))
    var config: String?

    @Argument(
        parsing: .allUnrecognized,
        help: ArgumentHelp(
            "Any key of CONFIG.md, dots and underscores as dashes: --cache-entries 5000.",
            valueName: "--key value"
        )
    )
    var overrides: [String] = []

    /// Reads the settings from every source, or fails with all that is wrong with them.
    func read() throws -> EffectiveSettings {
        do {
            return try SettingsReader.read(
                arguments: overrides,
                environment: ProcessEnvironment.variables(),
                filePath: config,
                profile: profile
            )
        } catch {
            throw Failure(.configuration, error.advice)
        }
    }

    /// The settings that were read, and how they are read again for a reload.
    ///
    /// - Parameter adapt: what a command makes of them, at the start as at every reload.
    func feed(
        _ effective: EffectiveSettings,
        adapt: @escaping @Sendable (inout Settings) -> Void = { _ in }
    ) -> SettingsFeed {
        let (overrides, config, profile) = (overrides, config, profile)
        var effective = effective
        adapt(&effective.settings)
        return SettingsFeed(effective, threshold: LogSetup.threshold) {
            () throws(SettingsErrors) in
            var fresh = try SettingsReader.read(
                arguments: overrides,
                environment: ProcessEnvironment.variables(),
                filePath: config,
                profile: profile
            )
            adapt(&fresh.settings)
            return fresh
        }
    }
}

extension SettingsErrors {
    /// The mistakes, and where to look the names up when nothing resembles an unknown one.
    var advice: String {
        let isLost = problems.contains { $0.reason == .unknown(hint: nil) }
        return description + (isLost ? "; 'svc-index config print' lists every key" : "")
    }
}

/// The process's environment variables.
enum ProcessEnvironment {
    static func variables() -> [String: String] {
        var variables: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let pair = String(cString: text).split(
                separator: "=",
                maxSplits: 1,
                omittingEmptySubsequences: false
            )
            if pair.count == 2 { variables[String(pair[0])] = String(pair[1]) }
            entry += 1
        }
        return variables
    }
}
