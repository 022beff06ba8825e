internal import DHTClient
internal import DHTCore
internal import NIOCore
internal import NIOPosix

/// Lookups of a real client on a loopback network while its socket is flooded.
package struct HostileRun: Sendable {
    package var nodes = 100
    package var lookupsAtOnce = 100
    /// Hostile datagrams a second.
    package var rate = 50_000
    package var seconds = 30
    /// Let the flood come from thousands of addresses a second, to a client that answers queries.
    package var isSpoofed = false

    package init() {}

    /// What was measured.
    package struct Report: Encodable, Sendable {
        package var lookups = 0
        /// Lookups that found anything but the one provider that was announced.
        package var wrong = 0
        /// Lookups that found nothing.
        package var lost = 0
        package var slowest_ms = 0.0
        package var hostile_datagrams = 0
        package var hostile_per_second = 0.0
        package var hostile_addresses = 0
        /// Addresses whose rates the client remembers at the end of a round, at most.
        package var tracked_addresses = 0
        package var lost_in_the_receive_buffer = 0
        package var dropped: [String: Int] = [:]
        package var queries_under_way = 0
        package var contacts = 0
        /// KiB: before the flood but after as many lookups, at most, and after.
        package var rss_before = 0
        package var rss_most = 0
        package var rss_after = 0
        package var processor_seconds = 0.0
    }

    /// Runs it all; throws when the network or the client cannot start.
    package func run() async throws -> Report {
        let network = try await LoopbackNetwork.start(count: nodes, settings: .unlimited)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var configuration = MainlineConfiguration()
        configuration.node = .unlimited
        configuration.binds = [Endpoint(127, 0, 0, 1, port: 0)]
        configuration.bootstrap = network.bootstrap
        if isSpoofed {
            // The rates of those who ask are what is to stay bounded.
            let pacing = PacingSettings()
            configuration.node.answersQueries = true
            configuration.node.pacing.repliesPerSecond = pacing.repliesPerSecond
            configuration.node.pacing.repliesPerSecondToOneAddress =
                pacing.repliesPerSecondToOneAddress
        }
        let client = try await MainlineClient.start(configuration, on: group.next())
        _ = await client.hasContacts(8, by: .now + .seconds(10))
        let report = try await run(client)
        await client.stop()
        await network.stop()
        try await group.shutdownGracefully()
        return report
    }

    private func run(_ client: MainlineClient) async throws -> Report {
        let targets = try await announce(lookupsAtOnce, by: client)
        var report = Report()
        for _ in 0..<5 { await round(client, targets, &report) }
        report = Report()
        report.rss_before = ProcessFigures.residentKiB
        let port = client.endpoints.first?.port ?? 0
        let processor = ProcessFigures.processorSeconds
        let begun = DHTInstant.now
        let flood = Flood(to: port, rate: rate, isSpoofed: isSpoofed)
        while DHTInstant.now.since(begun) < .seconds(seconds) {
            await round(client, targets, &report)
            report.rss_most = max(report.rss_most, ProcessFigures.residentKiB)
            let tracked = await client.status().node.trackedAddresses
            report.tracked_addresses = max(report.tracked_addresses, tracked)
        }
        flood.stop()
        let took = DHTInstant.now.since(begun).milliseconds / 1_000
        report.hostile_datagrams = flood.sent
        report.hostile_addresses = flood.sources
        report.hostile_per_second = Double(flood.sent) / took
        report.processor_seconds = ProcessFigures.processorSeconds - processor
        report.lost_in_the_receive_buffer = ProcessFigures.dropsInBuffer(ofPort: port)
        let status = await client.status()
        report.queries_under_way = status.node.queriesUnderWay
        report.contacts = status.node.good + status.node.questionable + status.node.bad
        for reason in DropReason.allCases where status.node.counters[reason] > 0 {
            report.dropped["\(reason)"] = status.node.counters[reason]
        }
        report.rss_after = ProcessFigures.residentKiB
        return report
    }

    /// Looks every target up, all at once.
    private func round(
        _ client: MainlineClient,
        _ targets: [Target],
        _ report: inout Report
    ) async {
        await withTaskGroup(of: (found: Target.Found, time: Double).self) { group in
            for target in targets { group.addTask { await target.lookUp(client) } }
            for await result in group {
                report.lookups += 1
                switch result.found {
                case .right: break
                case .wrong: report.wrong += 1
                case .nothing: report.lost += 1
                }
                report.slowest_ms = max(report.slowest_ms, result.time)
            }
        }
    }
}

/// An info-hash and its only provider.
struct Target: Sendable {
    let infoHash: NodeID
    let provider: Endpoint

    /// What a lookup came to: a busy machine may lose one, but none may be wrong.
    enum Found: Sendable {
        case right, wrong, nothing
    }

    /// Whether exactly the provider is found, and after how many milliseconds.
    func lookUp(_ client: MainlineClient) async -> (found: Found, time: Double) {
        let begun = DHTInstant.now
        let result = try? await client.lookup(
            .peers(infoHash, LookupGoal.Enough()),
            deadline: begun + .seconds(5)
        )
        let providers = result?.providers.map(\.endpoint) ?? []
        let found: Found =
            providers.isEmpty ? .nothing : providers == [provider] ? .right : .wrong
        return (found, DHTInstant.now.since(begun).milliseconds)
    }
}

/// Announces one provider for each of so many info-hashes.
func announce(_ count: Int, by client: MainlineClient) async throws -> [Target] {
    var random = SystemRandomNumberGenerator()
    var targets: [Target] = []
    for index in 0..<count {
        let infoHash = NodeID.random(using: &random)
        let port = UInt16(1_024 + index)
        _ = try await client.publish(
            .peer(infoHash: infoHash, port: port),
            deadline: .now + .seconds(5)
        )
        targets.append(Target(infoHash: infoHash, provider: Endpoint(127, 0, 0, 1, port: port)))
    }
    return targets
}

extension DHTSettings {
    /// Settings of a loopback network whose own rates stand in nobody's way.
    static var unlimited: DHTSettings {
        var settings = LoopbackNetwork.nodeSettings
        settings.pacing.queriesPerSecond = 1_000_000
        settings.pacing.queryBurst = 1_000_000
        settings.pacing.queriesPerSecondToOneNode = 1_000_000
        settings.pacing.repliesPerSecond = 1_000_000
        settings.pacing.repliesPerSecondToOneAddress = 1_000_000
        return settings
    }
}
