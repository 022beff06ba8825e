/// The one table of all settings.
///
/// Reading, checking, printing, reloading and CONFIG.md follow it. A new key is a field in
/// `Settings` and a row here.
package struct SettingsSchema: Sendable {
    /// The table of this version.
    package static let current = SettingsSchema(
        rows: [
            http, metrics, database, auth, cache, spill, rank, index, dht, publish, limits,
            rateLimit, amnesia, log,
        ].flatMap { $0 }
    )

    /// In the order in which they are printed.
    package let rows: [SettingRow]
    private let rowsByKey: [String: SettingRow]
    private let rowsByFlag: [String: SettingRow]
    private let rowsByVariable: [String: SettingRow]

    /// Makes a table; two rows that share a key, a flag or a variable are a bug.
    package init(rows: [SettingRow]) {
        self.rows = rows
        rowsByKey = Dictionary(uniqueKeysWithValues: rows.map { ($0.key, $0) })
        rowsByFlag = Dictionary(uniqueKeysWithValues: rows.map { ($0.flag, $0) })
        rowsByVariable = Dictionary(uniqueKeysWithValues: rows.map { ($0.variable, $0) })
    }

    package func row(key: String) -> SettingRow? { rowsByKey[key] }
    package func row(flag: String) -> SettingRow? { rowsByFlag[flag] }
    package func row(variable: String) -> SettingRow? { rowsByVariable[variable] }

    /// Whether there are keys below this name: whether a file may have it as a table.
    func hasKeys(in group: String) -> Bool {
        rows.contains { $0.key.hasPrefix(group + ".") }
    }

    /// What holds when nobody has set anything.
    package func defaults(for profile: Profile) -> Settings {
        var settings = Settings()
        for row in rows { row.applyDefault(profile, &settings) }
        return settings
    }
}

extension SettingsSchema {
    private static let http: [SettingRow] = [
        SettingRow(
            "http.bind",
            \.http.bind,
            .address,
            macronode: ListenAddress(host: "0.0.0.0", port: 5304),
            "where the service listens; port 0 takes a free one"
        ),
        SettingRow(
            "http.event_loops",
            \.http.eventLoops,
            .count(0...256),
            "threads that serve connections; 0 is one per core"
        ),
        SettingRow(
            "http.max_connections",
            \.http.maxConnections,
            .count(1...1_048_576),
            "open connections in all"
        ),
        SettingRow(
            "http.max_connections_per_address",
            \.http.maxConnectionsPerAddress,
            .count(1...1_048_576),
            "open connections of one client address (an IPv6 /64 is one)"
        ),
        SettingRow(
            "http.idle_timeout_s",
            \.http.idleTimeout,
            .seconds(1...3600),
            "how long a connection may be silent between requests"
        ),
        SettingRow(
            "http.header_timeout_s",
            \.http.headerTimeout,
            .seconds(1...300),
            "how long a request's head may take to arrive"
        ),
        SettingRow(
            "http.request_timeout_ms",
            \.http.requestTimeout,
            .milliseconds(10...60_000),
            reload: true,
            "one request, up to the head of its answer; then 504"
        ),
        SettingRow(
            "http.max_body_bytes",
            \.http.maxBodyBytes,
            .bytes(1024...1_048_576),
            "largest request body; then 413"
        ),
        SettingRow(
            "http.max_decompression_ratio",
            \.http.maxDecompressionRatio,
            .count(1...10),
            "how many times its compressed size a body may grow to; then 413"
        ),
        SettingRow(
            "http.max_header_bytes",
            \.http.maxHeaderBytes,
            .bytes(1024...65_536),
            "largest header list; then 431"
        ),
        SettingRow(
            "http.max_target_bytes",
            \.http.maxTargetBytes,
            .bytes(512...65_536),
            "longest request target; then 414"
        ),
        SettingRow(
            "http.drain_timeout_s",
            \.http.drainTimeout,
            .seconds(0...300),
            "how long requests in flight may take to end at shutdown"
        ),
    ]

    private static let metrics: [SettingRow] = [
        SettingRow(
            "metrics.bind",
            \.metrics.bind,
            .optionalAddress,
            "a listener of its own for /metrics; empty serves it on http.bind"
        )
    ]

    private static let database: [SettingRow] = [
        SettingRow(
            "db.path",
            \.database.path,
            .path,
            macronode: "./index",
            "directory of the index, or :memory:"
        ),
        SettingRow(
            "db.synchronous",
            \.database.synchronous,
            .choice,
            "whether a commit waits until the disk has it (see below)"
        ),
        SettingRow(
            "db.min_free_bytes",
            \.database.minFreeBytes,
            .bytes(0...(1 << 40)),
            reload: true,
            "free disk space under which writes are refused"
        ),
        SettingRow(
            "db.page_cache_bytes",
            \.database.pageCacheBytes,
            .bytes((1 << 20)...(16 << 30)),
            macronode: 128 << 20,
            "memory for database pages, over all connections"
        ),
        SettingRow(
            "db.readers",
            \.database.readers,
            .count(1...64),
            macronode: 4,
            "database connections that only read"
        ),
        SettingRow(
            "db.read_timeout_ms",
            \.database.readTimeout,
            .milliseconds(10...60_000),
            reload: true,
            "the longest wait for a read of the index; then 503"
        ),
    ]

    private static let auth: [SettingRow] = [
        SettingRow(
            "auth.token_file",
            \.auth.tokenFile,
            .optionalPath,
            reload: true,
            "file with the token that admin requests must carry; empty is none"
        )
    ]

    private static let cache: [SettingRow] = [
        SettingRow(
            "cache.entries",
            \.cache.entries,
            .count(1...100_000_000),
            macronode: 150_000,
            reload: true,
            "answers in RAM at most"
        ),
        SettingRow(
            "cache.max_bytes",
            \.cache.maxBytes,
            .bytes((1 << 20)...(1 << 40)),
            macronode: 1 << 30,
            reload: true,
            "memory for answers at most"
        ),
        SettingRow(
            "cache.negative_percent",
            \.cache.negativePercent,
            .percent(1...50),
            reload: true,
            "share of the cache that \"not found\" may take"
        ),
        SettingRow(
            "cache.negative_ttl_s",
            \.cache.negativeTTL,
            .seconds(1...3600),
            reload: true,
            "how long \"not found\" is believed"
        ),
        SettingRow(
            "cache.max_ttl_s",
            \.cache.maxTTL,
            .seconds(1...86_400),
            reload: true,
            "no answer lives longer, whatever its own life"
        ),
        SettingRow(
            "cache.max_stale_s",
            \.cache.maxStale,
            .seconds(0...604_800),
            reload: true,
            "how long after its life an answer may still be given out, marked stale"
        ),
        SettingRow(
            "cache.default_ttl_s",
            \.cache.defaultTTL,
            .seconds(1...86_400),
            reload: true,
            "life of an answer whose name or cid has none of its own"
        ),
        SettingRow(
            "cache.warmup_keys",
            \.cache.warmupKeys,
            .keys(WarmUp.maximumCount),
            "names and content ids looked up at the start, in the background"
        ),
        SettingRow(
            "cache.shards",
            \.cache.shards,
            .count(0...1024),
            "most locks the cache is split over, each with room for an entry; 0 chooses by the size"
        ),
    ]

    private static let spill: [SettingRow] = [
        SettingRow(
            "spill.enabled",
            \.spill.enabled,
            .flag,
            macronode: true,
            "keep on disk what the answers in RAM have no room for"
        ),
        SettingRow(
            "spill.path",
            \.spill.path,
            .optionalPath,
            "directory of the spill; empty is `spill` in db.path"
        ),
        SettingRow(
            "spill.max_bytes",
            \.spill.maxBytes,
            .bytes((1 << 20)...(1 << 40)),
            "size of the spill's file at most"
        ),
    ]

    private static let rank: [SettingRow] = [
        SettingRow(
            "rank.half_life_s",
            \.rank.halfLife,
            .seconds(1...31_536_000),
            reload: true,
            "after how long a provider's last sighting counts half"
        ),
        SettingRow(
            "rank.region",
            \.rank.region,
            .region,
            reload: true,
            "this instance's region, for callers who give none"
        ),
        SettingRow(
            "rank.allow",
            \.rank.allow,
            .patterns,
            reload: true,
            "when not empty, only providers that match are named"
        ),
        SettingRow(
            "rank.deny",
            \.rank.deny,
            .patterns,
            reload: true,
            "providers that are never named; wins over rank.allow"
        ),
    ]

    private static let index: [SettingRow] = [
        SettingRow(
            "index.max_providers_per_cid",
            \.index.maxProvidersPerCID,
            .count(1...100_000),
            reload: true,
            "announced providers of one cid at most"
        )
    ]

    private static let amnesia: [SettingRow] = [
        SettingRow(
            "amnesia.enabled",
            \.amnesia.enabled,
            .flag,
            macronode: false,
            "write nothing to disk, zero memory that held answers at shutdown"
        )
    ]

    private static let log: [SettingRow] = [
        SettingRow(
            "log.level",
            \.log.level,
            .choice,
            reload: true,
            "the least important level that is still written"
        ),
        SettingRow(
            "log.format",
            \.log.format,
            .choice,
            "auto is text on a terminal and JSON elsewhere"
        ),
        SettingRow(
            "log.requests",
            \.log.requests,
            .flag,
            reload: true,
            "one record for each request"
        ),
    ]
}
