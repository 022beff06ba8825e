import DHTCore
import DHTSimulator
import Testing

/// The same seed gives the same run, twice in one process.
struct DeterminismTests {
    func makeScenario(seed: UInt64) -> ChurnScenario {
        var scenario = ChurnScenario()
        scenario.network.nodes = 80
        scenario.network.seed = seed
        scenario.network.loss = 0.02
        scenario.network.duplication = 0.01
        scenario.network.tailFraction = 0.1
        scenario.lookups = 80
        scenario.duration = .seconds(60)
        scenario.infoHashes = 8
        scenario.churnPerHour = 4
        scenario.recoveryRate = 2
        return scenario
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func aSeedRunsTheSameTwice(seed: UInt64) {
        let first = makeScenario(seed: seed).run()
        let second = makeScenario(seed: seed).run()
        #expect(first.digest == second.digest, "seed \(seed)")
        #expect(first.statistics == second.statistics, "seed \(seed)")
        #expect(first.replaced > 0)
    }

    @Test func anotherSeedRunsDifferently() {
        #expect(makeScenario(seed: 1).run().digest != makeScenario(seed: 9).run().digest)
    }
}
