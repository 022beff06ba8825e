import Randomness
package import DHTCore

/// Provider lookups among slow and silent nodes: what the second wave brings, and what it costs.
package struct HedgingScenario: Sendable {
    package var network: NetworkOptions
    package var lookups = 10_000
    /// Fresh networks, one after the other: in one that is used for long, tables have lost the
    /// silent nodes, and there is less to hedge against.
    package var batches = 1
    package var infoHashes = 2_000
    package var lookupDeadline = TimeSpan.milliseconds(1_200)
    package var lookupsPerSecond = 50

    package init() {
        network = NetworkOptions()
        network.nodes = 10_000
        network.tailFraction = 0.2
        network.silentFraction = 0.05
        // The second wave alone: avoiding slow nodes altogether leaves it less to do.
        network.settings.lookup.asksSlowContactsLast = false
    }

    /// What was measured.
    package struct Report: Sendable {
        package var lookups = 0
        package var successes = 0
        package var firstProvider = Distribution()
        package var queries = Distribution()
        package var hops = Distribution()
        package var hedged = 0
        package var wins = 0
        package var losses = 0
        package var hedgeDelay = Distribution()
        package var digest: UInt64 = 0
        package var datagrams = 0
        package var violation: String?

        package var success: Double { Double(successes) / Double(max(1, lookups)) }
        /// Hedged lookups that the second wave won.
        package var winRate: Double { Double(wins) / Double(max(1, hedged)) }

        package var json: String {
            """
            {"lookups": \(lookups), "success": \(success), \
            "first_provider_ms": \(firstProvider.summary.json), "queries_mean": \(queries.mean), \
            "queries": \(queries.summary.json), "hops": \(hops.summary.json), \
            "hedged_share": \(Double(hedged) / Double(max(1, lookups))), "win_rate": \(winRate), \
            "won_share": \(Double(wins) / Double(max(1, lookups))), \
            "hedge_delay_ms": \(hedgeDelay.summary.json), "datagrams": \(datagrams), \
            "digest": "\(String(digest, radix: 16))"}
            """
        }
    }

    /// Runs it all.
    package func run() -> Report {
        var report = Report()
        for batch in 0..<batches {
            var options = network
            options.seed = network.seed &+ UInt64(batch) &* 1_000
            run(SimulatedNetwork(options), &report)
        }
        return report
    }

    private func run(_ network: SimulatedNetwork, _ report: inout Report) {
        network.fillTables()
        let targets = seedProviders(network)
        let pause = TimeSpan(nanoseconds: 1_000_000_000 / Int64(max(1, lookupsPerSecond)))
        for _ in 0..<lookups {
            let client = network.randomClient()
            let target = targets[network.random.below(targets.count)]
            network.withNode(client) { node in
                _ = try? node.start(
                    .peers(target, LookupGoal.Enough()),
                    deadline: network.now + lookupDeadline,
                    at: network.now
                )
            }
            network.run(for: pause)
            collect(network, &report)
        }
        network.run(for: .seconds(3))
        collect(network, &report)
        report.digest ^= network.digest
        report.datagrams += network.statistics.sent
        report.violation = report.violation ?? network.violation
    }

    /// Stores one provider of each info-hash at its eight closest nodes, slow and silent included:
    /// they were announced to before they fell silent.
    private func seedProviders(_ network: SimulatedNetwork) -> [NodeID] {
        (0..<infoHashes).map { index in
            let target = NodeID.random(using: &network.random)
            let provider = Endpoint(v4: 0x5000_0001 + UInt32(index), port: 4_000)
            for number in network.closestNodes(to: target, count: 8) {
                _ = network.nodes[number].seed(peer: provider, for: target, at: network.now)
            }
            return target
        }
    }

    private func collect(_ network: SimulatedNetwork, _ report: inout Report) {
        for outcome in network.results {
            let result = outcome.result.report
            report.lookups += 1
            report.queries.add(Double(result.queried))
            report.hedgeDelay.add(result.hedgeDelay.milliseconds)
            if result.hedged > 0 { report.hedged += 1 }
            if result.hedge == .win { report.wins += 1 }
            if result.hedge == .lose { report.losses += 1 }
            // A lookup without a result took all its time.
            let time = result.firstResult ?? lookupDeadline
            report.firstProvider.add(time.milliseconds)
            guard result.firstResult != nil else { continue }
            report.successes += 1
            report.hops.add(Double(result.hops))
        }
        network.results.removeAll(keepingCapacity: true)
    }
}
