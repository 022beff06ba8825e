package import Cache
internal import Synchronization

/// Answers questions about names and content ids, out of RAM, from the index, or from the DHT: read
/// this first.
///
/// `cachedOutcome` is the hit: synchronous, no allocation, no suspension. `resolve` is the miss;
/// each step of it is one call, in the order in which a question goes through them.
package final class Resolver: Sendable {
    /// How long answers live and how providers are ordered.
    package struct Policy: Sendable {
        package var ranking = ProviderRanking()
        /// Life of an answer whose name has none of its own, in seconds.
        package var defaultTTL = 300
        /// No answer lives longer, in seconds.
        package var maximumTTL = 3600
        /// Life of "not found", in seconds.
        package var negativeTTL = 15
        /// How long after its life an answer may still be given out, in seconds.
        package var maximumStale = 3600
        /// Whether the DHT is asked for providers that the index has as well.
        package var asksAlways = false

        /// Life of an answer that a lookup could not complete, in seconds: soon asked again.
        static let partialTTL = 5

        package init() {}
    }

    let cache: AnswerCache
    private let reads: IndexReads
    /// Read once for each attempt of a miss, after its stamps were taken.
    private let policy: LiveValue<Policy>
    let metrics: Metrics
    /// Which of the regions that callers name make a difference.
    let regions = KnownRegions()
    /// Tells others what an answer or a write shows to have changed.
    let news: ChangeNews
    private let encoder = AnswerEncoder()
    private let pins: PinnedKeys
    private let refreshes: RefreshQueue
    /// Set once, when the DHT client runs; nil while the DHT is switched off.
    private let discovery = Mutex<Discovery?>(nil)

    package init(
        cache: AnswerCache,
        store: IndexStore,
        policy: Policy,
        pins: PinnedKeys,
        refreshes: RefreshQueue = RefreshQueue(),
        breaker: CircuitBreaker = CircuitBreaker(),
        metrics: Metrics,
        bus: EventBus? = nil
    ) {
        self.cache = cache
        reads = IndexReads(store: store, breaker: breaker, metrics: metrics)
        self.policy = LiveValue(policy)
        self.pins = pins
        self.refreshes = refreshes
        self.metrics = metrics
        news = ChangeNews(metrics: metrics, bus: bus)
    }

    /// Makes answers by another policy from now on.
    ///
    /// - Parameter endsAnswers: whether answers made by the former one are not given out any more.
    func change(to policy: Policy, endsAnswers: Bool) {
        self.policy.replace(with: policy)
        // After it: an answer that is being made has older stamps, or the new policy.
        if endsAnswers { cache.invalidateAll() }
    }

    /// Asks the DHT as well from now on.
    func join(_ discovery: Discovery) {
        self.discovery.withLock { $0 = discovery }
    }

    /// The DHT as it is asked; nil while it is switched off.
    var joined: Discovery? { discovery.withLock { $0 } }

    /// What RAM has, fresh or stale; has it looked up again in the background when that is due.
    package func cachedOutcome(
        for query: AnswerQuery,
        at now: MonotonicInstant,
        on stripe: MetricStripe = .shared
    ) -> CachedOutcome? {
        guard let cached = cache.outcome(for: query, at: now) else {
            metrics.cacheMiss(on: stripe)
            return nil
        }
        metrics.cacheHit(on: stripe)
        refreshIfDue(cached, query, at: now)
        return cached
    }

    /// Has a question looked up again in the background, if this caller is the one to see to it.
    func refreshIfDue(_ cached: CachedOutcome, _ query: AnswerQuery, at now: MonotonicInstant) {
        guard cached.wantsRefresh, !refreshes.add(query) else { return }
        cache.postponeRefresh(of: query, until: now.advanced(bySeconds: Policy.partialTTL))
    }

    /// What RAM has and is still true, for a question that was not there a moment ago.
    func freshlyCached(_ query: AnswerQuery) -> Resolved? {
        guard let cached = cache.outcome(for: query, at: .now()), !cached.isStale else {
            return nil
        }
        return Resolved(outcome: cached.outcome, source: .ram)
    }

    /// Whether no write has overtaken what an outcome was made from.
    func isCurrent(_ resolved: Resolved) -> Bool {
        cache.isCurrent(resolved.outcome)
    }

    /// Gives a refresh back that failed: the answer stays as it is, and nobody is asked to look it
    /// up again before `instant`.
    func refreshFailed(_ query: AnswerQuery, until instant: MonotonicInstant) {
        cache.postponeRefresh(of: query, until: instant)
    }

    /// Finds the outcome where RAM has none: in the spill, in the index, then in the DHT.
    ///
    /// Facts that a write may have overtaken are read again; after three such reads in a row, which
    /// takes a storm of writes, the outcome is answered and not cached. The DHT is asked once.
    ///
    /// - Parameters:
    ///   - deadline: when whoever waits is gone; the work ends at the latest.
    ///   - usingSpill: whether an answer from before will do.
    ///   - thoroughly: whether nobody waits, so that the DHT is asked to the end.
    package func resolve(
        _ query: AnswerQuery,
        by deadline: MonotonicInstant = .distantFuture,
        usingSpill: Bool = false,
        thoroughly: Bool = false
    ) async throws(ResolveError) -> Resolved {
        let startedAt = MonotonicInstant.now()
        defer { recordLatency(of: query, since: startedAt) }
        let spilled = usingSpill ? await askSpill(query, by: deadline) : .unknown
        if case .answered(let resolved) = spilled { return resolved }
        let leadsTo = try await target(of: query.key, by: deadline)
        // The DHT is asked once, however often the index is read again.
        var discovered: Discovered?
        for _ in 0..<3 {
            let stamps = cache.stamps(for: query.key)
            let policy = policy.current
            let entry = try await look(up: query, leadsTo)
            let found: Discovered
            if let discovered {
                found = discovered
            } else {
                found = await discover(entry, policy, thoroughly, by: deadline)
                discovered = found
            }
            guard let stamps = complete(stamps, of: query, with: entry) else { continue }
            let resolved = try merge(entry, found, into: query, stamps, policy)
            if keepsStanding(query, entry, found) {
                // Nobody is given this one: a refresh has failed.
                if thoroughly, case .unknown(let obstacle) = found.verdict {
                    throw ResolveError(obstacle)
                }
                return resolved
            }
            store(resolved, for: query, spilled)
            note(resolved, about: query, entry, found)
            if found.isEarly, !thoroughly { _ = refreshes.add(query) }
            return resolved
        }
        let stamps = cache.stamps(for: query.key)
        let entry = try await look(up: query, leadsTo)
        return try merge(
            entry,
            discovered ?? Discovered(.absent),
            into: query,
            stamps,
            policy.current
        )
    }

    /// A key name is a public key: the index has no say in it, and only the DHT can be asked.
    func refuseUnanswerable(_ key: ResolveKey) throws(ResolveError) {
        guard discovery.withLock({ $0 == nil }) else { return }
        if case .name(let name) = key, name.isKeyName { throw .discoveryDisabled }
    }

    /// Where a key name points, by the DHT; nil for names of the index and for content ids.
    ///
    /// Half of the lookup budget: the other half is for the providers of what it points at.
    private func target(
        of key: ResolveKey,
        by deadline: MonotonicInstant
    ) async throws(ResolveError) -> FoundRecord? {
        guard case .name(let name) = key, let keyName = KeyName(name) else { return nil }
        guard let discovery = discovery.withLock({ $0 }) else { throw .discoveryDisabled }
        let half = MonotonicInstant.now().advanced(by: discovery.budget / 2)
        let record = await discovery.record(of: keyName, by: min(deadline, half))
        if case .unknown(let obstacle) = record { throw ResolveError(obstacle) }
        return record
    }

    private func look(
        up query: AnswerQuery,
        _ record: FoundRecord?
    ) async throws(ResolveError) -> IndexEntry {
        var key = query.key
        switch record {
        case nil, .unknown: break
        case .absent: return IndexEntry()
        case .found(let record, _): key = .contentID(record.manifestID)
        }
        var entry = try await readIndex(key, withManifest: query.document == .resolution)
        // Before the answer is cached.
        regions.learn(entry.providers)
        if case .found(let record, let isCurrent) = record {
            entry.ttl = record.ttl
            entry.proof = record.proof
            entry.isOutdated = !isCurrent
        }
        return entry
    }

    private func readIndex(
        _ key: ResolveKey,
        withManifest: Bool
    ) async throws(ResolveError) -> IndexEntry {
        do {
            return try await reads.read { store in
                try store.lookUp(key, withManifest: withManifest, at: .now())
            }
        } catch {
            throw ResolveError(error)
        }
    }

    /// Asks the DHT for the providers that the index does not have.
    private func discover(
        _ entry: IndexEntry,
        _ policy: Policy,
        _ thoroughly: Bool,
        by deadline: MonotonicInstant
    ) async -> Discovered {
        guard let id = entry.manifestID, entry.providers.isEmpty || policy.asksAlways,
            let discovery = discovery.withLock({ $0 })
        else { return Discovered(.absent) }
        let budget = entry.proof == nil ? discovery.budget : discovery.budget / 2
        return await discovery.providers(
            of: id,
            effort: thoroughly ? .thorough : .first,
            by: min(deadline, .now().advanced(by: budget))
        )
    }

    private func complete(
        _ stamps: SubjectStamps,
        of query: AnswerQuery,
        with entry: IndexEntry
    ) -> SubjectStamps? {
        guard case .name = query.key, let target = entry.manifestID else { return stamps }
        return cache.stamps(stamps, leadingTo: target)
    }

    /// Whether an answer in RAM is better than what could be found out now: the DHT could not be
    /// asked, and of the index nothing has changed, or the answer would not stand.
    private func keepsStanding(
        _ query: AnswerQuery,
        _ entry: IndexEntry,
        _ found: Discovered
    ) -> Bool {
        guard case .unknown = found.verdict, entry.proof == nil || entry.isOutdated,
            case .found? = cache.outcome(for: query, at: .now())?.outcome
        else { return false }
        cache.postponeRefresh(of: query, until: .now().advanced(bySeconds: Policy.partialTTL))
        return true
    }

    private func store(
        _ resolved: Resolved,
        for query: AnswerQuery,
        _ spilled: SpillStep
    ) {
        var mayBeSpilled = true
        if case .empty = spilled { mayBeSpilled = false }
        cache.insert(
            resolved.outcome,
            for: query,
            pinned: isPinned(query),
            mayBeSpilled: mayBeSpilled,
            at: .now()
        )
    }

    /// Only the plain question is pinned: variants of it are anybody's to make.
    func isPinned(_ query: AnswerQuery) -> Bool {
        query == AnswerQuery(.resolution, query.key) && pins.contains(query.key)
    }

    /// Puts what the index and the DHT have together, ranks it and encodes it.
    ///
    /// - Throws: when nothing is known and not everywhere could be looked.
    private func merge(
        _ entry: IndexEntry,
        _ discovered: Discovered,
        into query: AnswerQuery,
        _ stamps: SubjectStamps,
        _ policy: Policy
    ) throws(ResolveError) -> Resolved {
        let now = MonotonicInstant.now()
        var entry = entry
        entry.add(discovered.providers)
        guard let manifestID = entry.manifestID, entry.isKnown(as: query.key) else {
            if case .unknown(let obstacle) = discovered.verdict { throw ResolveError(obstacle) }
            let until = now.advanced(bySeconds: policy.negativeTTL)
            return Resolved(
                outcome: .absent(Absence(of: query, freshUntil: until, subjects: stamps)),
                source: discovered.lookup == nil && !query.key.isKeyName ? .index : .dht
            )
        }
        let wallClock = UnixTime.now()
        let ranked = policy.ranking.rank(
            entry.providers,
            region: query.region,
            minimumFreshness: query.minimumFreshness,
            at: wallClock
        )
        let life = life(of: entry, discovered, policy, showing: ranked, query, wallClock)
        let facts = AnswerEncoder.Facts(
            query: query,
            manifestID: manifestID,
            manifest: entry.manifest,
            providers: ranked,
            complete: discovered.isComplete && !entry.isOutdated,
            ttl: life.fresh,
            lookup: discovered.lookup,
            proof: entry.proof
        )
        let answer = encoder.encode(facts, madeAt: now, staleFor: life.stale, subjects: stamps)
        return Resolved(
            outcome: .found(answer),
            source: discovered.providers.isEmpty && entry.proof == nil ? .index : .dht
        )
    }

    /// The answer's life in seconds: the name's own or the default.
    ///
    /// Never past the first provider whose announcement ends, nor past the first that is not fresh
    /// enough any more; short where the DHT could not be asked to the end. What has ended is never
    /// given out as stale.
    private func life(
        of entry: IndexEntry,
        _ discovered: Discovered,
        _ policy: Policy,
        showing ranked: [ProviderRanking.Ranked],
        _ query: AnswerQuery,
        _ now: UnixTime
    ) -> (fresh: Int, stale: Int) {
        var own = min(entry.ttl ?? policy.defaultTTL, policy.maximumTTL)
        if !discovered.isComplete || entry.isOutdated { own = min(own, Policy.partialTTL) }
        var ends = entry.providers.compactMap(\.expiresAt)
        if let minimumFreshness = query.minimumFreshness {
            // Still fresh enough at the very second of its end: one more.
            ends += ranked.map { $0.provider.lastSeen.advanced(bySeconds: minimumFreshness + 1) }
        }
        let untilEnd = ends.min().map { Int(clamping: $0.seconds(since: now)) } ?? .max
        let fresh = max(1, min(own, untilEnd))
        return (fresh, min(policy.maximumStale, max(0, untilEnd - fresh)))
    }

    private func recordLatency(of query: AnswerQuery, since start: MonotonicInstant) {
        let elapsed = MonotonicInstant.now().nanoseconds(since: start)
        let type: ResolveType = query.key.kind == .name ? .name : .cid
        metrics.resolveFinished(type, nanoseconds: Int64(clamping: elapsed))
    }
}

extension IndexEntry {
    /// Whether this is an answer: a name that exists, or a content id of which anything is held.
    fileprivate func isKnown(as key: ResolveKey) -> Bool {
        switch key {
        case .name: manifestID != nil
        case .contentID: isHeld || !providers.isEmpty
        }
    }

    /// Takes in providers from elsewhere; where both name one, the index knows it better.
    fileprivate mutating func add(_ others: [Provider]) {
        let known = Set(providers.map(\.address))
        providers += others.filter { !known.contains($0.address) }
    }
}
