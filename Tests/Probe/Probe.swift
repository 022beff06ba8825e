import DHTClient
import DHTCore
import Foundation

/// A client for test scripts: commands come as JSON lines on standard input, and answers go out.
///
///     dht-probe --bind 127.0.0.1:0 --bootstrap 127.1.0.1:6881,127.1.1.1:6881 [--server]
///
/// Commands run side by side; an answer carries the `id` of its command. `testnet`, `hostile`,
/// `load` and `table` in the place of the options are tools of their own.
@main
struct Probe {
    static func main() async {
        do {
            switch CommandLine.arguments.dropFirst().first {
            case "testnet": return try await testnet()
            case "hostile": return try await Measurements.hostile()
            case "load": return try await Measurements.load()
            case "table": return try Measurements.table()
            default: break
            }
            let options = try ProbeOptions(CommandLine.arguments.dropFirst())
            let client = try await MainlineClient.start(options.configuration)
            let output = LineWriter()
            let endpoints = client.endpoints.map(\.description)
            let status = await client.status()
            output.write(Answer(ok: true, endpoints: endpoints, node: status.node.id.description))
            await serve(client, options, output)
            await client.stop()
        } catch {
            FileHandle.standardError.write(Data("dht-probe: \(error)\n".utf8))
            exit(64)
        }
    }

    /// `dht-probe testnet N`: nodes on loopback until standard input ends.
    private static func testnet() async throws {
        let count = CommandLine.arguments.dropFirst(2).first.flatMap { Int($0) } ?? 100
        var settings = LoopbackNetwork.nodeSettings
        settings.pacing.repliesPerSecond = 1_000_000
        settings.pacing.repliesPerSecondToOneAddress = 1_000_000
        let network = try await LoopbackNetwork.start(count: count, settings: settings)
        print(network.bootstrapLine)
        fflush(nil)
        for await _ in standardInputLines() {}
        await network.stop()
    }

    private static func serve(
        _ client: MainlineClient,
        _ options: ProbeOptions,
        _ output: LineWriter
    ) async {
        await withTaskGroup(of: Void.self) { group in
            for await line in standardInputLines() {
                guard let command = try? JSONDecoder().decode(Command.self, from: Data(line.utf8))
                else {
                    output.write(Answer(ok: false, error: "not a command: \(line)"))
                    continue
                }
                if command.op == "quit" { break }
                group.addTask {
                    var answer = await Runner(client: client, options: options).run(command)
                    answer.id = command.id
                    output.write(answer)
                }
            }
            group.cancelAll()
        }
    }

    /// Lines of standard input, read on a thread of their own because reading blocks.
    private static func standardInputLines() -> AsyncStream<String> {
        let (lines, continuation) = AsyncStream.makeStream(of: String.self)
        Thread.detachNewThread {
            while let line = readLine() { continuation.yield(line) }
            continuation.finish()
        }
        return lines
    }
}

/// What the command line says.
struct ProbeOptions {
    var configuration = MainlineConfiguration()
    var family = AddressFamily.v4

    init(_ arguments: some Sequence<String>) throws {
        configuration.binds = []
        configuration.node.allowsPrivateAddresses = true
        var rest = Array(arguments)[...]
        while let name = rest.popFirst() {
            if name == "--server" {
                configuration.node.answersQueries = true
            } else if name == "--shared-networks" {
                configuration.node.allowsSharedNetworks = true
            } else if let value = rest.popFirst() {
                try set(name, value)
            }
        }
        if let bind = configuration.binds.first { family = bind.family }
    }

    private mutating func set(_ name: String, _ value: String) throws {
        let number = Int(value) ?? 0
        switch name {
        case "--bind":
            let port = value.suffix(2) == ":0" ? "1" : nil
            let address = try BootstrapAddress(port.map { value.dropLast(1) + $0 } ?? value)
            guard let endpoint = address.endpoint else { throw ProbeError.badOption(name) }
            configuration.binds.append(port == nil ? endpoint : endpoint.with(port: 0))
        case "--bootstrap":
            let list = value.split(separator: ",").map(String.init)
            configuration.bootstrap = try BootstrapAddress.list(list)
        case "--saved": configuration.savedNodesPath = value
        case "--alpha": configuration.node.lookup.alpha = number
        case "--beta": configuration.node.lookup.beta = number
        case "--hedge-ms": configuration.node.lookup.hedgeDelay = .milliseconds(number)
        case "--queries-per-second":
            configuration.node.pacing.queriesPerSecond = number
            configuration.node.pacing.queryBurst = number
        case "--queries-to-one-node":
            configuration.node.pacing.queriesPerSecondToOneNode = number
            configuration.node.pacing.queryBurstToOneNode = number
        case "--plain-table": configuration.node.routing.extendsFirstBuckets = number == 0
        default: throw ProbeError.badOption(name)
        }
    }
}

enum ProbeError: Error {
    case badOption(String)
    case badArgument(String)
}

/// Writes whole lines, one at a time.
final class LineWriter: Sendable {
    private let lock = NSLock()

    func write(_ answer: Answer) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard var data = try? encoder.encode(answer) else { return }
        data.append(UInt8(ascii: "\n"))
        lock.withLock { FileHandle.standardOutput.write(data) }
    }
}
