internal import Cache
internal import Spill

// The spill and the circuit breakers.
extension Metrics {
    /// Counts an answer that the spill gave back.
    func spillHit() {
        spillHits.add(1, on: .shared, in: cells)
    }

    /// Counts a look into the spill that came to nothing.
    func spillMiss() {
        spillMisses.add(1, on: .shared, in: cells)
    }

    /// Reads the spill's own counts before each exposition, on the thread that asks for it.
    func readSpill(_ read: @escaping @Sendable () -> SpillStatus) {
        let cells = cells
        let series: [(ScalarSeries, @Sendable (SpillStatus) -> Int)] = [
            (registry.scalar("index_spill_entries"), { $0.entries }),
            (registry.scalar("index_spill_bytes"), { $0.bytes }),
            (registry.scalar("index_spill_dropped_total"), { $0.dropped + $0.lostEntries }),
            (
                registry.scalar("index_spill_failures_total"),
                { $0.failures + $0.lateReads + $0.refusedReads }
            ),
            (registry.scalar("index_spill_damaged_total"), { $0.damagedEntries + $0.rebuilds }),
        ]
        registry.onScrape {
            let status = read()
            for (scalar, count) in series { scalar.set(Double(count(status)), in: cells) }
        }
    }

    /// Reads the circuit breakers before each exposition, on the thread that asks for it.
    func readBreakers(of upstreams: Upstreams) {
        let (cells, scalar) = (cells, registry.scalar("circuit_breaker_state"))
        registry.onScrape {
            for (upstream, phase) in upstreams.phases(at: .now()) {
                for state in BreakerState.allCases {
                    let series = upstream.rawValue * BreakerState.allCases.count + state.rawValue
                    let value: Double = phase == nil ? .nan : phase == state.phase ? 1 : 0
                    scalar.set(value, series: series, in: cells)
                }
            }
        }
    }
}
