import DHTClient
import DHTCore
import Testing

@Suite struct LifecycleTests {
    @Test func aPortInUseIsOneClearError() async throws {
        let network = try await LoopbackNetwork.start(count: 1)
        let taken = try #require(network.nodes.first?.endpoints.first)
        await #expect(throws: MainlineError.addressInUse(taken)) {
            _ = try await makeClient(joiningBy: network.bootstrap, bind: taken)
        }
        #expect(MainlineError.addressInUse(taken).description.contains("\(taken) is in use"))
        await network.stop()
    }

    @Test func anAddressThatIsNotOursIsOneClearError() async throws {
        do {
            _ = try await makeClient(bind: Endpoint(192, 0, 2, 1, port: 0))
            Issue.record("bound an address of the documentation")
        } catch MainlineError.bindFailed(_, let reason) {
            #expect(reason.contains("assign"))
        }
    }

    @Test func twoAddressesOfOneFamilyAreRefused() async throws {
        await #expect(throws: MainlineError.self) {
            _ = try await makeClient() {
                $0.binds = [Endpoint(127, 0, 0, 1, port: 0), Endpoint(127, 0, 0, 2, port: 0)]
            }
        }
    }

    @Test func anAddressInUseLeavesNoOtherSocketOpen() async throws {
        let network = try await LoopbackNetwork.start(count: 1)
        let taken = try #require(network.nodes.first?.endpoints.first)
        let free = Endpoint(v6: 0, 1, port: taken.port)
        for _ in 0..<2 {
            await #expect(throws: MainlineError.addressInUse(taken)) {
                _ = try await makeClient(joiningBy: network.bootstrap) { $0.binds = [free, taken] }
            }
        }
        await network.stop()
    }

    @Test func stoppingGivesThePortBackAndRefusesLookups() async throws {
        let network = try await LoopbackNetwork.start(count: 2)
        let client = try await makeClient(joiningBy: network.bootstrap)
        let endpoint = try #require(client.endpoints.first)
        await client.stop()
        await client.stop()
        #expect(await lookUp(with: client) == .failure(.stopped))
        #expect(await client.hasContacts(1, by: soon) == false)
        #expect(await client.status().isStopped)
        let next = try await makeClient(joiningBy: network.bootstrap, bind: endpoint)
        #expect(next.endpoints == [endpoint])
        await next.stop()
        await network.stop()
    }

    @Test func stoppingAnswersEverybodyWhoWaits() async throws {
        let silent = try await RawPeer.open()
        let client = try await makeLonelyClient(beside: silent)
        async let contacts = client.hasContacts(5, by: .now + .minutes(5))
        async let outcome = lookUp(with: client)
        _ = await silent.nextQuery()
        await client.stop()
        #expect(await contacts == false)
        #expect(await outcome == .failure(.stopped))
        try await silent.close()
    }

    @Test func cancellingTheCallerEndsItsLookup() async throws {
        let silent = try await RawPeer.open()
        let client = try await makeLonelyClient(beside: silent)
        let caller = Task { await lookUp(with: client) }
        _ = await silent.nextQuery(.getPeers)
        caller.cancel()
        #expect(await caller.value == .failure(.cancelled))
        #expect(await client.status().node.activeLookups <= 1, "the bootstrap may still run")
        await client.stop()
        try await silent.close()
    }

    @Test func aCallerCancelledBeforehandNeverBegins() async throws {
        let silent = try await RawPeer.open()
        let client = try await makeLonelyClient(beside: silent)
        let caller = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await lookUp(with: client)
        }
        #expect(await caller.value == .failure(.cancelled))
        await client.stop()
        try await silent.close()
    }

    @Test func aLostSocketIsReopenedAtTheSamePort() async throws {
        let (events, continuation) = AsyncStream.makeStream(of: MainlineEvent.self)
        let network = try await LoopbackNetwork.start(count: 24, settings: openSettings)
        var configuration = makeConfiguration(joiningBy: network.bootstrap)
        configuration.retry.rebindPause = .milliseconds(1)
        let client = try await MainlineClient.start(configuration) { continuation.yield($0) }
        let endpoint = try #require(client.endpoints.first)
        #expect(await client.hasContacts(3, by: soon))
        var bound = 0
        for await event in events {
            guard case .bound(let place) = event else { continue }
            #expect(place == endpoint)
            bound += 1
            if bound == 2 { break }
            client.reopenSockets()
        }
        let status = await client.status()
        #expect(status.tally.socketsLost == 1)
        #expect(status.sockets.first?.isOpen == true)
        #expect(status.sockets.first?.lastError == nil)
        let result = try await client.lookup(.anyPeer(of: makeID(9)), deadline: soon)
        #expect(result.verdict == .absent)
        await client.stop()
        await network.stop()
    }

    @Test func withoutASocketALookupIsNotAskedAtAll() async throws {
        let (events, continuation) = AsyncStream.makeStream(of: MainlineEvent.self)
        let network = try await LoopbackNetwork.start(count: 2)
        var configuration = makeConfiguration(joiningBy: network.bootstrap)
        configuration.retry.rebindPause = .minutes(5)
        configuration.retry.rebindPauseLimit = .minutes(5)
        let client = try await MainlineClient.start(configuration) { continuation.yield($0) }
        client.reopenSockets()
        for await event in events {
            if case .socketLost = event { break }
        }
        #expect(await lookUp(with: client) == .failure(.notConnected(.v4)))
        #expect(await client.status().canLookUp() == false)
        await client.stop()
        await network.stop()
    }
}

/// A client that knows of one node only.
private func makeLonelyClient(beside peer: RawPeer) async throws -> MainlineClient {
    var configuration = makeConfiguration()
    configuration.node.lookup.queryTimeout = .minutes(5)
    configuration.bootstrap = [try BootstrapAddress(peer.endpoint.description)]
    return try await MainlineClient.start(configuration)
}

/// The end of a lookup that nobody answers.
private func lookUp(with client: MainlineClient) async -> Result<LookupEnd, MainlineError> {
    do throws(MainlineError) {
        let goal = LookupGoal.anyPeer(of: makeID(1))
        return .success(try await client.lookup(goal, deadline: .now + .minutes(5)).report.end)
    } catch {
        return .failure(error)
    }
}
