import Cache
import DHTClient
import DHTCore
import Testing

@testable import IndexService

/// Who has hardly any time learns nothing of the DHT: our own lateness is not its failure.
@Suite(.serialized, .timeLimit(.minutes(1))) struct HurriedLookupTests {
    private let id = makeContentID("wanted at once")

    /// With contacts that have all fallen silent, and whom a lookup waits for until its deadline.
    private func withSilentDHT(_ body: (MainlineClient) async throws -> Void) async throws {
        let network = try await LoopbackNetwork.start(count: 8)
        var configuration = MainlineConfiguration()
        configuration.node = LoopbackNetwork.nodeSettings
        configuration.node.lookup.queryTimeout = .minutes(5)
        configuration.binds = [DHTCore.Endpoint(127, 0, 0, 1, port: 0)]
        configuration.bootstrap = network.bootstrap
        let client = try await MainlineClient.start(configuration)
        #expect(await client.hasContacts(4, by: .now + .seconds(5)))
        await network.stop()
        try await body(client)
        await client.stop()
    }

    @Test func theBreakerHearsNothingOfALookupThatHadNoTimeForAnAnswer() async throws {
        try await withSilentDHT { client in
            let breaker = CircuitBreaker.opened(afterFailures: 1)
            let discovery = Discovery(client: client, budget: 1_000_000_000, breaker: breaker)
            await discovery.running { discovery in
                let soon = MonotonicInstant.now().advanced(by: 100_000_000)
                let found = await discovery.providers(of: id, effort: .first, by: soon)
                #expect(found.verdict != .absent)
            }
            #expect(discovery.phase(at: .now()) == .closed)
        }
    }

    /// Half of the budget is what a key name's record gets.
    @Test func halfOfTheBudgetIsTimeEnough() async throws {
        try await withSilentDHT { client in
            let breaker = CircuitBreaker.opened(afterFailures: 1)
            let discovery = Discovery(client: client, budget: 1_000_000_000, breaker: breaker)
            try await discovery.running { discovery in
                let name = try makeKeyName()
                let half = MonotonicInstant.now().advanced(by: 500_000_000)
                _ = await discovery.record(of: name, by: half)
            }
            #expect(discovery.phase(at: .now()) != .closed)
        }
    }
}

extension CircuitBreaker {
    /// One that so many failures open, for an hour.
    static func opened(afterFailures count: Int) -> CircuitBreaker {
        var settings = CircuitBreakerSettings()
        settings.minimumCalls = count
        settings.shortestPause = 3_600_000_000_000
        settings.longestPause = 3_600_000_000_000
        return CircuitBreaker(settings)
    }
}
