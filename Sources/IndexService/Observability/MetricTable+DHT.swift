internal import DHTCore

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
                or the network is slow; if this alone rises, queries wait for their turn: see \
                `dht_queries_held_back_total`.
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
            "dht_queries_held_back_total",
            .counter,
            [
                Label(name: "limit", values: PacingLimit.allCases.map(\.text)),
                Label(name: "lookup", values: LookupPriority.allCases.map(\.text)),
            ],
            help: "How often a lookup had to wait with a query for a limit of our own.",
            whenItRises: """
                `caller`: somebody waits for it. With `node` the network is small for what is \
                asked of it: raise `dht.query_burst_to_one_node` or \
                `dht.queries_per_second_to_one_node`, on a network of your own only, for others \
                ban who asks more; with `overall` raise `dht.queries_per_second`. `background`: \
                refreshes give way to callers, as they should.
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
            "dht_datagrams_dropped_total",
            .counter,
            [Label(name: "reason", values: DropReason.ofDatagrams.map(\.text))],
            help: "Datagrams from the DHT that were not taken, by reason.",
            whenItRises: """
                A few a second are usual on the public network. `unsolicited` in step with \
                `dht_queries_total{result="timeout"}`: nodes answer too late. \
                `query_in_client_mode`: others ask a node that only asks; harmless. \
                `address_rate`, `reply_rate`: somebody asks too much. A flood of the others, \
                `bad_bencode` and `wrong_address` above all, is an attack or a broken program: it \
                changes no answer, but costs CPU; block its addresses in the firewall.
                """
        ),
        MetricDescription(
            "dht_entries_dropped_total",
            .counter,
            [Label(name: "reason", values: DropReason.ofEntries.map(\.text))],
            help: "Contacts, providers, items and tokens in datagrams that were not taken.",
            whenItRises: """
                `forged_item`, `misnamed_contact`, `surplus_provider`: nodes near a key lie; no \
                lie is given out, but lookups take longer. `forbidden_address`: nodes name \
                private addresses; on a private network set `dht.allow_private_addresses`. \
                `crowded_network`: many contacts share a /24 or /64: somebody tries to surround a \
                key, or the network is a small one: see `dht.allow_shared_networks`. The others \
                come from broken or old programs.
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
            help: "Contacts in the routing tables of the address families that answer.",
            whenItRises: """
                A fall of `good` to a few means that the network is going away: see `GET /readyz` \
                and `dht_queries_total`. A fall to a part: one address family has been silent for \
                a minute while the other is not, and its nodes do not count until one answers; \
                the log says which.
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

extension PacingLimit {
    /// As label `limit`.
    var text: String {
        switch self {
        case .node: "node"
        case .overall: "overall"
        }
    }
}

extension LookupPriority {
    /// As label `lookup`.
    var text: String {
        switch self {
        case .caller: "caller"
        case .background: "background"
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

/// Why something from the network was not taken (label `reason` of the two counters of drops).
extension DropReason {
    /// Reasons that concern a whole datagram, in the order of their series.
    static let ofDatagrams = allCases.filter(\.isOfDatagram)
    /// Reasons that concern an entry of a datagram, in the order of their series.
    static let ofEntries = allCases.filter { !$0.isOfDatagram }

    var text: String {
        switch self {
        case .badSource: "bad_source"
        case .badBencode: "bad_bencode"
        case .badMessage: "bad_message"
        case .unsolicited: "unsolicited"
        case .wrongAddress: "wrong_address"
        case .wrongID: "wrong_id"
        case .queryInClientMode: "query_in_client_mode"
        case .badQuery: "bad_query"
        case .addressRate: "address_rate"
        case .replyRate: "reply_rate"
        case .badToken: "bad_token"
        case .refusedItem: "refused_item"
        case .storeFull: "store_full"
        case .outboxFull: "outbox_full"
        case .badContact: "bad_contact"
        case .forbiddenAddress: "forbidden_address"
        case .insecureID: "insecure_id"
        case .misnamedContact: "misnamed_contact"
        case .surplusContact: "surplus_contact"
        case .crowdedNetwork: "crowded_network"
        case .surplusProvider: "surplus_provider"
        case .badItem: "bad_item"
        case .forgedItem: "forged_item"
        case .longToken: "long_token"
        case .candidatesFull: "candidates_full"
        }
    }
}
