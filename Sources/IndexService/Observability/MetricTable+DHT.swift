extension MetricDescription {
    /// What is told of the DHT.
    static let lookups: [MetricDescription] = [
        MetricDescription(
            "index_dht_lookup_ms",
            .histogram(
                MetricBuckets(
                    [10, 20, 50, 80, 100, 150, 200, 300, 500, 800, 1000, 1200, 2000, 5000],
                    in: .milliseconds
                )
            ),
            help: "Time of a lookup in the DHT, from its start to its result.",
            whenItRises: """
                Compare with `dht_queries_total{result="timeout"}`: if both rise, nodes are silent \
                or the network is slow; if this alone rises, queries wait for their turn: raise \
                `dht.queries_per_second`.
                """
        ),
        MetricDescription(
            "dht_lookup_hops",
            .histogram(MetricBuckets([1, 2, 3, 4, 5, 6, 8, 12], in: .plain)),
            help: "Length of the referral chain that led to the first result of a lookup.",
            whenItRises: """
                It grows with the logarithm of the network. More than 4 at the median: the \
                routing table is thin; see `dht_nodes`.
                """
        ),
        MetricDescription(
            "dht_queries_total",
            .counter,
            [Label("result", QueryResult.self)],
            help: "Queries sent to DHT nodes, by what became of them.",
            whenItRises: """
                More `ok` is more lookups. A share of `timeout` of a third is usual on the public \
                network; near 1 the network cannot be reached: check the firewall for UDP. \
                `error`: other nodes refuse what we send.
                """
        ),
        MetricDescription(
            "dht_hedged_requests_total",
            .counter,
            [Label("result", HedgeOutcome.self)],
            help: "Lookups that sent a second wave, by which wave was first.",
            whenItRises: """
                Many `win`: hedging pays. Many `lose` with few `win`: the hedge delay is too \
                short; raise `dht.hedge_ms`. `tie`: neither wave found anything.
                """
        ),
        MetricDescription(
            "bus_lagged_total",
            .counter,
            help: "Events that a subscriber of the event bus was too slow to read.",
            whenItRises: """
                A part of this process that follows events does not keep up. It has missed some; \
                report it with the log.
                """
        ),
        MetricDescription(
            "dht_nodes",
            .gauge,
            [Label("state", NodeState.self)],
            help: "Contacts in the routing tables.",
            whenItRises: """
                A fall of `good` to a few means that the network is going away: see `GET /readyz` \
                and `dht_queries_total`.
                """
        ),
    ]
}

/// What became of a query to a DHT node (label `result`).
package enum QueryResult: Int, MetricLabelValue {
    case ok, timeout, error

    package var text: String {
        switch self {
        case .ok: "ok"
        case .timeout: "timeout"
        case .error: "error"
        }
    }
}

/// Which wave of a hedged lookup was first (label `result`).
package enum HedgeOutcome: Int, MetricLabelValue {
    case win, lose, tie

    package var text: String {
        switch self {
        case .win: "win"
        case .lose: "lose"
        case .tie: "tie"
        }
    }
}

/// The standing of a contact (label `state`).
package enum NodeState: Int, MetricLabelValue {
    case good, dubious

    package var text: String {
        switch self {
        case .good: "good"
        case .dubious: "dubious"
        }
    }
}
