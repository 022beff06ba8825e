import DHTClient
import DHTCore
import Testing

@testable import Cache
@testable import IndexService

/// What our own limits and an idle family say of the DHT: nothing.
@Suite(.serialized) struct DiscoveryPacingTests {
    /// A network of its own nodes and a client of it, which has joined.
    private func withClient(
        nodes: Int = 24,
        change: (inout MainlineConfiguration) -> Void,
        _ body: (MainlineClient) async throws -> Void
    ) async throws {
        let network = try await LoopbackNetwork.start(count: nodes)
        var configuration = MainlineConfiguration()
        configuration.node = LoopbackNetwork.nodeSettings
        configuration.binds = [DHTCore.Endpoint(127, 0, 0, 1, port: 0)]
        configuration.bootstrap = network.bootstrap
        change(&configuration)
        let client = try await MainlineClient.start(configuration)
        #expect(await client.hasContacts(8, by: .now + .seconds(5)))
        try await body(client)
        await client.stop()
        await network.stop()
    }

    private var deadline: MonotonicInstant { .now().advanced(by: 1_200_000_000) }

    @Test func whatOurOwnRatesHoldBackIsOverCapacityAndOpensNoBreaker() async throws {
        try await withClient(change: {
            $0.node.pacing.queryBurstToOneNode = 1
            $0.node.pacing.queriesPerSecondToOneNode = 1
        }) { client in
            let discovery = Discovery(client: client, budget: 1_200_000_000)
            let verdicts = await withTaskGroup(of: Discovered.Verdict.self) { group in
                for number in 0..<60 {
                    let id = makeContentID("nowhere \(number)")
                    group.addTask {
                        await discovery.providers(of: id, effort: .first, by: deadline).verdict
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(verdicts.contains(.unknown(.overCapacity)))
            #expect(!verdicts.contains(.unknown(.unreachable)))
            #expect(discovery.phase(at: .now()) == .closed)
            #expect(await client.status().node.counters.queriesHeldBack > 0)
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

    @Test func aFamilyWithoutNodesDoesNotKeepAnythingFromBeingAbsent() async throws {
        try await withClient(change: {
            $0.binds.append(DHTCore.Endpoint(v6: 0, 1, port: 0))
        }) { client in
            let discovery = Discovery(client: client, budget: 1_200_000_000)
            let id = makeContentID("in no family")
            let found = await discovery.providers(of: id, effort: .first, by: deadline)
            #expect(found.verdict == .absent)
            #expect(found.isComplete)
        }
    }
}
