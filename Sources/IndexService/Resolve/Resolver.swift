package import Cache
internal import Synchronization

/// Answers questions about names and content ids, out of RAM or from the index: read this first.
///
/// `cachedAnswer` is the hit: synchronous, no allocation, no suspension. `resolve` is the miss;
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

        package init() {}
    }

    private let cache: AnswerCache
    private let store: IndexStore
    private let policy: Policy
    private let metrics: Metrics
    private let encoder = AnswerEncoder()
    private let pins: PinnedKeys

    package init(
        cache: AnswerCache,
        store: IndexStore,
        policy: Policy,
        pins: PinnedKeys,
        metrics: Metrics
    ) {
        self.cache = cache
        self.store = store
        self.policy = policy
        self.pins = pins
        self.metrics = metrics
    }

    /// The outcome in RAM, if there is one that is still true.
    package func cachedOutcome(
        for query: AnswerQuery,
        at now: MonotonicInstant,
        on stripe: MetricStripe = .shared
    ) -> Outcome? {
        let outcome = cache.outcome(for: query, at: now)
        if outcome == nil { metrics.cacheMiss(on: stripe) } else { metrics.cacheHit(on: stripe) }
        return outcome
    }

    /// Finds the outcome where RAM has none: in the index.
    ///
    /// Facts that a write may have overtaken are read again; after three such reads in a row, which
    /// takes a storm of writes, the outcome is answered and not cached.
    package func resolve(_ query: AnswerQuery) async throws(ResolveError) -> Resolved {
        let startedAt = MonotonicInstant.now()
        try refuseUnanswerable(query.key)
        for _ in 0..<3 {
            let stamps = cache.stamps(for: query.key)
            let entry = try await look(up: query)
            guard let stamps = complete(stamps, of: query, with: entry) else { continue }
            let outcome = outcome(of: query, from: entry, stamps: stamps)
            let isPinned = pins.contains(query.key)
            cache.insert(outcome, for: query, pinned: isPinned, at: .now())
            recordLatency(of: query, since: startedAt)
            return Resolved(outcome: outcome, source: .index)
        }
        let stamps = cache.stamps(for: query.key)
        let entry = try await look(up: query)
        recordLatency(of: query, since: startedAt)
        return Resolved(outcome: outcome(of: query, from: entry, stamps: stamps), source: .index)
    }

    /// A key name is a public key: the index has no say in it, and there is no DHT to ask yet.
    func refuseUnanswerable(_ key: ResolveKey) throws(ResolveError) {
        if case .name(let name) = key, name.isKeyName { throw .discoveryDisabled }
    }

    private func look(up query: AnswerQuery) async throws(ResolveError) -> IndexEntry {
        let withManifest = query.document == .resolution
        do {
            return try await store.reading { store in
                try store.lookUp(query.key, withManifest: withManifest, at: .now())
            }
        } catch {
            if case .integrity = error { metrics.integrityFailed() }
            throw ResolveError(error)
        }
    }

    private func complete(
        _ stamps: SubjectStamps,
        of query: AnswerQuery,
        with entry: IndexEntry
    ) -> SubjectStamps? {
        guard case .name = query.key, let target = entry.manifestID else { return stamps }
        return cache.stamps(stamps, leadingTo: target)
    }

    private func outcome(
        of query: AnswerQuery,
        from entry: IndexEntry,
        stamps: SubjectStamps
    ) -> Outcome {
        let now = MonotonicInstant.now()
        guard let manifestID = entry.manifestID, entry.isKnown(as: query.key) else {
            let until = now.advanced(bySeconds: policy.negativeTTL)
            return .absent(Absence(freshUntil: until, subjects: stamps))
        }
        let wallClock = UnixTime.now()
        let ranked = policy.ranking.rank(
            entry.providers,
            region: query.region,
            minimumFreshness: query.minimumFreshness,
            at: wallClock
        )
        let facts = AnswerEncoder.Facts(
            query: query,
            manifestID: manifestID,
            manifest: entry.manifest,
            providers: ranked,
            complete: true,
            ttl: life(
                of: entry,
                showing: ranked,
                minimumFreshness: query.minimumFreshness,
                wallClock
            )
        )
        return .found(encoder.encode(facts, madeAt: now, subjects: stamps))
    }

    /// The answer's life in seconds: the name's own or the default, never past the first provider
    /// whose announcement ends, nor past the first that is not fresh enough any more.
    private func life(
        of entry: IndexEntry,
        showing ranked: [ProviderRanking.Ranked],
        minimumFreshness: Int?,
        _ now: UnixTime
    ) -> Int {
        let own = min(entry.ttl ?? policy.defaultTTL, policy.maximumTTL)
        var ends = entry.providers.compactMap(\.expiresAt)
        if let minimumFreshness {
            // Still fresh enough at the very second of its end: one more.
            ends += ranked.map { $0.provider.lastSeen.advanced(bySeconds: minimumFreshness + 1) }
        }
        let untilEnd = ends.min().map { Int(clamping: $0.seconds(since: now)) } ?? .max
        return max(1, min(own, untilEnd))
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
}
