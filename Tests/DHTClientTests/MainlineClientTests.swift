import DHTClient
import DHTCore
import Testing

@Suite struct MainlineClientTests {
    @Test func whatOneNodeAnnouncesAnotherFinds() async throws {
        try await withClient { network, client in
            let announcer = try await makeClient(joiningBy: network.bootstrap)
            #expect(await announcer.hasContacts(3, by: soon))
            let written = try await announcer.publish(
                .peer(infoHash: makeID(7), port: 4242),
                deadline: soon
            )
            #expect(written.write?.stored ?? 0 >= 8)
            let found = try await client.lookup(.anyPeer(of: makeID(7)), deadline: soon)
            #expect(found.verdict == .found)
            #expect(found.providers.map(\.endpoint) == [Endpoint(127, 0, 0, 1, port: 4242)])
            await announcer.stop()
        }
    }

    @Test func bothFamiliesAreAskedThroughOneClient() async throws {
        let v4 = try await LoopbackNetwork.start(count: 10, settings: openSettings)
        let v6 = try await LoopbackNetwork.start(count: 10, family: .v6, settings: openSettings)
        let joined = v4.bootstrap.prefix(3) + v6.bootstrap.prefix(3)
        let client = try await makeClient(joiningBy: Array(joined)) {
            $0.binds = [Endpoint(127, 0, 0, 1, port: 0), Endpoint(v6: 0, 1, port: 0)]
        }
        for family in AddressFamily.allCases {
            let options = LookupOptions(family: family)
            let written = try await client.publish(
                .peer(infoHash: makeID(6), port: 6006),
                options: options,
                deadline: soon
            )
            #expect(written.write?.stored ?? 0 >= 8)
            let found = try await client.lookup(
                .anyPeer(of: makeID(6)),
                options: options,
                deadline: soon
            )
            #expect(found.providers.map(\.endpoint.family) == [family])
        }
        let status = await client.status()
        #expect(status.node.v4.good >= 8 && status.node.v6.good >= 8)
        for node in [client] + v4.nodes + v6.nodes { await node.stop() }
    }

    /// Two networks that know nothing of each other; the nodes to join by lead to both.
    @Test func whoJoinsByNodesOfTwoNetworksKnowsBoth() async throws {
        let one = try await LoopbackNetwork.start(count: 12, settings: openSettings)
        let other = try await LoopbackNetwork.start(count: 12, settings: openSettings)
        let client = try await makeClient(joiningBy: one.bootstrap + other.bootstrap)
        #expect(await client.hasContacts(20, by: soon))
        for node in [client] + one.nodes + other.nodes { await node.stop() }
    }

    @Test func lateNodesAnswerLate() async throws {
        let delay = TimeSpan.milliseconds(300)
        let network = try await LoopbackNetwork.start(
            count: 12,
            settings: openSettings,
            late: .init(count: 12, delay: delay)
        )
        let client = try await makeClient(joiningBy: network.bootstrap)
        #expect(await client.hasContacts(8, by: soon))
        let beganAt = DHTInstant.now
        let found = try await client.lookup(
            .anyPeer(of: makeID(5)),
            options: LookupOptions(isTraced: true),
            deadline: soon
        )
        #expect(DHTInstant.now.since(beganAt) >= delay)
        // One time stands for all that is read at once, and may be earlier than the last of it.
        let times = found.trace.compactMap(\.took)
        #expect(times.count >= 8 && times.allSatisfy { $0 >= delay.scaled(by: 0.5) })
        for node in [client] + network.nodes { await node.stop() }
    }

    @Test func whatNobodyAnnouncedIsAbsent() async throws {
        try await withClient { _, client in
            let result = try await client.lookup(.anyPeer(of: makeID(9)), deadline: soon)
            #expect(result.verdict == .absent)
            #expect(result.report.end == .complete)
        }
    }

    @Test func theNewestMutableItemIsFoundAndVerified() async throws {
        try await withClient { _, client in
            let signer = try #require(ItemSigner.random())
            for sequence in 1...2 {
                let item = try #require(
                    signer.item(value: Array("1:\(sequence)".utf8), sequence: Int64(sequence))
                )
                let written = try await client.publish(.item(item), deadline: soon)
                #expect(written.write?.stored ?? 0 >= 5)
            }
            let found = try await client.lookup(
                .mutable(signer.publicKey, salt: []),
                deadline: soon
            )
            #expect(found.item?.mutable?.sequence == 2)
            #expect(found.item?.value == Array("1:2".utf8))
            #expect(found.item?.isAuthentic(.swiftCrypto) == true)
        }
    }

    @Test func anImmutableItemIsFoundByItsHash() async throws {
        try await withClient { _, client in
            let item = StoredItem(value: Array("5:hello".utf8))
            _ = try await client.publish(.item(item), deadline: soon)
            let target = item.target(.swiftCrypto)
            let found = try await client.lookup(.immutable(target), deadline: soon)
            #expect(found.item == item)
        }
    }

    @Test func twoHundredLookupsAtOnceAllFind() async throws {
        try await withClient(nodes: 40) { _, client in
            for number in 0..<20 {
                _ = try await client.publish(
                    .peer(infoHash: makeID(UInt8(number)), port: 1000 + UInt16(number)),
                    deadline: soon
                )
            }
            try await withThrowingTaskGroup(of: LookupResult.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        let id = makeID(UInt8(number % 20))
                        return try await client.lookup(.anyPeer(of: id), deadline: soon)
                    }
                }
                for try await result in group { #expect(result.verdict == .found) }
            }
            // Lookups of callers only: the client may be looking after itself at this moment.
            #expect(await client.status().tally.ends.reduce(0, +) == 220)
        }
    }

    @Test func aPassedDeadlineIsRefused() async throws {
        try await withClient { _, client in
            await #expect(throws: MainlineError.refused(.deadlinePassed)) {
                _ = try await client.lookup(.anyPeer(of: makeID(1)), deadline: .distantPast)
            }
        }
    }

    @Test func withoutContactsTheAnswerIsUnknownNotAbsent() async throws {
        var configuration = MainlineConfiguration()
        configuration.binds = [Endpoint(127, 0, 0, 1, port: 0)]
        let client = try await MainlineClient.start(configuration)
        let result = try await client.lookup(.anyPeer(of: makeID(1)), deadline: soon)
        #expect(result.verdict == .unknown)
        #expect(result.report.end == .noContacts)
        #expect(await client.hasContacts(1, by: .now + .milliseconds(1)) == false)
        await client.stop()
    }

    @Test func whatIsUnderWayAtAnEarlyEndIsHarvested() async throws {
        try await withClient { _, client in
            for port in [4000, 4001] as [UInt16] {
                _ = try await client.publish(
                    .peer(infoHash: makeID(3), port: port),
                    deadline: soon
                )
            }
            let (harvests, continuation) = AsyncStream.makeStream(of: LookupResult.self)
            let first = try await client.lookup(
                .anyPeer(of: makeID(3)),
                options: LookupOptions(harvestTime: .seconds(5)),
                deadline: soon,
                harvested: { continuation.yield($0) }
            )
            #expect(first.verdict == .found)
            guard first.isHarvesting else { return }
            for await harvest in harvests {
                #expect(harvest.id == first.id)
                #expect(harvest.report.responded > first.report.responded)
                break
            }
        }
    }
}
