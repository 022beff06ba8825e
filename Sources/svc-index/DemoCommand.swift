internal import ArgumentParser
internal import IndexService
internal import Logging

/// One process with nothing to set up: sample names in RAM, and the service.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Serves sample names out of RAM and says what to try.",
        discussion: """
            Nothing is written to disk. Examples:
              svc-index demo
              svc-index demo --http-bind 127.0.0.1:8080
            """
    )

    @OptionGroup var settings: SettingsOptions

    func run() async throws {
        let effective = try settings.read()
        guard effective.settings.database.isInMemory else {
            throw Failure(.usage, "the demo keeps its names in RAM; use serve for a store on disk")
        }
        let logger = LogSetup.start(effective.settings.log)
        try await Service.run(
            effective.settings,
            logger: logger,
            prepare: { application in
                let entries = try DemoSamples.entries()
                _ = try application.store.importBatch(entries, at: .now())
            },
            onListening: { Self.greet(at: $0) }
        )
    }

    /// Without its welcome the demo is of use still, so that one is only missed.
    private static func greet(at address: ListenAddress) {
        do {
            try StandardStreams.write(line: welcome(address), lostReader: .fails)
        } catch {
            StandardStreams.complain(error.message)
        }
    }

    private static func welcome(_ address: ListenAddress) -> String {
        let url = "http://\(address)"
        return """

            svc-index serves \(DemoSamples.count) sample names at \(url). Try, in another terminal:

              curl \(url)/resolve/libc6
              curl -i \(url)/resolve/libc6          # again: Cache-Status says hit, out of RAM
              curl '\(url)/resolve/curl?region=eu-west-1&limit=2'
              curl \(url)/readyz
              curl \(url)/metrics

            Ctrl-C stops it.

            """
    }
}
