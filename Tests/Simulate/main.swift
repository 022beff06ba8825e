import DHTCore
import DHTSimulator
import Foundation

/// The measuring scenarios with parameters: `dht-simulate churn --nodes 10000 --lookups 100000`.
///
/// A bar that is missed is exit code 1, unless `--no-bars` says that the figures alone are wanted.
struct Arguments {
    private var values: [String: String] = [:]
    let scenario: String

    init(_ words: [String]) {
        scenario = words.dropFirst().first ?? "help"
        var rest = words.dropFirst(2)
        while let name = rest.popFirst() {
            values[name] = rest.first?.hasPrefix("--") == false ? rest.popFirst() : "true"
        }
    }

    func number(_ name: String, _ fallback: Int) -> Int {
        value(name, fallback) { Int($0) }
    }

    func fraction(_ name: String, _ fallback: Double) -> Double {
        value(name, fallback) { Double($0) }
    }

    /// Ends with 64 at a value that is none: a run with another one would be taken for it.
    private func value<Value>(
        _ name: String,
        _ fallback: Value,
        _ parse: (String) -> Value?
    ) -> Value {
        guard let text = values["--" + name] else { return fallback }
        if let value = parse(text) { return value }
        FileHandle.standardError.write(
            Data("--\(name) needs a number in its range, not \(text)\n".utf8)
        )
        exit(64)
    }

    func flag(_ name: String) -> Bool { values["--" + name] != nil }

    /// Changes the options that every scenario has.
    func apply(to network: inout NetworkOptions) {
        network.nodes = number("nodes", network.nodes)
        network.seed = value("seed", network.seed) { UInt64($0) }
        network.loss = fraction("loss", network.loss)
        network.tailFraction = fraction("tail", network.tailFraction)
        network.silentFraction = fraction("silent", network.silentFraction)
        network.tailFactor = fraction("tail-factor", network.tailFactor)
        let lower = number("rtt", network.roundTrip.lowerBound)
        network.roundTrip = lower...max(lower, number("rtt-max", network.roundTrip.upperBound))
        network.extendsFirstBuckets = flag("extended")
        network.checksInvariants = flag("check")
        var lookup = network.settings.lookup
        lookup.alpha = number("alpha", lookup.alpha)
        lookup.topOfList = number("top", lookup.topOfList)
        lookup.beta = number("beta", lookup.beta)
        if flag("overdue") { lookup.overdueKeepsSlot = values["--overdue"] == "keep" }
        if flag("slow-last") { lookup.asksSlowContactsLast = true }
        lookup.quorum = number("quorum", lookup.quorum)
        lookup.hopCap = number("hop-cap", lookup.hopCap)
        lookup.adaptsToReplyTimes = !flag("fixed")
        lookup.hedgeQuantile = fraction("hedge-quantile", lookup.hedgeQuantile)
        lookup.settleQuantile = fraction("settle-quantile", lookup.settleQuantile)
        lookup.settleFactor = fraction("settle-factor", lookup.settleFactor)
        network.settings.lookup = lookup
    }
}

/// Prints the figures and the bars they miss, and exits with 1 when there are any.
func finish(_ violations: [String?], _ reports: [String], missed: [String] = []) {
    for report in reports { print(report) }
    let faults = violations.compactMap { $0 } + (arguments.flag("no-bars") ? [] : missed)
    for fault in faults { print("MISSED: \(fault)") }
    if !faults.isEmpty { exit(1) }
}

func churn() {
    var scenario = ChurnScenario()
    scenario.network.nodes = 10_000
    arguments.apply(to: &scenario.network)
    scenario.lookups = arguments.number("lookups", scenario.lookups)
    scenario.duration = .seconds(arguments.number("seconds", 3_600))
    scenario.churnPerHour = arguments.fraction("churn", scenario.churnPerHour)
    scenario.infoHashes = arguments.number("info-hashes", scenario.infoHashes)
    let report = scenario.run()
    finish([report.violation], [report.json], missed: report.missedBars)
}

/// With `--beta` one run; without it beta 0 and the default, compared.
func hedging() {
    var scenario = HedgingScenario()
    arguments.apply(to: &scenario.network)
    scenario.lookups = arguments.number("lookups", scenario.lookups)
    scenario.batches = arguments.number("batches", scenario.batches)
    scenario.infoHashes = arguments.number("info-hashes", scenario.infoHashes)
    scenario.lookupDeadline = .milliseconds(arguments.number("deadline", 1_200))
    let hedged = scenario.run()
    guard !arguments.flag("beta") else { return finish([hedged.violation], [hedged.json]) }
    scenario.network.settings.lookup.beta = 0
    let plain = scenario.run()
    finish(
        [plain.violation, hedged.violation],
        ["beta 0: \(plain.json)", "hedged: \(hedged.json)"],
        missed: hedged.missedBars(against: plain)
    )
}

/// With `--wait-for-all` one run of the patient rule; without it both, compared.
func finishing() {
    var scenario = FinishingScenario()
    arguments.apply(to: &scenario.network)
    scenario.lookups = arguments.number("lookups", scenario.lookups)
    scenario.deafFraction = arguments.fraction("deaf", scenario.deafFraction)
    scenario.waitsForAll = true
    let patient = scenario.run()
    if arguments.flag("wait-for-all") { return finish([patient.violation], [patient.json]) }
    scenario.waitsForAll = false
    let early = scenario.run()
    finish(
        [patient.violation, early.violation],
        ["waiting for all: \(patient.json)", "our rule: \(early.json)"],
        missed: early.missedBars(against: patient)
    )
}

let arguments = Arguments(CommandLine.arguments)
switch arguments.scenario {
case "churn": churn()
case "hedging": hedging()
case "finishing": finishing()
default:
    print(
        """
        usage: dht-simulate churn|hedging|finishing [--nodes N] [--lookups N] [--seed N]
               [--alpha N] [--beta N] [--quorum N] [--hop-cap N] [--top N]
               [--fixed] [--extended] [--check] [--overdue keep|release] [--slow-last]
               [--tail F] [--tail-factor F] [--rtt MS] [--rtt-max MS] [--silent F] [--loss F]
               [--churn F] [--seconds N] [--info-hashes N]
               [--hedge-quantile F] [--settle-quantile F] [--settle-factor F]
               [--deaf F] [--wait-for-all] [--batches N] [--deadline MS]
               [--no-bars]
        """
    )
    exit(64)
}
