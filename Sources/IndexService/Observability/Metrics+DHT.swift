internal import DHTCore

// Lookups in the DHT.
extension Metrics {
    /// Counts a lookup that has ended.
    func lookupFinished(_ report: LookupReport) {
        lookupTimes.record(report.elapsed.nanoseconds, on: .shared, in: cells)
        if report.hops > 0 { lookupHops.record(Int64(report.hops), on: .shared, in: cells) }
        let outcome: HedgeOutcome? =
            switch report.hedge {
            case .win: .win
            case .lose: .lose
            case .tie: .tie
            case nil: nil
            }
        if let outcome { hedges.add(1, series: outcome.rawValue, on: .shared, in: cells) }
    }

    /// Reads the client's own counts before each exposition, on the thread that asks for it.
    func readDHT(_ read: @escaping @Sendable () -> DHTStatus?) {
        let (cells, queries) = (cells, registry.scalar("dht_queries_total"))
        let heldBack = registry.scalar("dht_queries_held_back_total")
        let nodes = registry.scalar("dht_nodes")
        let drops = [
            (registry.scalar("dht_datagrams_dropped_total"), DropReason.ofDatagrams),
            (registry.scalar("dht_entries_dropped_total"), DropReason.ofEntries),
        ]
        registry.onScrape {
            guard let status = read() else { return }
            let counters = status.counters
            for (family, reasons) in drops {
                for (series, reason) in reasons.enumerated() {
                    family.set(Double(counters[reason]), series: series, in: cells)
                }
            }
            let results: [(QueryResult, Int)] = [
                (.ok, counters.queriesAnswered), (.timeout, counters.queriesTimedOut),
                (.error, counters.queriesRefused + counters.queriesUnsent),
            ]
            for (result, count) in results {
                queries.set(Double(count), series: result.rawValue, in: cells)
            }
            for limit in PacingLimit.allCases {
                for priority in LookupPriority.allCases {
                    heldBack.set(
                        Double(counters[heldBackBy: limit, priority]),
                        series: limit.rawValue * LookupPriority.allCases.count + priority.rawValue,
                        in: cells
                    )
                }
            }
            nodes.set(Double(status.good), series: NodeState.good.rawValue, in: cells)
            let dubious = Double(status.questionable)
            nodes.set(dubious, series: NodeState.dubious.rawValue, in: cells)
        }
    }
}
