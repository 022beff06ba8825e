import DHTClient
import DHTCore
import Hostility
import Testing

@Suite struct HostileTests {
    @Test func forgedRepliesAreCountedAndChangeNothing() async throws {
        let asked = try await RawPeer.open()
        let forger = try await RawPeer.open()
        var configuration = makeConfiguration()
        configuration.node.lookup.queryTimeout = .minutes(5)
        configuration.bootstrap = [try BootstrapAddress(asked.endpoint.description)]
        let client = try await MainlineClient.start(configuration)
        async let outcome = client.lookup(.anyPeer(of: makeID(1)), deadline: soon)

        let query = try #require(await asked.nextQuery(.getPeers))
        let wrong = Endpoint(127, 6, 6, 6, port: 666)
        let right = Endpoint(127, 0, 0, 1, port: 4242)
        // Loopback keeps the order, so the forgeries are in the client's hands first.
        let stolen = RawPeer.reply(to: query.transaction, from: makeID(2), naming: wrong)
        try await forger.send(stolen, to: query.from)
        let guessed = RawPeer.reply(to: [1, 2, 3, 4], from: makeID(2), naming: wrong)
        try await asked.send(guessed, to: query.from)
        let genuine = RawPeer.reply(to: query.transaction, from: makeID(2), naming: right)
        try await asked.send(genuine, to: query.from)

        #expect(try await outcome.providers.map(\.endpoint) == [right])
        let counters = await client.status().node.counters
        #expect(counters[.wrongAddress] == 1)
        #expect(counters[.unsolicited] >= 1)
        await client.stop()
        try await asked.close()
        try await forger.close()
    }

    @Test func aFloodOfGarbageStopsNoLookup() async throws {
        try await withClient { _, client in
            let flooder = try await RawPeer.open()
            let target = try #require(client.endpoints.first)
            _ = try await client.publish(
                .peer(infoHash: makeID(5), port: 5005),
                deadline: soon
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    var random = SystemRandomNumberGenerator()
                    for size in 0..<4_000 {
                        let bytes = (0..<(size % 300)).map { _ in
                            UInt8.random(in: 0...255, using: &random)
                        }
                        try await flooder.send(Array("d1:".utf8) + bytes, to: target)
                    }
                }
                for _ in 0..<50 {
                    group.addTask {
                        let goal = LookupGoal.anyPeer(of: makeID(5))
                        let result = try await client.lookup(goal, deadline: soon)
                        #expect(result.providers.count == 1)
                    }
                }
                try await group.waitForAll()
            }
            let status = await client.status()
            #expect(status.node.counters.dropped > 0)
            #expect(status.node.queriesUnderWay <= 1024)
            try await flooder.close()
        }
    }

    /// `make dht-hostile` in small.
    @Test func aFloodOfForgeriesChangesNoAnswerAndFillsNoMemory() async throws {
        var run = HostileRun()
        run.nodes = 24
        run.rate = 5_000
        run.seconds = 2
        let report = try await run.run()
        #expect(report.wrong == 0)
        // The machine may be busy: `make dht-hostile` allows none.
        #expect(report.lost <= report.lookups / 4)
        #expect(report.lookups >= 100)
        #expect(report.hostile_datagrams > 1_000)
        for reason in [DropReason.badBencode, .badMessage, .unsolicited, .queryInClientMode] {
            #expect(report.dropped["\(reason)"] ?? 0 > 100, "\(reason)")
        }
        #expect(report.contacts <= 24)
        #expect(report.rss_most - report.rss_before < 16 << 10)
    }

    @Test func aFloodFromEverNewAddressesFillsNoTable() async throws {
        var run = HostileRun()
        run.nodes = 24
        run.rate = 10_000
        run.seconds = 3
        run.isSpoofed = true
        let report = try await run.run()
        #expect(report.wrong == 0)
        // The machine may be busy: `make dht-hostile` allows none.
        #expect(report.lost <= report.lookups / 4)
        #expect(report.hostile_addresses > PacingSettings().trackedAddresses / 4)
        #expect(report.tracked_addresses <= PacingSettings().trackedAddresses)
        #expect(report.contacts <= 24)
        #expect(report.rss_most - report.rss_before < 16 << 10)
    }

    @Test func anAddressThatCannotBeSentToIsCountedAndTheSocketStaysOpen() async throws {
        try await withClient { network, client in
            // Loopback addresses cannot reach the rest of the world: the system refuses to send.
            let liar = try await RawPeer.open()
            var configuration = makeConfiguration(joiningBy: network.bootstrap)
            configuration.bootstrap = [
                try BootstrapAddress("198.51.100.1:6881"),
                try BootstrapAddress(liar.endpoint.description),
            ]
            let lonely = try await MainlineClient.start(configuration)
            // It has ended once the one that can be asked is overdue: the other was tried by then.
            _ = try await lonely.lookup(.anyPeer(of: makeID(1)), deadline: soon)
            let status = await lonely.status()
            let refused = SendFailure.allCases.reduce(0) { $0 + status.tally[$1] }
            #expect(refused > 0)
            #expect(status.sockets.first?.isOpen == true)
            #expect(status.tally.socketsLost == 0)
            await lonely.stop()
            try await liar.close()
            _ = client
        }
    }

    @Test func whenNothingCanBeSentALookupEndsAtOnce() async throws {
        // Loopback addresses cannot reach the rest of the world, and no timeout is waited for.
        var configuration = makeConfiguration()
        configuration.node.lookup.queryTimeout = .minutes(5)
        configuration.bootstrap = [try BootstrapAddress("198.51.100.1:6881")]
        let client = try await MainlineClient.start(configuration)
        let goal = LookupGoal.anyPeer(of: makeID(1))
        let result = try await client.lookup(goal, deadline: .now + .minutes(5))
        #expect(result.report.end == .unreachable)
        #expect(result.verdict == .unknown)
        #expect(await client.status().node.counters.queriesUnsent > 0)
        await client.stop()
    }
}
