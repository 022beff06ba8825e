internal import Cache
internal import DHTCore
package import Logging
internal import Waiting

// How the settings reach the parts of the service: each part's own configuration, made from them.

extension IndexStore.Configuration {
    package init(settings: Settings) {
        self.init()
        durability = settings.database.synchronous == .full ? .full : .normal
        pageCacheBytes = settings.database.pageCacheBytes
        readers = settings.database.readers
        maximumProvidersPerContentID = settings.index.maxProvidersPerCID
        minimumFreeBytes = Int64(settings.database.minFreeBytes)
        readPatience = settings.database.readTimeout
    }
}

extension RouteGates.Limits {
    init(_ settings: Settings.Limits) {
        self.init()
        running = settings.running
        waiting = settings.waiting
    }
}

extension AnswerCache {
    convenience init(settings: Settings.Cache, spill: AnswerSpill?) {
        self.init(
            limits: CacheLimits(settings),
            shards: settings.shards == 0 ? nil : settings.shards,
            spill: spill
        )
    }
}

extension Settings {
    /// Where the spill is; nil when there is none.
    ///
    /// Amnesia forbids it, whatever else is set.
    var spillDirectory: String? {
        guard spill.enabled, !amnesia.enabled else { return nil }
        return spill.path ?? (database.isInMemory ? nil : database.path + "/spill")
    }
}

extension AnswerSpill {
    /// Room on the disk beyond what the index must have, in bytes: it has to grow as well.
    private static let roomForIndex = 64 << 20

    /// Nil when the settings switch it off.
    convenience init?(settings: Settings, breaker: CircuitBreaker?) {
        guard let directory = settings.spillDirectory, let breaker else { return nil }
        self.init(
            directory: directory,
            maximumBytes: settings.spill.maxBytes,
            beside: settings.database.isInMemory
                ? nil
                : (settings.database.path, settings.database.minFreeBytes + Self.roomForIndex),
            breaker: breaker
        )
    }
}

extension CacheLimits {
    init(_ settings: Settings.Cache) {
        self.init(
            entries: settings.entries,
            bytes: settings.maxBytes,
            negativePercent: settings.negativePercent
        )
    }
}

extension ClientRates {
    convenience init(settings: Settings.RateLimit) {
        self.init(perSecond: settings.perSecond, burst: settings.burst)
        setEnabled(settings.enabled)
    }

    /// Limits as an operator has set it now; every address begins with a full bucket again.
    func change(to settings: Settings.RateLimit) {
        setRate(perSecond: settings.perSecond, burst: settings.burst)
        setEnabled(settings.enabled)
    }
}

extension Discovery {
    /// Looks up as an operator has set it now; lookups under way end as they began.
    func change(to settings: Settings.DHT) {
        change(LookupSettings(settings), budget: UInt64(clamping: settings.deadline.nanoseconds))
    }
}

extension Logger.Level {
    /// The same level as the logging library has it.
    package init(_ level: Settings.Log.Level) {
        self = Logger.Level(rawValue: level.rawValue) ?? .info
    }
}

extension Resolver.Policy {
    init(settings: Settings) throws(StartError) {
        self.init()
        defaultTTL = settings.cache.defaultTTL.wholeSeconds
        maximumTTL = settings.cache.maxTTL.wholeSeconds
        negativeTTL = settings.cache.negativeTTL.wholeSeconds
        maximumStale = settings.cache.maxStale.wholeSeconds
        asksAlways = settings.dht.ask == .always
        ranking = ProviderRanking(
            halfLife: settings.rank.halfLife.wholeSeconds,
            defaultRegion: try Self.region(settings.rank.region),
            allowed: settings.rank.allow,
            denied: settings.rank.deny
        )
    }

    private static func region(_ text: String) throws(StartError) -> Region? {
        if text.isEmpty { return nil }
        do {
            return try Region(parsing: text)
        } catch {
            throw .setting("rank.region is wrong: \(error)")
        }
    }
}

extension Duration {
    /// The duration in seconds, a rest cut off.
    var wholeSeconds: Int { Int(components.seconds) }
}
