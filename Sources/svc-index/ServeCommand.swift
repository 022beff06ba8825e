internal import ArgumentParser
internal import IndexService
internal import Logging
internal import UnixSignals

/// Runs the service until it is told to stop.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Runs the service until SIGTERM or SIGINT; SIGHUP reads the settings again.",
        discussion: """
            Examples:
              svc-index serve --db-path ./index
              svc-index serve --profile macronode --config /etc/svc-index.toml \\
                  --auth-token-file ./token
            Every key of CONFIG.md is a flag: http.bind is --http-bind.
            """
    )

    @OptionGroup var settings: SettingsOptions

    func run() async throws {
        let effective = try settings.read()
        let logger = LogSetup.start(effective.settings.log)
        try await Service.run(settings.feed(effective), logger: logger)
    }
}

/// Running the service in this process, with its errors as commands report them.
enum Service {
    static func run(
        _ feed: SettingsFeed,
        logger: Logger,
        prepare: @Sendable (IndexApplication) throws -> Void = { _ in },
        onListening: @escaping @Sendable (ListenAddress) -> Void = { _ in }
    ) async throws {
        let settings = feed.settings
        // Kept to the very end: without it a signal to reload would end the process.
        let hangups = await UnixSignalsSequence(trapping: .sighup)
        defer { withExtendedLifetime(hangups) {} }
        do {
            let application = try IndexApplication(settings: settings, logger: logger, feed: feed)
            try prepare(application)
            logger.notice(
                "starting",
                metadata: [
                    "version": "\(BuildInformation.current.version)",
                    "store": settings.database.isInMemory ? "memory" : "disk",
                ]
            )
            try await application.run(reloadOn: hangups, onListening: onListening)
            logger.notice("stopped")
        } catch let error as StartError {
            throw Failure(
                error.isConfigurationError ? .configuration : .unavailable,
                error.description
            )
        } catch let error as StoreError {
            throw Failure(.unavailable, error.operatorMessage(path: settings.database.path))
        }
    }
}
