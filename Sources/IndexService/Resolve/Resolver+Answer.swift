internal import Cache

// The last steps of a miss: what was found becomes an answer.

extension Resolver {
    /// Puts what the index and the DHT have together, ranks it and encodes it.
    ///
    /// - Throws: when nothing is known and not everywhere could be looked.
    func merge(
        _ entry: IndexEntry,
        _ discovered: Discovered,
        into search: Search,
        _ stamps: SubjectStamps,
        _ policy: Policy
    ) throws(ResolveError) -> Resolved {
        let (query, now) = (search.query, MonotonicInstant.now())
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
        let isComplete = discovered.isComplete && !entry.isOutdated
        let limit = isComplete ? policy.maximumTTL : partialLife(for: search)
        let life = life(of: entry, atMost: limit, policy, showing: ranked, query, wallClock)
        let facts = AnswerEncoder.Facts(
            query: query,
            manifestID: manifestID,
            manifest: entry.manifest,
            providers: ranked,
            complete: isComplete,
            ttl: life.fresh,
            lookup: discovered.lookup,
            proof: entry.proof
        )
        let answer = encoder.encode(
            facts,
            madeAt: now,
            staleFor: life.stale,
            coverage: isComplete ? (search.isEarly(discovered) ? .early : .full) : .partial,
            subjects: stamps
        )
        return Resolved(
            outcome: .found(answer),
            source: discovered.providers.isEmpty && entry.proof == nil ? .index : .dht
        )
    }

    /// The answer's life in seconds: the name's own or the default.
    ///
    /// Never past the first provider whose announcement ends, nor past the first that is not fresh
    /// enough any more. What has ended is never given out as stale.
    ///
    /// - Parameter limit: the longest that it may be; short where not everybody could be asked.
    private func life(
        of entry: IndexEntry,
        atMost limit: Int,
        _ policy: Policy,
        showing ranked: [ProviderRanking.Ranked],
        _ query: AnswerQuery,
        _ now: UnixTime
    ) -> (fresh: Int, stale: Int) {
        let own = min(entry.ttl ?? policy.defaultTTL, policy.maximumTTL, limit)
        var ends = entry.providers.compactMap(\.expiresAt)
        if let minimumFreshness = query.minimumFreshness {
            // Still fresh enough at the very second of its end: one more.
            ends += ranked.map { $0.provider.lastSeen.advanced(bySeconds: minimumFreshness + 1) }
        }
        let untilEnd = ends.min().map { Int(clamping: $0.seconds(since: now)) } ?? .max
        let fresh = max(1, min(own, untilEnd))
        return (fresh, min(policy.maximumStale, max(0, untilEnd - fresh)))
    }

    func recordLatency(of query: AnswerQuery, since start: MonotonicInstant) {
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
