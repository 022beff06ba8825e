extension MetricDescription {
    /// What is told of the spill.
    static let spilling: [MetricDescription] = [
        MetricDescription(
            "index_spill_hits_total",
            .counter,
            help: "Answers that RAM had evicted and the spill gave back.",
            whenItRises: """
                Good: each one saved a lookup. When it rises faster than `index_cache_hits_total`, \
                the answers in use do not fit into RAM: raise `cache.max_bytes` or \
                `cache.entries`.
                """
        ),
        MetricDescription(
            "index_spill_misses_total",
            .counter,
            help: "Answers not found in the spill, or not in time.",
            whenItRises: """
                Every key that is asked for the first time counts here. Many misses and few hits \
                after hours of use: the spill is too small (`spill.max_bytes`), or it fails (see \
                `index_spill_failures_total`).
                """
        ),
        MetricDescription(
            "index_spill_entries",
            .gauge,
            help: "Answers in the spill, as of its last write.",
            whenItRises: "Expected, until `index_spill_bytes` meets its limit."
        ),
        MetricDescription(
            "index_spill_bytes",
            .gauge,
            help: "Bytes of the spill's file in use, as of its last write.",
            whenItRises: """
                It stops at seven eighths of `spill.max_bytes`; from then on the oldest answers \
                leave. With a poor share of hits: raise the limit if the disk has the room.
                """
        ),
        MetricDescription(
            "index_spill_dropped_total",
            .counter,
            help: "Evicted answers not kept: queue or disk were full, or a write failed.",
            whenItRises: """
                The disk is nearly full (the log says so), or does not keep up with what RAM \
                evicts. Raise `cache.max_bytes`, so that less is evicted, or give the spill \
                another disk (`spill.path`).
                """
        ),
        MetricDescription(
            "index_spill_failures_total",
            .counter,
            help: "Operations of the spill that failed, took too long, or found too many waiting.",
            whenItRises: """
                The disk is full, slow, read-only or gone; the log has the reason. Answers go on \
                without the spill, and it is tried again by itself.
                """
        ),
        MetricDescription(
            "index_spill_damaged_total",
            .counter,
            help: "Entries, and whole files, of the spill that were damaged and thrown away.",
            whenItRises: """
                No damaged byte is ever given out. More than one: do not trust the disk; check it \
                before the index on it is damaged too.
                """
        ),
    ]

    /// What is told of all upstreams.
    static let upstreams: [MetricDescription] = [
        MetricDescription(
            "circuit_breaker_state",
            .gauge,
            [Label("upstream", Upstream.self), Label("state", BreakerState.self)],
            help: "1 for the state that holds; an upstream that is switched off is left out.",
            whenItRises: """
                `open`: most calls of the last ten seconds failed, so that nobody is let through \
                for a moment, then one (`half_open`). For `index` and `dht` see `GET /readyz`; \
                for `spill` see `index_spill_failures_total`.
                """
        )
    ]
}

/// The phase of a circuit breaker (label `state`).
package enum BreakerState: Int, MetricLabelValue {
    case closed, open, halfOpen

    package var text: String { phase.rawValue }

    var phase: CircuitBreaker.Phase {
        switch self {
        case .closed: .closed
        case .open: .open
        case .halfOpen: .halfOpen
        }
    }
}
