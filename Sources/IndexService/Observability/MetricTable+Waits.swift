extension MetricDescription {
    /// Where time goes that nobody works in: what shows a stall.
    static let waits: [MetricDescription] = [
        MetricDescription(
            "event_loop_lag_seconds",
            .histogram(waitBuckets),
            help: """
                How late a timer of an event loop fires, measured ten times a second on each; a \
                stall counts for all the turns that it held up.
                """,
            whenItRises: """
                Something keeps the loops from turning: the process lacks CPU (compare \
                `process_cpu_seconds_total` with the cores it has), swaps, or a bug blocks a \
                loop. Above 0.1 s every connection of that loop waits: give it cores, or set \
                `http.event_loops` to what it has.
                """
        ),
        MetricDescription(
            "miss_gate_wait_seconds",
            .histogram(waitBuckets),
            [Label("route", GatedRoute.self)],
            help: """
                How long a request that needs more than RAM waited for its place behind \
                `limits.running`, whether it got one in the end or not; who is refused at once has \
                not waited.
                """,
            whenItRises: """
                More such requests come than places get free. If `index_resolve_latency_seconds` \
                rises with it, the store or the DHT is slow: see `GET /readyz`. If it does not, \
                there are just many: raise `limits.running`, or `cache.entries` so that fewer are \
                missed. Waits of `http.request_timeout_ms` and more came to nothing. Manifests and \
                what admins ask for (`manifests`, `admin`) wait for the store alone, and are never \
                in RAM.
                """
        ),
        MetricDescription(
            "refreshes_waiting",
            .gauge,
            [Label("kind", RefreshKind.self)],
            help: """
                Questions that wait to be looked up again in the background: pinned keys, answers \
                about to end and `POST /admin/reindex`, and answers that may be bettered.
                """,
            whenItRises: """
                More is to be looked up again than the lookups in the background can do. \
                `follow_up` stops at 512 and harms nobody; while `asked` is high, stale answers \
                stay so for longer: see whether the DHT is slow (`index_dht_lookup_ms`).
                """
        ),
    ]

    private static let waitBuckets = MetricBuckets(
        [0.0001, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5],
        in: .seconds
    )
}

/// The routes that have a gate in front of what RAM cannot answer (label `route` of
/// `miss_gate_wait_seconds`).
package enum GatedRoute: Int, MetricLabelValue {
    case resolve, providers, manifests, admin

    package var text: String {
        switch self {
        case .resolve: "resolve"
        case .providers: "providers"
        case .manifests: "manifests"
        case .admin: "admin"
        }
    }
}

/// What is looked up again in the background (label `kind` of `refreshes_waiting`).
package enum RefreshKind: Int, MetricLabelValue {
    case pinned, asked, followUp

    package var text: String {
        switch self {
        case .pinned: "pinned"
        case .asked: "asked"
        case .followUp: "follow_up"
        }
    }
}

// Waits.
extension Metrics {
    /// Reads how much waits to be refreshed before each exposition, on the thread that asks for it.
    func readRefreshes(_ queue: RefreshQueue) {
        let (cells, scalar) = (cells, registry.scalar("refreshes_waiting"))
        registry.onScrape {
            for kind in RefreshKind.allCases {
                scalar.set(Double(queue.waiting(kind)), series: kind.rawValue, in: cells)
            }
        }
    }

    /// Counts a turn of an event loop, and how late it came.
    func loopTurned(lateByNanoseconds lag: Int64, on stripe: MetricStripe) {
        loopLag.record(lag, on: stripe, in: cells)
    }

    /// Counts a request that got its place, or none after it had waited.
    func gateWaitEnded(_ route: GatedRoute, afterNanoseconds wait: Int64) {
        gateWaits.record(wait, series: route.rawValue, on: .shared, in: cells)
    }
}
