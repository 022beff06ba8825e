internal import ArgumentParser
internal import IndexService
internal import Logging

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
        try await ServiceSignals.caught { signals in
            let effective = try settings.read()
            let logger = LogSetup.start(effective.settings.log)
            try await Service.run(settings.feed(effective), obeying: signals, logger: logger)
        }
    }
}

/// Running the service in this process, with its errors as commands report them.
enum Service {
    static func run(
        _ feed: SettingsFeed,
        obeying signals: ServiceSignals,
        logger: Logger,
        prepare: @Sendable (IndexApplication) throws -> Void = { _ in },
        onListening: @escaping @Sendable (ListenAddress) -> Void = { _ in }
    ) async throws {
        let settings = feed.settings
        LargeAllocations.returnWhenFreed()
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
            try await application.run(reloadOn: signals.hangups) { address in
                signals.serving()
                onListening(address)
            }
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
