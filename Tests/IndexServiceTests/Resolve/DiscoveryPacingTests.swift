import DHTClient
import DHTCore
import Testing

@testable import Cache
@testable import IndexService

/// What our own limits and an idle family say of the DHT: nothing.
@Suite(.serialized) struct DiscoveryPacingTests {
    private var deadline: MonotonicInstant { .now().advanced(by: 1_200_000_000) }

    /// A client that may send one node so many queries at once, then so many a second.
    private func pacing(burst: Int, perSecond: Int) -> (inout MainlineConfiguration) -> Void {
        {
            $0.node.pacing.queryBurstToOneNode = burst
            $0.node.pacing.queriesPerSecondToOneNode = perSecond
        }
    }

    /// Looks for so many things at once that nobody has.
    private func lookUp(
        _ count: Int,
        _ effort: Discovery.Effort,
        with discovery: Discovery,
        by deadline: MonotonicInstant
    ) async -> [Discovered] {
        await discovery.running { discovery in
            await withTaskGroup(of: Discovered.self) { group in
                for number in 0..<count {
                    let id = makeContentID("nowhere \(number)")
                    group.addTask {
                        await discovery.providers(of: id, effort: effort, by: deadline)
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
        }
    }

    @Test func whatOurOwnRatesHoldBackIsOverCapacityAndOpensNoBreaker() async throws {
        try await withDHTClient(change: pacing(burst: 1, perSecond: 1)) { client in
            let discovery = Discovery(client: client, budget: 1_200_000_000)
            let found = await lookUp(60, .first, with: discovery, by: deadline)
            let verdicts = found.map(\.verdict)
            #expect(verdicts.contains(.unknown(.overCapacity)))
            #expect(!verdicts.contains(.unknown(.unreachable)))
            #expect(discovery.phase(at: .now()) == .closed)
            #expect(await client.status().node.counters.queriesHeldBack > 0)
        }
    }

    @Test func whatNobodyWaitsForGivesWayAndHasLonger() async throws {
        try await withDHTClient(change: pacing(burst: 4, perSecond: 100)) { client in
            let discovery = Discovery(client: client, budget: 1_200_000_000)
            #expect(discovery.budget(for: .first) == 1_200_000_000)
            #expect(discovery.budget(for: .thorough) == 4_800_000_000)
            let end = MonotonicInstant.now().advanced(bySeconds: 30)
            let found = await lookUp(10, .thorough, with: discovery, by: end)
            #expect(found.allSatisfy { $0.verdict == .absent && $0.isComplete })
            let counters = await client.status().node.counters
            #expect(counters[heldBackBy: .node, .background] > 0)
            #expect(counters[heldBackBy: .node, .caller] == 0)
        }
    }

    @Test func whatNobodyWaitsForLeavesHalfOfTheLookupsToCallers() async throws {
        try await withDHTClient { client in
            let discovery = Discovery(client: client, budget: 1_000_000_000, lookupsPerSecond: 4)
            await discovery.running { discovery in
                // Too late for a lookup; it takes a place in the rate all the same.
                for number in 0..<100 {
                    let id = makeContentID("nowhere \(number)")
                    _ = await discovery.providers(of: id, effort: .thorough, by: .now())
                }
                let id = makeContentID("nowhere")
                let found = await discovery.providers(of: id, effort: .first, by: .now())
                #expect(found.verdict == .unknown(.deadline))
            }
        }
    }

    /// Thousands of keys that are to be looked up again at once are, one after the other.
    @Test func whatNobodyWaitsForWaitsForItsPlaceInTheRate() async throws {
        try await withDHTClient(change: {
            $0.node.pacing.queryBurstToOneNode = 1_000
            $0.node.pacing.queriesPerSecondToOneNode = 1_000
        }) { client in
            let discovery = Discovery(client: client, budget: 5_000_000_000, lookupsPerSecond: 10)
            let end = MonotonicInstant.now().advanced(bySeconds: 30)
            let verdicts = await discovery.running { discovery in
                await withTaskGroup(of: Discovered.Verdict.self) { group in
                    for number in 0..<15 {
                        let id = makeContentID("nowhere \(number)")
                        group.addTask {
                            await discovery.providers(of: id, effort: .thorough, by: end).verdict
                        }
                    }
                    return await group.reduce(into: []) { $0.append($1) }
                }
            }
            #expect(verdicts == Array(repeating: .absent, count: 15))
        }
    }

    @Test func theRatesOfTheSettingsAreThoseOfTheClient() throws {
        func pacing(_ settings: Settings.DHT) throws -> PacingSettings {
            try MainlineConfiguration(settings: settings).node.pacing
        }
        var settings = Settings().dht
        #expect(try pacing(settings).queriesPerSecondToOneNode == 2)
        #expect(try pacing(settings).queryBurstToOneNode == 20)
        settings.queriesPerSecondToOneNode = 50
        settings.queryBurstToOneNode = 100
        #expect(try pacing(settings).queriesPerSecondToOneNode == 50)
        #expect(try pacing(settings).queryBurstToOneNode == 100)
    }

    @Test func anOpenBreakerIsToldBeforeOurOwnRateAndTakesNothingOfIt() async throws {
        try await withDHTClient { client in
            let discovery = Discovery(
                client: client,
                budget: 1_200_000_000,
                lookupsPerSecond: 1,
                breaker: makeBreaker(pause: 3_600_000_000_000, isOpen: true)
            )
            let runner = discovery.start()
            defer { runner.cancel() }
            for number in 0..<10 {
                let id = makeContentID("nowhere \(number)")
                let found = await discovery.providers(of: id, effort: .first, by: deadline)
                #expect(found.verdict == .unknown(.unreachable))
            }
        }
    }

    @Test func whoFindsNoPlaceInOurOwnRateLeavesTheProbeToTheNext() async throws {
        try await withDHTClient { client in
            let breaker = makeBreaker(pause: 0)
            let discovery = Discovery(
                client: client,
                budget: 1_200_000_000,
                lookupsPerSecond: 1,
                breaker: breaker
            )
            let runner = discovery.start()
            defer { runner.cancel() }
            let id = makeContentID("nowhere")
            // Too late for a lookup, and takes the only place of this second all the same.
            let late = await discovery.providers(of: id, effort: .first, by: .now())
            #expect(late.verdict == .unknown(.deadline))
            #expect(discovery.phase(at: .now()) == .closed)
            breaker.failOnce()
            let found = await discovery.providers(of: id, effort: .first, by: deadline)
            #expect(found.verdict == .unknown(.overCapacity))
            #expect(breaker.admit(at: .now()) != nil)
        }
    }

    /// One that a single failure opens, for `pause` nanoseconds.
    private func makeBreaker(pause: UInt64, isOpen: Bool = false) -> CircuitBreaker {
        var settings = CircuitBreakerSettings()
        settings.minimumCalls = 1
        settings.shortestPause = pause
        settings.longestPause = pause
        settings.probePatience = 3_600_000_000_000
        let breaker = CircuitBreaker(settings)
        if isOpen { breaker.failOnce() }
        return breaker
    }

    @Test func aFamilyWithoutNodesDoesNotKeepAnythingFromBeingAbsent() async throws {
        try await withDHTClient(change: {
            $0.binds.append(DHTCore.Endpoint(v6: 0, 1, port: 0))
        }) { client in
            let discovery = Discovery(client: client, budget: 1_200_000_000)
            let runner = discovery.start()
            defer { runner.cancel() }
            let id = makeContentID("in no family")
            let found = await discovery.providers(of: id, effort: .first, by: deadline)
            #expect(found.verdict == .absent)
            #expect(found.isComplete)
        }
    }

    @Test func whatOneFamilyHasFoundWaitsForNoSilentOne() async throws {
        let silent = try await LoopbackNetwork.start(count: 8, family: .v6)
        let id = makeContentID("in one family")
        try await withDHTClient(
            nodes: 8,
            // More than one family has.
            contacts: 9,
            change: {
                $0.binds.append(DHTCore.Endpoint(v6: 0, 1, port: 0))
                $0.bootstrap += silent.bootstrap
            }
        ) { client in
            _ = try await client.publish(
                .peer(infoHash: id.infoHash, port: 9001),
                deadline: .now + .seconds(5)
            )
            await silent.stop()
            let patient = Discovery(client: client, budget: 30_000_000_000)
            let end = MonotonicInstant.now().advanced(bySeconds: 30)
            let early = await patient.running {
                await $0.providers(of: id, effort: .first, by: end)
            }
            #expect(early.verdict == .found && early.isComplete && early.isEarly)
            let hurried = Discovery(client: client, budget: 200_000_000)
            let whole = await hurried.running {
                await $0.providers(of: id, effort: .thorough, by: end)
            }
            #expect(!whole.isComplete)
        }
    }
}

extension CircuitBreaker {
    fileprivate func failOnce() {
        if let permit = admit(at: .now()) { failed(permit, at: .now()) }
    }
}
