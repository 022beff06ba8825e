import Randomness
package import DHTCore

/// Complete lookups of the newest mutable item among slow and silent nodes: how soon they may end.
package struct FinishingScenario: Sendable {
    package var network: NetworkOptions
    package var lookups = 20_000
    package var items = 500
    package var lookupDeadline = TimeSpan.seconds(5)
    package var lookupsPerSecond = 50
    /// The part of the nodes that never answers BEP 44.
    package var deafFraction = 0.0
    /// End only when all of the k closest have answered or timed out: the rule to beat.
    package var waitsForAll = false

    package init() {
        network = NetworkOptions()
        network.nodes = 10_000
        network.tailFraction = 0.2
        network.silentFraction = 0.05
    }

    /// What was measured.
    package struct Report: Sendable {
        package var lookups = 0
        package var newest = 0
        package var older = 0
        package var nothing = 0
        package var elapsed = Distribution()
        package var queries = Distribution()
        package var stored = Distribution()
        package var ends: [String: Int] = [:]
        package var digest: UInt64 = 0
        package var violation: String?

        /// Lookups that found the newest item.
        package var newestShare: Double { Double(newest) / Double(max(1, lookups)) }

        package var json: String {
            let ends = ends.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }
            return """
                {"lookups": \(lookups), "newest_share": \(newestShare), "older": \(older), \
                "nothing": \(nothing), "finished_ms": \(elapsed.summary.json), \
                "queries_mean": \(queries.mean), "stored_mean": \(stored.mean), \
                "ends": {\(ends.joined(separator: ", "))}, \
                "digest": "\(String(digest, radix: 16))"}
                """
        }
    }

    /// Runs it all.
    package func run() -> Report {
        var options = network
        if waitsForAll {
            options.settings.lookup.quorum = options.settings.lookup.k
            options.settings.lookup.adaptsToReplyTimes = false
        }
        let network = SimulatedNetwork(options)
        network.fillTables()
        for number in network.nodes.indices where network.random.happens(deafFraction) {
            network.traits[number].liar = .deafToItems
        }
        var report = Report()
        let keys = publishItems(network, &report)
        let pause = TimeSpan(nanoseconds: 1_000_000_000 / Int64(max(1, lookupsPerSecond)))
        for _ in 0..<lookups {
            let client = network.randomClient()
            let key = keys[network.random.below(keys.count)]
            network.withNode(client) { node in
                _ = try? node.start(
                    .mutable(key, salt: []),
                    deadline: network.now + lookupDeadline,
                    at: network.now
                )
            }
            network.run(for: pause)
            collect(network, &report)
        }
        network.run(for: lookupDeadline)
        collect(network, &report)
        report.digest = network.digest
        report.violation = network.violation
        return report
    }

    /// Leaves an old version at the ten closest nodes, then puts the newest for real.
    private func publishItems(_ network: SimulatedNetwork, _ report: inout Report) -> [PublicKey] {
        let keys = (0..<items).map { SimulatedCryptography.makeKey(UInt64($0) &+ 1) }
        for key in keys {
            let old = SimulatedCryptography.makeItem(key, sequence: 1)
            let target = old.target(SimulatedCryptography.functions)
            for number in network.closestNodes(to: target, count: 10) {
                _ = network.nodes[number].seed(old, at: network.now)
            }
            let writer = network.randomClient()
            network.withNode(writer) { node in
                _ = try? node.publish(
                    .item(SimulatedCryptography.makeItem(key, sequence: 2)),
                    deadline: network.now + .seconds(10),
                    at: network.now
                )
            }
            network.run(for: .milliseconds(50))
        }
        network.run(for: .seconds(11))
        for outcome in network.results {
            report.stored.add(Double(outcome.result.write?.stored ?? 0))
        }
        network.results.removeAll()
        return keys
    }

    private func collect(_ network: SimulatedNetwork, _ report: inout Report) {
        for outcome in network.results {
            let result = outcome.result
            report.lookups += 1
            report.elapsed.add(result.report.elapsed.milliseconds)
            report.queries.add(Double(result.report.queried))
            report.ends["\(result.report.end)", default: 0] += 1
            switch result.item?.mutable?.sequence {
            case 2: report.newest += 1
            case nil: report.nothing += 1
            default: report.older += 1
            }
        }
        network.results.removeAll(keepingCapacity: true)
    }
}
