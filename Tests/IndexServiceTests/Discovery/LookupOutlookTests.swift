import DHTClient
import Testing

@testable import IndexService

/// When the service says that lookups work, and what it takes as a proof.
@Suite(.timeLimit(.minutes(1))) struct LookupOutlookTests {
    private func makeNetwork(
        isSilent: Bool = false,
        obstacle: String? = nil
    ) -> LookupOutlook.Network {
        LookupOutlook.Network(isSilent: isSilent, obstacle: obstacle)
    }

    /// What is said, one judgement after another.
    private func judge(
        _ measurements: [(LookupOutlook.Network, CircuitBreaker.Phase)]
    ) -> [LookupOutlook.Verdict] {
        var outlook = LookupOutlook()
        return measurements.map { outlook.judge($0, $1) }
    }

    @Test func aBreakersPauseThatIsOverProvesNothing() {
        let good = makeNetwork()
        let verdicts = judge([
            (good, .closed), (good, .open), (good, .halfOpen), (good, .open), (good, .halfOpen),
            (good, .closed),
        ])
        #expect(verdicts.map { $0.obstacle == nil } == [true, false, false, false, false, true])
        #expect(!verdicts.contains(.isBack))
        for index in [2, 4] {
            guard case .doubtful = verdicts[index] else {
                Issue.record("nobody finds out: \(verdicts[index])")
                return
            }
        }
    }

    @Test func theEndOfASilenceIsSaidOnceTheNetworkIsAsItShouldBe() {
        let silent = makeNetwork(isSilent: true, obstacle: "nobody answers")
        let few = makeNetwork(obstacle: "too few nodes")
        let verdicts = judge([
            (silent, .open), (few, .halfOpen), (makeNetwork(), .open), (makeNetwork(), .open),
        ])
        #expect(verdicts[0] == .bad(reason: "nobody answers"))
        #expect(verdicts[1] == .bad(reason: "too few nodes"))
        #expect(verdicts[2] == .isBack)
        #expect(verdicts[3].obstacle != nil)
    }

    @Test func anObstacleWithoutASilenceProvesNothingByItsEnd() {
        let ratio = makeNetwork(obstacle: "too few queries are answered")
        let verdicts = judge([(ratio, .open), (makeNetwork(), .open)])
        #expect(verdicts.allSatisfy { $0.obstacle != nil })
    }

    @Test func whereNobodyAsksTheServiceFindsOutItself() async throws {
        let network = try await LoopbackNetwork.start(count: 40)
        let join: (inout Settings) -> Void = { settings in
            settings.dht.mode = .client
            settings.dht.binds = [ListenAddress(host: "127.0.0.1", port: 0)]
            settings.dht.bootstrap = network.bootstrap
        }
        try await withService(settings: join) { service in
            try await service.wait(for: "/readyz") { $0.status == 200 }
            #expect(try service.metric("index_dht_lookup_ms_count") == 0)
            let breaker = try #require(service.application.upstreams.dht)
            while let permit = breaker.admit(at: .now()), breaker.phase(at: .now()) == .closed {
                breaker.failed(permit, at: .now())
            }
            try await service.wait(for: "/readyz") { $0.status == 503 }
            try await service.wait(for: "/readyz") { $0.status == 200 }
            #expect(try service.metric("index_dht_lookup_ms_count") > 0)
        }
        await network.stop()
    }
}
