internal import ArgumentParser
internal import DHTClient
internal import DHTCore
internal import IndexService
internal import Logging

/// One process with nothing to set up: sample names in RAM, a small DHT, and the service.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Serves sample names and a small DHT, and says what to try.",
        discussion: """
            Nothing is written to disk. Examples:
              svc-index demo
              svc-index demo --http-bind 127.0.0.1:8080
            """
    )

    @OptionGroup var settings: SettingsOptions

    func run() async throws {
        try await ServiceSignals.caught { try await run(obeying: $0) }
    }

    private func run(obeying signals: ServiceSignals) async throws {
        let effective = try settings.read()
        guard effective.settings.database.isInMemory else {
            throw Failure(.usage, "the demo keeps its names in RAM; use serve for a store on disk")
        }
        let logger = LogSetup.start(effective.settings.log)
        let network = try await DemoNetwork.start()
        try await Service.run(
            settings.feed(effective) { network.join(&$0.dht) },
            obeying: signals,
            logger: logger,
            prepare: { application in
                let entries = try DemoSamples.entries()
                _ = try application.store.importBatch(entries, at: .now())
            },
            onListening: { Self.greet(at: $0, network.contentID) }
        )
        await network.stop()
    }

    /// Without its welcome the demo is of use still, so that one is only missed.
    private static func greet(at address: ListenAddress, _ id: ContentID) {
        do {
            try StandardStreams.write(line: welcome(address, id), lostReader: .fails)
        } catch {
            StandardStreams.complain(error.message)
        }
    }

    private static func welcome(_ address: ListenAddress, _ id: ContentID) -> String {
        let url = "http://\(address)"
        return """

            svc-index serves \(DemoSamples.count) sample names at \(url). Try, in another terminal:

              curl \(url)/resolve/libc6
              curl -i \(url)/resolve/libc6          # again: Cache-Status says hit, out of RAM
              curl '\(url)/resolve/curl?region=eu-west-1&limit=2'
              curl \(url)/providers/\(id)    # found in a small DHT of its own, on loopback
              curl \(url)/readyz
              curl \(url)/metrics

            Ctrl-C stops it.

            """
    }
}

/// The demo's DHT: nodes on loopback, some of which announce a content id that the index lacks.
private struct DemoNetwork: Sendable {
    private static let nodeCount = 32
    private static let ports: [UInt16] = [9001, 9002, 9003]

    let contentID: ContentID
    private let network: LoopbackNetwork

    static func start() async throws -> DemoNetwork {
        do {
            let id = ContentID(of: Array("a file that only the DHT knows".utf8))
            let network = try await LoopbackNetwork.start(count: nodeCount)
            for (node, port) in zip(network.nodes, ports) {
                let announcement = Publication.peer(infoHash: id.infoHash, port: port)
                _ = try await node.publish(announcement, deadline: .now + .seconds(5))
            }
            return DemoNetwork(contentID: id, network: network)
        } catch {
            throw Failure(.unavailable, error.description)
        }
    }

    /// Makes the service a client of this network, unless somebody has named another one.
    func join(_ settings: inout Settings.DHT) {
        guard settings.bootstrap.isEmpty else { return }
        settings.mode = .client
        settings.bootstrap = network.bootstrap
        settings.binds = [ListenAddress(host: "127.0.0.1", port: 0)]
        settings.minNodes = 8
    }

    func stop() async {
        await network.stop()
    }
}
