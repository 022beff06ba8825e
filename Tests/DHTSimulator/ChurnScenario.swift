import Randomness
package import DHTCore

/// Random provider lookups in a network whose nodes come and go, then a fifth of them at once.
///
/// Providers announce for real and keep their announces alive; joining nodes bootstrap for real. A
/// lookup succeeds when it finds a peer that did announce, within its deadline.
package struct ChurnScenario: Sendable {
    package var network = NetworkOptions()
    package var lookups = 100_000
    package var duration = TimeSpan.minutes(60)
    package var infoHashes = 1_000
    package var providersPerInfoHash = 3
    /// The part of the nodes that is replaced in an hour.
    package var churnPerHour = 0.1
    /// The part of the nodes that dies at once at the end.
    package var massDeath = 0.2
    /// Lookups a second while recovery is watched.
    package var recoveryRate = 50
    package var lookupDeadline = TimeSpan.milliseconds(1_200)

    package init() {}

    /// What was measured.
    package struct Report: Sendable {
        package var lookups = 0
        package var successes = 0
        package var hops = Distribution()
        package var firstProvider = Distribution()
        package var queries = Distribution()
        package var replaced = 0
        package var maintenanceQueries = 0
        /// Success in the 30 seconds after the mass death, and until it was back to 99 %.
        package var successAfterDeath = 0.0
        package var recovery: TimeSpan?
        package var digest: UInt64 = 0
        package var statistics = SimulatedNetwork.Statistics()
        package var violation: String?

        package var success: Double { Double(successes) / Double(max(1, lookups)) }

        package var json: String {
            """
            {"lookups": \(lookups), "success": \(success), "hops": \(hops.summary.json), \
            "first_provider_ms": \(firstProvider.summary.json), \
            "queries": \(queries.summary.json), "queries_mean": \(queries.mean), \
            "replaced": \(replaced), "success_30s_after_death": \(successAfterDeath), \
            "recovered_after_s": \(recovery.map { "\($0.milliseconds / 1_000)" } ?? "null"), \
            "datagrams": \(statistics.sent), "events": \(statistics.events), \
            "digest": "\(String(digest, radix: 16))"}
            """
        }
    }

    /// Runs it all.
    package func run() -> Report {
        var run = Run(self)
        run.announce()
        run.lookUp()
        if massDeath > 0 { run.recover() }
        return run.finish()
    }
}

extension ChurnScenario {
    private struct Run {
        let scenario: ChurnScenario
        let network: SimulatedNetwork
        var report = Report()
        let infoHashes: [NodeID]
        /// The node numbers of the providers, by info-hash.
        var providers: [[Int]]
        var underWay: [LookupID: Int] = [:]
        /// Successes and lookups of the window that is being watched.
        var window = (successes: 0, lookups: 0)

        init(_ scenario: ChurnScenario) {
            self.scenario = scenario
            network = SimulatedNetwork(scenario.network)
            network.fillTables()
            var random = SeededRandom(seed: scenario.network.seed &+ 77)
            infoHashes = (0..<scenario.infoHashes).map { _ in NodeID.random(using: &random) }
            providers = infoHashes.map { _ in [] }
        }

        /// Lets every provider announce, spread over five minutes.
        mutating func announce() {
            let total = infoHashes.count * scenario.providersPerInfoHash
            let pause = TimeSpan(
                nanoseconds: TimeSpan.minutes(5).nanoseconds / Int64(max(1, total))
            )
            for index in infoHashes.indices {
                for _ in 0..<scenario.providersPerInfoHash {
                    let provider = network.randomClient()
                    providers[index].append(provider)
                    publish(infoHashes[index], by: provider)
                    network.run(for: pause)
                }
            }
            network.run(for: .seconds(20))
            network.results.removeAll()
        }

        private func publish(_ infoHash: NodeID, by provider: Int) {
            network.withNode(provider) { node in
                _ = try? node.publish(
                    .peer(infoHash: infoHash, port: nil),
                    keepsAlive: true,
                    deadline: network.now + .seconds(10),
                    at: network.now
                )
            }
        }

        mutating func lookUp() {
            let pause = TimeSpan(
                nanoseconds: scenario.duration.nanoseconds / Int64(max(1, scenario.lookups))
            )
            let churn = scenario.churnPerHour * Double(network.nodes.count)
            let churnEvery = churn > 0 ? TimeSpan.seconds(3_600).scaled(by: 1 / churn) : .zero
            var nextChurn = churn > 0 ? network.now + churnEvery : .distantFuture
            for _ in 0..<scenario.lookups {
                startLookup()
                network.run(for: pause)
                while nextChurn <= network.now {
                    replaceOne()
                    nextChurn = nextChurn + churnEvery
                }
                collect(isMeasured: true)
            }
            network.run(for: .seconds(3))
            collect(isMeasured: true)
        }

        /// Lets a fifth die, and looks up until nearly all is found again.
        mutating func recover() {
            for number in network.nodes.indices where network.random.happens(scenario.massDeath) {
                if network.traits[number].isAlive { network.kill(number) }
            }
            let died = network.now
            let windowLength = TimeSpan.seconds(10)
            var clean = 0
            while network.now.since(died) < .seconds(600), clean < 6 {
                window = (0, 0)
                let end = network.now + windowLength
                while network.now < end {
                    startLookup()
                    network.run(for: .milliseconds(1_000 / max(1, scenario.recoveryRate)))
                    collect(isMeasured: false)
                }
                let success = Double(window.successes) / Double(max(1, window.lookups))
                if report.successAfterDeath == 0 { report.successAfterDeath = success }
                if success >= 0.99 {
                    if report.recovery == nil { report.recovery = network.now.since(died) }
                    clean += 1
                } else {
                    report.recovery = nil
                    clean = 0
                }
            }
        }

        private mutating func startLookup() {
            let client = network.randomClient()
            let index = network.random.below(infoHashes.count)
            let started = network.withNode(client) { node in
                try? node.start(
                    .peers(infoHashes[index], LookupGoal.Enough()),
                    deadline: network.now + scenario.lookupDeadline,
                    at: network.now
                )
            }
            if started == nil { report.lookups += 1 }
        }

        /// Lets a random node leave and another one join; its announces move to another provider.
        private mutating func replaceOne() {
            let leaving = network.random.below(network.nodes.count)
            network.replace(leaving)
            report.replaced += 1
            let known = (0..<8).map { _ in network.traits[network.randomClient()].endpoint }
            network.withNode(leaving) { $0.setBootstrapNodes(known, at: network.now) }
            for index in providers.indices {
                guard let position = providers[index].firstIndex(of: leaving) else { continue }
                providers[index][position] = network.randomClient()
                publish(infoHashes[index], by: providers[index][position])
            }
        }

        private mutating func collect(isMeasured: Bool) {
            for outcome in network.results where outcome.result.write == nil {
                let report = outcome.result.report
                let isFound = !outcome.result.providers.isEmpty
                window.lookups += 1
                if isFound { window.successes += 1 }
                guard isMeasured else { continue }
                self.report.lookups += 1
                self.report.queries.add(Double(report.queried))
                guard isFound, let time = report.firstResult else { continue }
                self.report.successes += 1
                self.report.hops.add(Double(report.hops))
                self.report.firstProvider.add(time.milliseconds)
            }
            network.results.removeAll(keepingCapacity: true)
        }

        func finish() -> Report {
            var report = report
            report.digest = network.digest
            report.statistics = network.statistics
            report.violation = network.violation
            return report
        }
    }
}
