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

    @Test func aBreakersPauseThatIsOverProvesNothing() {
        var outlook = LookupOutlook()
        #expect(outlook.judge(makeNetwork(), .closed) == .good)
        for _ in 0..<3 {
            #expect(outlook.judge(makeNetwork(), .open).obstacle != nil)
            let verdict = outlook.judge(makeNetwork(), .halfOpen)
            guard case .doubtful = verdict else {
                Issue.record("\(verdict)")
                return
            }
        }
        #expect(outlook.judge(makeNetwork(), .closed) == .good)
    }

    @Test func theEndOfASilenceIsSaidOnceTheNetworkIsAsItShouldBe() {
        var outlook = LookupOutlook()
        let silent = makeNetwork(isSilent: true, obstacle: "nobody answers")
        #expect(outlook.judge(silent, .open) == .bad(reason: "nobody answers"))
        let few = makeNetwork(obstacle: "too few nodes")
        #expect(outlook.judge(few, .halfOpen) == .bad(reason: "too few nodes"))
        #expect(outlook.judge(makeNetwork(), .open) == .isBack)
        #expect(outlook.judge(makeNetwork(), .open).obstacle != nil)
    }

    @Test func anObstacleWithoutASilenceProvesNothingByItsEnd() {
        var outlook = LookupOutlook()
        _ = outlook.judge(makeNetwork(obstacle: "too few queries are answered"), .open)
        #expect(outlook.judge(makeNetwork(), .open).obstacle != nil)
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
