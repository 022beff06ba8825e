import DHTClient
import DHTCore
import Foundation
import Hostility

/// `dht-probe hostile`, `load` and `table`: figures as JSON; exit code 1 when a bar is missed.
enum Measurements {
    /// The hostile run: `--rate`, `--seconds`, `--lookups`, `--nodes`, `--spoofed 1`.
    static func hostile() async throws {
        var run = HostileRun()
        run.rate = number("--rate", run.rate)
        run.seconds = number("--seconds", run.seconds)
        run.lookupsAtOnce = number("--lookups", run.lookupsAtOnce)
        run.nodes = number("--nodes", run.nodes)
        run.isSpoofed = number("--spoofed", 0) != 0
        let report = try await run.run()
        try show(report)
        let tracked = PacingSettings().trackedAddresses
        if report.tracked_addresses > tracked {
            miss("rates of \(report.tracked_addresses) addresses were remembered")
        }
        if report.wrong > 0 { miss("\(report.wrong) lookups were wrong") }
        if report.lost > 0 { miss("\(report.lost) lookups found nothing") }
        let growth = report.rss_most - report.rss_before
        if growth > 32 << 10 { miss("memory grew by \(growth) KiB") }
        if report.hostile_per_second < 0.95 * Double(run.rate) { miss("the flood was too slow") }
    }

    /// Lookups against a testnet in a process of its own: `--nodes`, `--seconds`, `--lookups`.
    static func load() async throws {
        let testnet = Process()
        let (input, output) = (Pipe(), Pipe())
        testnet.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        testnet.arguments = ["testnet", "\(number("--nodes", 200))"]
        testnet.standardInput = input
        testnet.standardOutput = output
        try testnet.run()
        var line = Data()
        while !line.contains(UInt8(ascii: "\n")) {
            let part = output.fileHandleForReading.availableData
            if part.isEmpty { break }
            line += part
        }
        let bootstrap = String(decoding: line, as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        var run = LoadRun(bootstrap: bootstrap)
        run.seconds = number("--seconds", run.seconds)
        run.lookupsAtOnce = number("--lookups", run.lookupsAtOnce)
        let report = try await run.run()
        try input.fileHandleForWriting.close()
        testnet.waitUntilExit()
        try show(report)
        if report.wrong > 0 { miss("\(report.wrong) lookups were wrong") }
    }

    /// The memory of a node whose table has so many contacts: `dht-probe table 10000`.
    static func table() throws {
        let count = CommandLine.arguments.dropFirst(2).first.flatMap { Int($0) } ?? 10_000
        var settings = DHTSettings()
        settings.routing.bucketCapacity = count
        settings.routing.extendsFirstBuckets = false
        let now = DHTInstant.now
        let before = ProcessFigures.residentKiB
        var random = SystemRandomNumberGenerator()
        var node = DHTNode(
            settings: settings,
            cryptography: .swiftCrypto,
            random: random,
            at: now
        )
        for index in 0..<count {
            let endpoint = Endpoint(v4: 0x0B00_0001 + UInt32(index) << 8, port: 6_881)
            let id = NodeID.random(using: &random)
            _ = node.seed(Contact(id: id, endpoint: endpoint, lastAnswered: now), at: now)
        }
        let after = ProcessFigures.residentKiB
        let contacts = node.status(at: now).good
        try show(["contacts": contacts, "rss_before": before, "rss_after": after])
    }

    private static func number(_ name: String, _ fallback: Int) -> Int {
        let words = CommandLine.arguments
        guard let index = words.firstIndex(of: name), index + 1 < words.count else {
            return fallback
        }
        return Int(words[index + 1]) ?? fallback
    }

    private static func show(_ report: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        print(String(decoding: try encoder.encode(report), as: UTF8.self))
    }

    private static func miss(_ what: String) -> Never {
        print("MISSED: \(what)")
        exit(1)
    }
}
