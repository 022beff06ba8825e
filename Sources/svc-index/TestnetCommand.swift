internal import ArgumentParser
internal import DHTClient
internal import DHTCore
internal import UnixSignals

/// A small DHT of one's own.
struct TestnetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "testnet",
        abstract: "Runs DHT nodes on loopback, for tests and for trying things out.",
        discussion: """
            Example:
              svc-index testnet --nodes 50 --port 7000
              svc-index announce b3:… --port 8080 --dht-bootstrap 127.0.0.1:7000
              svc-index testnet --nodes 50 --port 7000 --late-nodes 10
            The first line printed is what --dht-bootstrap takes. Ctrl-C stops it. Whoever
            joins one on [::1] gives --dht-bind '[::1]:0' as well. What late nodes cost a
            lookup, lookup --trace shows.
            """
    )

    @Option(help: "How many nodes, 1 to 5000.")
    var nodes: Int

    @Option(help: "The first node's UDP port, the others' follow; any free ones if none.")
    var port: UInt16 = 0

    @Option(help: "How many of the nodes answer late.")
    var lateNodes = 0

    @Option(help: "How late those are, 1 to 10000 ms; from 1000 on lookups count them as silent.")
    var lateMs = 400

    @Flag(help: "Run on [::1] instead of 127.0.0.1.")
    var ipv6 = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        guard (1...5000).contains(nodes) else {
            throw Failure(.usage, "--nodes must be from 1 to 5000")
        }
        guard port == 0 || Int(port) + nodes <= 65_536 else {
            throw Failure(
                .usage,
                "\(nodes) nodes do not fit into the ports from \(port) to 65535: "
                    + "lower --port or --nodes"
            )
        }
        guard (0...nodes).contains(lateNodes) else {
            throw Failure(.usage, "--late-nodes must be from 0 to --nodes, which is \(nodes)")
        }
        guard (1...10_000).contains(lateMs) else {
            throw Failure(.usage, "--late-ms must be from 1 to 10000")
        }
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let network: LoopbackNetwork
        do {
            network = try await LoopbackNetwork.start(
                count: nodes,
                firstPort: port,
                family: ipv6 ? .v6 : .v4,
                late: .init(count: lateNodes, delay: .milliseconds(lateMs))
            )
        } catch {
            throw Failure(.unavailable, error.description)
        }
        do {
            let line =
                json
                ? #"{"bootstrap":"\#(network.bootstrapLine)","nodes":\#(nodes)}"#
                : network.bootstrapLine
            try StandardStreams.write(line: line, lostReader: .fails)
        } catch {
            await network.stop()
            throw error
        }
        if !json {
            StandardStreams.note("\(nodes) DHT nodes are up on loopback; Ctrl-C stops them\n")
        }
        for await _ in signals { break }
        await network.stop()
    }
}
