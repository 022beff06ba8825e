internal import Cache
internal import DHTCore
internal import Logging

/// What changes while the service runs: for each key the part that owns it, and how it is told.
///
/// A key that is not in the table needs a restart; `SettingsSchema` says the same of every key.
struct ReloadTable: Sendable {
    /// New settings with all that could still be wrong about them made already.
    struct Prepared: Sendable {
        let settings: Settings
        let policy: Resolver.Policy
        let adminAccess: AdminAccess

        /// Blocks: reads the token file.
        init(_ settings: Settings) throws(StartError) {
            self.settings = settings
            policy = try Resolver.Policy(settings: settings)
            adminAccess = try AdminAccess(settings: settings.auth)
        }
    }

    /// Keys that change one thing together.
    struct Row: Sendable {
        let keys: [String]
        let apply: @Sendable (Prepared) -> Void

        init(_ keys: String..., apply: @escaping @Sendable (Prepared) -> Void) {
            self.keys = keys
            self.apply = apply
        }
    }

    let tuning: ExchangeTuning
    let adminAccess: LiveValue<AdminAccess>
    let store: IndexStore
    let cache: AnswerCache
    let resolver: Resolver
    let gates: RouteGates
    let rates: ClientRates
    let published: LiveValue<Settings.Publish>
    let threshold: LogThreshold
    let logger: Logger

    /// Tells every part that has one of the changed keys.
    func apply(_ prepared: Prepared, changed: [String]) {
        for row in rows where !row.keys.allSatisfy({ !changed.contains($0) }) {
            row.apply(prepared)
        }
    }

    var rows: [Row] { requests + answers + lookups }

    private var requests: [Row] {
        [
            Row("log.level") { threshold.level = Logger.Level($0.settings.log.level) },
            Row("http.request_timeout_ms", "log.requests") { tuning.change(to: $0.settings) },
            Row("auth.token_file") { adminAccess.replace(with: $0.adminAccess) },
            Row("ratelimit.enabled", "ratelimit.per_second", "ratelimit.burst") {
                rates.change(to: $0.settings.rateLimit)
            },
            Row("limits.running", "limits.waiting") {
                gates.change(to: RouteGates.Limits($0.settings.limits), at: .now())
            },
            Row("db.min_free_bytes", "db.read_timeout_ms", "index.max_providers_per_cid") {
                store.change(to: IndexStore.Configuration(settings: $0.settings))
            },
        ]
    }

    private var answers: [Row] {
        [
            Row("cache.entries", "cache.max_bytes", "cache.negative_percent") {
                let gone = cache.resize(to: CacheLimits($0.settings.cache), at: .now())
                guard gone > 0 else { return }
                logger.notice("the cache is smaller now", metadata: ["evicted": "\(gone)"])
            },
            Row(
                "cache.negative_ttl_s",
                "cache.max_ttl_s",
                "cache.max_stale_s",
                "cache.default_ttl_s",
                "dht.ask"
            ) { resolver.change(to: $0.policy, endsAnswers: false) },
            // Who may be named, and in which order, stands in the answers themselves.
            Row("rank.half_life_s", "rank.region", "rank.allow", "rank.deny") {
                resolver.change(to: $0.policy, endsAnswers: true)
            },
        ]
    }

    private var lookups: [Row] {
        [
            Row(
                "dht.alpha",
                "dht.beta",
                "dht.hedge_ms",
                "dht.adaptive_hedge",
                "dht.query_timeout_ms",
                "dht.deadline_ms",
                "dht.hop_cap",
                "dht.packet_budget"
            ) { resolver.joined?.change(to: $0.settings.dht) },
            Row("limits.lookups_per_second") {
                resolver.joined?.change(lookupsPerSecond: $0.settings.limits.lookupsPerSecond)
            },
            Row("publish.names", "publish.ttl_s") { published.replace(with: $0.settings.publish) },
        ]
    }
}
