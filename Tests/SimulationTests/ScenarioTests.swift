import DHTCore
import DHTSimulator
import Testing

/// Small versions of the measuring scenarios, with the bars of those at full size.
///
/// A seed repeats its figures exactly, so they gate exactly. Whoever changes them on purpose writes
/// down the new ones here, runs `make simulate`, and brings PERFORMANCE.md up to date.
struct ScenarioTests {
    @Test(arguments: [
        1 as UInt64: "300 of 300, hops 2.0 2.0 2.0, 1465 queries, 23071 datagrams",
        2: "300 of 300, hops 1.0 2.0 2.0, 1430 queries, 22616 datagrams",
    ])
    func lookupsSucceedInAChangingNetwork(seed: UInt64, figures: String) {
        var scenario = ChurnScenario()
        scenario.network.nodes = 300
        scenario.network.seed = seed
        scenario.lookups = 300
        scenario.duration = .minutes(5)
        scenario.infoHashes = 20
        scenario.recoveryRate = 5
        let report = scenario.run()
        #expect(report.missedBars == [], "seed \(seed)")
        #expect(report.figures == figures, "seed \(seed)")
    }

    /// In a small network the p95 counts hops: that it halves gates at full size (`make ci`).
    @Test func theSecondWaveShortensTheTail() {
        func run(beta: Int) -> HedgingScenario.Report {
            var scenario = HedgingScenario()
            scenario.network.nodes = 1_500
            scenario.network.seed = 4
            scenario.network.settings.lookup.beta = beta
            scenario.lookups = 800
            scenario.infoHashes = 200
            return scenario.run()
        }
        let plain = run(beta: 0)
        let hedged = run(beta: 2)
        #expect(hedged.missedBars(against: plain).filter { !$0.hasPrefix("p95") } == [])
        #expect(plain.figures == "798 of 800, 4281 queries, 0 of 0 won, ms 154.82 395.76 1036.37")
        #expect(
            hedged.figures == "800 of 800, 4745 queries, 132 of 333 won, ms 148.62 303.61 412.74"
        )
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
        #expect(early.missedBars(against: patient) == [])
        #expect(patient.figures == "400 of 400, 5463 queries, ms 1199.34 1423.02 1902.07")
        #expect(early.figures == "400 of 400, 5717 queries, ms 439.33 656.55 754.84")
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

extension ChurnScenario.Report {
    fileprivate var figures: String {
        """
        \(successes) of \(lookups), hops \(hops.summary.text), \(queries.total) queries, \
        \(statistics.sent) datagrams
        """
    }
}

extension HedgingScenario.Report {
    fileprivate var figures: String {
        """
        \(successes) of \(lookups), \(queries.total) queries, \(wins) of \(hedged) won, \
        ms \(firstProvider.summary.text)
        """
    }
}

extension FinishingScenario.Report {
    fileprivate var figures: String {
        "\(newest) of \(lookups), \(queries.total) queries, ms \(elapsed.summary.text)"
    }
}

extension Distribution.Summary {
    /// p50, p95 and p99 in hundredths.
    fileprivate var text: String {
        [p50, p95, p99].map { "\(Double(Int($0 * 100 + 0.5)) / 100)" }.joined(separator: " ")
    }
}
