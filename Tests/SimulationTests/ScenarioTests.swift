import DHTCore
import DHTSimulator
import Testing

/// Small versions of the measuring scenarios: exact for a seed, so they gate exactly.
struct ScenarioTests {
    @Test(arguments: [1, 2] as [UInt64])
    func lookupsSucceedInAChangingNetwork(seed: UInt64) {
        var scenario = ChurnScenario()
        scenario.network.nodes = 300
        scenario.network.seed = seed
        scenario.lookups = 300
        scenario.duration = .minutes(5)
        scenario.infoHashes = 20
        scenario.recoveryRate = 5
        let report = scenario.run()
        #expect(report.success >= 0.995, "seed \(seed): \(report.json)")
        #expect(report.hops.summary.p50 <= 3)
        #expect(report.hops.summary.p95 <= 4)
        #expect(report.hops.summary.p99 <= 5)
        #expect((report.recovery ?? .seconds(999)) <= .seconds(300), "seed \(seed)")
    }

    /// In a small network the p95 counts hops; that it halves shows `dht-simulate hedging`.
    @Test func theSecondWaveShortensTheTail() {
        func run(beta: Int) -> HedgingScenario.Report {
            var scenario = HedgingScenario()
            scenario.network.nodes = 1_500
            scenario.network.seed = 4
            scenario.network.settings.lookup.beta = beta
            scenario.lookups = 800
            scenario.infoHashes = 100
            return scenario.run()
        }
        let plain = run(beta: 0)
        let hedged = run(beta: 2)
        let (before, after) = (plain.firstProvider.summary, hedged.firstProvider.summary)
        #expect(after.p95 <= before.p95, "\(plain.json) \(hedged.json)")
        #expect(after.p99 <= before.p99 * 2 / 3, "\(plain.json) \(hedged.json)")
        #expect(hedged.queries.mean <= plain.queries.mean * 1.3)
        #expect(hedged.winRate > 0.2)
    }

    @Test func finishingNeedsNoWaitForTheSilent() {
        func run(waitsForAll: Bool) -> FinishingScenario.Report {
            var scenario = FinishingScenario()
            scenario.network.nodes = 500
            scenario.network.seed = 5
            scenario.lookups = 400
            scenario.items = 30
            scenario.waitsForAll = waitsForAll
            return scenario.run()
        }
        let patient = run(waitsForAll: true)
        let early = run(waitsForAll: false)
        #expect(
            early.elapsed.summary.p95 <= patient.elapsed.summary.p95 / 2,
            "\(patient.json) \(early.json)"
        )
        #expect(early.newestShare >= 0.999, "\(early.json)")
    }

    @Test func invariantsHoldAfterEveryEvent() {
        for seed in 1...4 as ClosedRange<UInt64> {
            var scenario = ChurnScenario()
            scenario.network.nodes = 60
            scenario.network.seed = seed
            scenario.network.checksInvariants = true
            scenario.network.loss = 0.05
            scenario.network.tailFraction = 0.2
            scenario.network.silentFraction = 0.1
            scenario.lookups = 40
            scenario.duration = .seconds(40)
            scenario.infoHashes = 5
            scenario.massDeath = 0
            let report = scenario.run()
            #expect(report.violation == nil, "seed \(seed)")
        }
    }
}
