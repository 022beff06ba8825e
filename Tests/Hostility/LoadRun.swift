internal import DHTClient
internal import DHTCore
internal import NIOCore
internal import NIOPosix

/// As many lookups as a client can do, against nodes in another process.
package struct LoadRun: Sendable {
    /// The nodes to join by, as `testnet` prints them.
    package var bootstrap: String
    package var infoHashes = 500
    package var lookupsAtOnce = 64
    package var seconds = 10

    package init(bootstrap: String) {
        self.bootstrap = bootstrap
    }

    /// What was measured.
    package struct Report: Encodable, Sendable {
        package var lookups = 0
        package var wrong = 0
        package var lookups_per_second = 0.0
        /// Lookups in a second of this process's processor time.
        package var lookups_per_core = 0.0
        package var microseconds_a_lookup = 0.0
        package var queries_a_lookup = 0.0
        package var slowest_ms = 0.0
        package var rss = 0
    }

    /// Runs it all; throws when the client cannot start.
    package func run() async throws -> Report {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var configuration = MainlineConfiguration()
        configuration.node = .unlimited
        configuration.binds = [Endpoint(127, 0, 0, 1, port: 0)]
        configuration.bootstrap = try BootstrapAddress.list(
            bootstrap.split(separator: ",").map(String.init)
        )
        let client = try await MainlineClient.start(configuration, on: group.next())
        _ = await client.hasContacts(8, by: .now + .seconds(10))
        let targets = try await announce(infoHashes, by: client)
        let before = await client.status().node.counters.queriesSent
        let processor = ProcessFigures.processorSeconds
        let begun = DHTInstant.now
        var report = await lookUp(client, targets, until: begun + .seconds(seconds))
        let took = DHTInstant.now.since(begun).milliseconds / 1_000
        let used = ProcessFigures.processorSeconds - processor
        let queries = await client.status().node.counters.queriesSent - before
        report.lookups_per_second = Double(report.lookups) / took
        report.lookups_per_core = Double(report.lookups) / used
        report.microseconds_a_lookup = used * 1_000_000 / Double(max(1, report.lookups))
        report.queries_a_lookup = Double(queries) / Double(max(1, report.lookups))
        report.rss = ProcessFigures.residentKiB
        await client.stop()
        try await group.shutdownGracefully()
        return report
    }

    /// Keeps so many lookups under way until a time.
    private func lookUp(
        _ client: MainlineClient,
        _ targets: [Target],
        until end: DHTInstant
    ) async -> Report {
        await withTaskGroup(of: Report.self) { group in
            for worker in 0..<lookupsAtOnce {
                group.addTask {
                    var own = Report()
                    var index = worker
                    while DHTInstant.now < end {
                        index = (index + 7) % targets.count
                        let result = await targets[index].lookUp(client)
                        own.lookups += 1
                        if result.found != .right { own.wrong += 1 }
                        own.slowest_ms = max(own.slowest_ms, result.time)
                    }
                    return own
                }
            }
            var report = Report()
            for await own in group {
                report.lookups += own.lookups
                report.wrong += own.wrong
                report.slowest_ms = max(report.slowest_ms, own.slowest_ms)
            }
            return report
        }
    }
}
