import DHTCore

/// The bars that the measuring scenarios must clear; each that is missed is one sentence.
struct Bars {
    private(set) var missed: [String] = []

    mutating func atMost(_ limit: Double, _ value: Double, _ what: String) {
        if value > limit { missed.append("\(what) is \(value), the bar is at most \(limit)") }
    }

    mutating func atLeast(_ limit: Double, _ value: Double, _ what: String) {
        if value < limit { missed.append("\(what) is \(value), the bar is at least \(limit)") }
    }
}

extension ChurnScenario.Report {
    /// What falls short of: few hops, nearly always success, and recovery within five minutes.
    package var missedBars: [String] {
        var bars = Bars()
        bars.atMost(3, hops.summary.p50, "p50 of the hops")
        bars.atMost(4, hops.summary.p95, "p95 of the hops")
        bars.atMost(5, hops.summary.p99, "p99 of the hops")
        bars.atLeast(0.995, success, "the share of lookups that succeed")
        let seconds = recovery.map { $0.milliseconds / 1_000 } ?? .infinity
        bars.atMost(300, seconds, "the time to 99 % success after the mass death, in s,")
        return bars.missed
    }
}

extension HedgingScenario.Report {
    /// What falls short of: a tail cut to half and two thirds, for 30 % more datagrams.
    package func missedBars(against plain: Self) -> [String] {
        var bars = Bars()
        let (before, after) = (plain.firstProvider.summary, firstProvider.summary)
        bars.atMost(0.5, after.p95 / before.p95, "p95 of the first provider over that of beta 0")
        bars.atMost(2.0 / 3, after.p99 / before.p99, "p99 of the first provider over beta 0")
        let cost = queries.mean / plain.queries.mean
        bars.atMost(1.3, cost, "datagrams a lookup over those of beta 0")
        bars.atLeast(0.2, winRate, "the share of hedged lookups that the second wave wins")
        return bars.missed
    }
}

extension FinishingScenario.Report {
    /// What falls short of: half the time of the patient rule, and the newest item all the same.
    package func missedBars(against patient: Self) -> [String] {
        var bars = Bars()
        let ratio = elapsed.summary.p95 / patient.elapsed.summary.p95
        bars.atMost(0.5, ratio, "p95 of finishing over that of waiting for all")
        bars.atLeast(0.999, newestShare, "the share of lookups that find the newest item")
        return bars.missed
    }
}
