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
        static let partialTTL = Answer.followUpSeconds
        /// The same after several thorough lookups in a row that could not be completed either.
        static let partialTTLLimit = 60

        package init() {}
    }

    /// What a question is resolved for.
    package enum Purpose: Sendable {
        /// Somebody waits, and an answer from before will do.
        case caller
        /// Somebody waits who wants no answer from before while another can be had.
        case bypass
        /// Nobody waits: an answer in RAM is to be renewed, and the DHT asked to the end.
        case refresh

        fileprivate var effort: Discovery.Effort { self == .refresh ? .thorough : .first }
    }

    /// A miss on its way, over all of its attempts.
    struct Search {
        let query: AnswerQuery
        let purpose: Purpose
        let deadline: MonotonicInstant
        let spilled: SpillStep
        /// When the DHT has had its time, over all lookups of this miss.
        let discoveryEnd: MonotonicInstant
        var isLastAttempt = false
        /// Where a key name points, and its stamp from before that was asked.
        var record: (FoundRecord, SubjectStamps.Stamp)?
        /// What the DHT knows of a content id, and its stamp from before that was asked.
        var found: (ContentID, Discovered, SubjectStamps.Stamp)?

        /// Whether there may be a newer record of the key name than the one at hand.
        private var isRecordEarly: Bool {
            if case (.found(_, _, let isEarly), _)? = record { isEarly } else { false }
        }

        /// Whether more may be found by one who has more time than the caller of this miss.
        func isEarly(_ found: Discovered) -> Bool {
            purpose != .refresh && (found.isEarly || isRecordEarly)
        }
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
    let encoder = AnswerEncoder()
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
        if let cached = cachedHit(for: query, at: now, on: stripe) { return cached }
        metrics.cacheMiss(on: stripe)
        return nil
    }

    /// The same, for callers that ask once more, and are counted then, when RAM has nothing.
    func cachedHit(
        for query: AnswerQuery,
        at now: MonotonicInstant,
        on stripe: MetricStripe
    ) -> CachedOutcome? {
        guard let cached = cache.outcome(for: query, at: now) else { return nil }
        metrics.cacheHit(on: stripe)
        refreshIfDue(cached, query, at: now)
        return cached
    }

    /// Has a question looked up again in the background, if this caller is the one to see to it.
    func refreshIfDue(_ cached: CachedOutcome, _ query: AnswerQuery, at now: MonotonicInstant) {
        guard cached.wantsRefresh else { return }
        let isAdded =
            cached.outcome.isToBeFollowedUp
            ? refreshes.add(followUp: query) : refreshes.add(query)
        if isAdded { return }
        cache.postponeRefresh(of: query, until: now.advanced(bySeconds: Policy.partialTTL))
    }

    /// What RAM has and is still true, for a question that was not there a moment ago.
    func freshlyCached(_ query: AnswerQuery) -> Resolved? {
        guard let cached = cache.outcome(for: query, at: .now()), !cached.isStale else {
            return nil
        }
        refreshIfDue(cached, query, at: .now())
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
    /// takes a storm of writes, the outcome of the last is answered and not cached.
    ///
    /// - Parameter deadline: when whoever waits is gone; the work ends at the latest.
    package func resolve(
        _ query: AnswerQuery,
        for purpose: Purpose = .bypass,
        by deadline: MonotonicInstant = .distantFuture
    ) async throws(ResolveError) -> Resolved {
        let startedAt = MonotonicInstant.now()
        // That of a refresh is nobody's.
        defer { if purpose != .refresh { recordLatency(of: query, since: startedAt) } }
        let spilled = purpose == .caller ? await askSpill(query, by: deadline) : .unknown
        if case .answered(let resolved) = spilled { return resolved }
        var search = Search(
            query: query,
            purpose: purpose,
            deadline: deadline,
            spilled: spilled,
            discoveryEnd: joined.map { discovery in
                min(deadline, startedAt.advanced(by: discovery.budget(for: purpose.effort)))
            } ?? deadline
        )
        for _ in 0..<3 {
            if let resolved = try await attempt(&search) { return resolved }
        }
        search.isLastAttempt = true
        guard let resolved = try await attempt(&search) else { throw .timedOut }
        return resolved
    }

    /// Finds the outcome once; nil when a write came in between that may have made it untrue.
    private func attempt(_ search: inout Search) async throws(ResolveError) -> Resolved? {
        // Before anything is read: whatever a write overtakes from now on is not given out.
        let stamps = cache.stamps(for: search.query.key)
        let policy = policy.current
        let record: FoundRecord?
        do throws(ResolveError) {
            record = try await self.record(for: &search, stamps)
        } catch {
            // As of providers: what is known from before is more than nothing.
            guard joined != nil, search.purpose != .refresh,
                let known = await known(to: search), case .found = known.outcome
            else { throw error }
            return known
        }
        let entry = try await look(up: search.query, record)
        let found = await discover(entry, policy, &search)
        let settled = settle(stamps, of: search, with: entry)
        guard settled != nil || search.isLastAttempt else { return nil }
        let standing = await standing(besides: entry, found, policy, search)
        if let standing, let answer = try answer(standing, insteadOf: found, for: search) {
            return answer
        }
        let resolved = try merge(entry, found, into: search, settled ?? stamps, policy)
        guard settled != nil else { return resolved }
        if standing == nil { store(resolved, for: search.query, search.spilled) }
        note(resolved, about: search.query, entry, found)
        // Refused, or without success: the next who asks for it in some seconds tries again.
        if search.isEarly(found) { _ = refreshes.add(followUp: search.query) }
        return resolved
    }

    /// A key name is a public key: the index has no say in it, and only the DHT can be asked.
    func refuseUnanswerable(_ key: ResolveKey) throws(ResolveError) {
        guard joined == nil else { return }
        if case .name(let name) = key, name.isKeyName { throw .discoveryDisabled }
    }

    /// Where a key name points, by the DHT; nil for names of the index and for content ids.
    ///
    /// Half of the lookup budget: the other half is for the providers of what it points at. It is
    /// asked once, unless a purge or a newer record that somebody else saw has overtaken it since;
    /// a newer one than was known ends all answers that were made from the one before.
    private func record(
        for search: inout Search,
        _ stamps: SubjectStamps
    ) async throws(ResolveError) -> FoundRecord? {
        guard case .name(let name) = search.query.key, let keyName = KeyName(name) else {
            return nil
        }
        if let (record, stamp) = search.record, cache.isCurrent(stamp) { return record }
        guard let discovery = joined else { throw .discoveryDisabled }
        let effort = search.purpose.effort
        let half = MonotonicInstant.now().advanced(by: discovery.budget(for: effort) / 2)
        var isNews = false
        let record = await discovery.record(
            of: keyName,
            effort: effort,
            isNews: &isNews,
            by: min(search.discoveryEnd, half)
        )
        let stamp = isNews ? cache.endOlder(than: stamps.key) : stamps.key
        if case .unknown(let obstacle, let newest) = record {
            if let newest { endAnswers(to: search.query, from: newest) }
            throw ResolveError(obstacle)
        }
        search.record = (record, stamp)
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
        case .found(let record, _, _): key = .contentID(record.manifestID)
        }
        var entry = try await readIndex(key, withManifest: query.document == .resolution)
        // Before the answer is cached.
        regions.learn(entry.providers)
        if case .found(let record, let isCurrent, _) = record {
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

    /// Asks the DHT for providers where the index has none to answer; once for each content id,
    /// unless a purge has overtaken what was found.
    private func discover(
        _ entry: IndexEntry,
        _ policy: Policy,
        _ search: inout Search
    ) async -> Discovered {
        guard let id = entry.manifestID, let discovery = joined else { return Discovered(.absent) }
        let now = UnixTime.now()
        let hasOwn = entry.providers.contains { provider in
            policy.ranking.isEligible(
                provider,
                minimumFreshness: search.query.minimumFreshness,
                at: now
            )
        }
        if hasOwn && !policy.asksAlways { return Discovered(.absent) }
        // The index may have been read again, and another content id stand there.
        if let (known, found, stamp) = search.found, known == id, cache.isCurrent(stamp) {
            return found
        }
        let stamp = cache.stamp(.contentID(id))
        let found = await discovery.providers(
            of: id,
            effort: search.purpose.effort,
            by: search.discoveryEnd
        )
        search.found = (id, found, stamp)
        return found
    }

    /// The stamps of an outcome with all that it depends on; nil when the facts must be read again.
    private func settle(
        _ stamps: SubjectStamps,
        of search: Search,
        with entry: IndexEntry
    ) -> SubjectStamps? {
        var stamps = stamps
        if let (_, stamp) = search.record { stamps.key = stamp }
        guard cache.areCurrent(stamps) else { return nil }
        guard case .name = search.query.key, let target = entry.manifestID else { return stamps }
        return cache.stamps(stamps, leadingTo: target)
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
}
