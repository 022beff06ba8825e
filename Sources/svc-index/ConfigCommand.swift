internal import ArgumentParser
internal import IndexService

/// Shows what the settings come to, without starting anything.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Checks or prints the effective configuration.",
        discussion: "Example: svc-index config print --config svc-index.toml",
        subcommands: [Check.self, Print.self]
    )

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Says whether the settings are right, and what is wrong with each that is not.",
            discussion: "Example: svc-index config check --config svc-index.toml"
        )

        @OptionGroup var settings: SettingsOptions
        @Flag(help: "Print JSON.") var json = false

        func run() throws {
            do {
                _ = try SettingsReader.read(
                    arguments: settings.overrides,
                    environment: ProcessEnvironment.variables(),
                    filePath: settings.config,
                    profile: settings.profile
                )
            } catch {
                if json { try StandardStreams.write(line: try error.json()) }
                throw Failure(.configuration, error.advice)
            }
            try StandardStreams.write(
                line: json ? #"{"problems":[]}"# : "the configuration is right"
            )
        }
    }

    struct Print: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints every setting with its value and where that came from.",
            discussion: "Example: svc-index config print --profile macronode --json"
        )

        @OptionGroup var settings: SettingsOptions
        @Flag(help: "Print JSON.") var json = false

        func run() throws {
            let effective = try settings.read()
            try StandardStreams.write(line: json ? effective.json() : effective.table)
        }
    }
}
