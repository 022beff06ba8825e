extension MetricDescription {
    /// Every metric that the service exposes, in the order of the exposition.
    ///
    /// A new metric is one row here and one section in `docs/metrics.md`; it can then be recorded
    /// through swift-metrics by its name, or through a typed method of ``Metrics``.
    package static let all: [MetricDescription] =
        requests + resolving + spilling + lookups + upstreams + waits + modes + process

    private static let latency = MetricBuckets(
        [0.0001, 0.00025, 0.0005, 0.001, 0.005, 0.01, 0.02, 0.05, 0.08, 0.1, 0.2, 0.5, 1, 2, 5],
        in: .seconds
    )
    private static let route = Label("route", Route.self)
    private static let method = Label("method", RequestMethod.self)

    private static let requests: [MetricDescription] = [
        MetricDescription(
            "request_latency_seconds",
            .histogram(latency),
            [route, method],
            help: "Time from a request's head to the end of its answer.",
            whenItRises: """
                Compare the routes. If `resolve` and `providers` rise alone, look at \
                `index_resolve_latency_seconds` and at the share of cache misses; if all rise, \
                the process lacks CPU (`process_cpu_seconds_total`) or is swapping.
                """
        ),
        MetricDescription(
            "http_requests_total",
            .counter,
            [route, method, Label("status", RequestOutcome.self)],
            help: "Requests answered. A 404 counts as ok, a 429 as throttled.",
            whenItRises: """
                More `ok` is more load. For `error`, find the reason in `rejected_total`. For \
                `throttled`, see `rejected_total{reason="over_capacity"}`.
                """
        ),
        MetricDescription(
            "inflight_requests",
            .gauge,
            [route],
            help: "Requests being worked on now.",
            whenItRises: """
                Requests come in faster than they are answered. If it stays high while \
                `http_requests_total` stands still, something that a request waits for hangs: the \
                store or the DHT. See `GET /readyz`.
                """
        ),
        MetricDescription(
            "rejected_total",
            .counter,
            [Label("reason", RejectReason.self)],
            help: "Requests refused, by reason.",
            whenItRises: """
                `unauth`: a client has a wrong or expired token, or somebody is guessing. \
                `over_capacity`: raise the limit that is hit or add an instance. `timeout` and \
                `upstream_unready`: see `GET /readyz` for the dependency that fails. `body_cap` \
                and `decompress_cap`: a client sends too much; the log lines of its requests say \
                at which route, and a gateway in front says who it is. `bad_request`: a client is \
                broken. `internal`: a bug; report it with the log line.
                """
        ),
    ]

    private static let resolving: [MetricDescription] = [
        MetricDescription(
            "index_resolve_latency_seconds",
            .histogram(latency),
            [Label("type", ResolveType.self)],
            help: """
                Time that callers' keys took to be resolved that the cache in memory did not answer.
                """,
            whenItRises: """
                The store or the DHT has become slower. A step up to about the lookup budget \
                means that lookups end by their deadline: check the network and the bootstrap \
                nodes.
                """
        ),
        MetricDescription(
            "index_cache_hits_total",
            .counter,
            help: "Answers found in the cache in memory.",
            whenItRises: """
                Good. It should be most of all resolves; if its share falls, see \
                `index_cache_misses_total`.
                """
        ),
        MetricDescription(
            "index_cache_misses_total",
            .counter,
            help: "Answers not found in the cache in memory.",
            whenItRises: """
                Harmless while hits rise faster. Otherwise the keys in use no longer fit (compare \
                `index_cache_entries` and `index_cache_bytes` with their limits and raise them), \
                or somebody asks for random keys.
                """
        ),
        MetricDescription(
            "index_cache_entries",
            .gauge,
            help: "Answers held in the cache in memory.",
            whenItRises: """
                It stops at `cache.entries`. At the limit with a poor hit share: raise the limit.
                """
        ),
        MetricDescription(
            "index_cache_bytes",
            .gauge,
            help: "Bytes charged to the answers held in the cache in memory.",
            whenItRises: """
                It stops at `cache.max_bytes`. At the limit with a poor hit share: raise the \
                limit if the machine has the memory.
                """
        ),
        MetricDescription(
            "index_coalesced_total",
            .counter,
            help: "Requests that joined a resolve of the same key already under way.",
            whenItRises: """
                Many clients ask for one key at once. Harmless by itself; if latency rises with \
                it, the keys expire too fast: pin the popular ones.
                """
        ),
        MetricDescription(
            "index_integrity_fail_total",
            .counter,
            help: "Bytes whose BLAKE3 was not the content id they were stored or fetched under.",
            whenItRises: """
                Must stay 0. Stop trusting the disk or the peer they came from: check the disk, \
                restore the store from an export, and keep the log lines.
                """
        ),
        MetricDescription(
            "index_provider_set_changes_total",
            .counter,
            help: """
                Times that the providers of a content id were found, or made, to be others than \
                were known: once, whoever asks.
                """,
            whenItRises: """
                Providers come and go. A sudden rise over many content ids is a network that \
                flaps or somebody who announces false providers.
                """
        ),
    ]

    private static let modes: [MetricDescription] = [
        MetricDescription(
            "amnesia_mode",
            .gauge,
            [Label("status", SwitchStatus.self)],
            help: "1 for the state that holds: with amnesia on, nothing is written to disk.",
            whenItRises: """
                It changes only at a restart. If it is not what you configured, look at \
                `svc-index config print`.
                """
        ),
        MetricDescription(
            "pq_enabled",
            .gauge,
            help: "1 when TLS offers post-quantum key exchange.",
            whenItRises: """
                It changes only at a restart. 0 where 1 is wanted: TLS is off, or its library is \
                too old.
                """
        ),
    ]

    private static let process: [MetricDescription] = [
        MetricDescription(
            "process_cpu_seconds_total",
            .counter,
            help: "Total user and system CPU time spent in seconds.",
            whenItRises: """
                Its rate is the number of busy cores. Near the number of cores: add cores or an \
                instance.
                """
        ),
        MetricDescription(
            "process_resident_memory_bytes",
            .gauge,
            help: "Resident memory size in bytes.",
            whenItRises: """
                Expected up to `cache.max_bytes` and a constant. Beyond it, or growing without \
                end: lower `cache.max_bytes` and report it.
                """
        ),
        MetricDescription(
            "process_virtual_memory_bytes",
            .gauge,
            help: "Virtual memory size in bytes.",
            whenItRises: "Nothing, unless the resident memory rises with it."
        ),
        MetricDescription(
            "process_open_fds",
            .gauge,
            help: "Number of open file descriptors.",
            whenItRises: """
                It follows the number of connections. Near `process_max_fds`: raise the limit of \
                open files or lower the limit of connections. At it nobody new is accepted, and \
                the log says so.
                """
        ),
        MetricDescription(
            "process_max_fds",
            .gauge,
            help: "Maximum number of open file descriptors.",
            whenItRises: "Nothing: it is a limit set for the process."
        ),
        MetricDescription(
            "process_start_time_seconds",
            .gauge,
            help: "Start time of the process since unix epoch in seconds.",
            whenItRises: """
                The process was restarted. If nobody did that, look for a crash in the log.
                """
        ),
    ]
}
