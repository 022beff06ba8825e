internal import Cache

// What is known from before, beside what was found now without everybody having been asked.

extension Resolver {
    /// The answer that stays everybody's, because it is worth more than what was found; nil where
    /// everybody was asked, or what was found is worth more.
    func standing(
        besides entry: IndexEntry,
        _ found: Discovered,
        _ policy: Policy,
        _ search: Search
    ) async -> Resolved? {
        let isEarly = search.isEarly(found)
        guard isEarly || found.obstacle != nil, let known = await known(to: search),
            case .found(let answer) = known.outcome, !entry.supersedes(answer)
        else { return nil }
        let (now, freshness) = (UnixTime.now(), search.query.minimumFreshness)
        let shown = (entry.providers + found.providers).filter {
            policy.ranking.isEligible($0, minimumFreshness: freshness, at: now)
        }
        let addresses = Set(shown.map(\.address.description))
        return answer.outweighs(found, showing: addresses, isEarly: isEarly, at: .now())
            ? known : nil
    }

    /// What RAM has, or else the spill, unless that was asked before.
    func known(to search: Search) async -> Resolved? {
        let now = MonotonicInstant.now()
        if let cached = cache.outcome(for: search.query, at: now) {
            refreshIfDue(cached, search.query, at: now)
            return Resolved(outcome: cached.outcome, source: cached.isStale ? .stale : .ram)
        }
        guard search.purpose != .caller,
            case .answered(let resolved) = await askSpill(search.query, by: search.deadline)
        else { return nil }
        return resolved
    }

    /// The standing answer, where this caller gets it as well: no provider could be asked for.
    ///
    /// Who waits for a new answer is given one with any provider, however many there were before.
    ///
    /// - Throws: for a refresh, which is to fail instead.
    func answer(
        _ standing: Resolved,
        insteadOf found: Discovered,
        for search: Search
    ) throws(ResolveError) -> Resolved? {
        guard let obstacle = found.obstacle,
            found.verdict != .found || search.purpose == .refresh
        else { return nil }
        let later = MonotonicInstant.now().advanced(bySeconds: Policy.partialTTL)
        cache.postponeRefresh(of: search.query, until: later)
        if search.purpose == .refresh { throw ResolveError(obstacle) }
        return standing
    }

    /// Ends what was made from the item of a key that has this number, or from an older one.
    ///
    /// Its publisher has taken the name out since, whoever could not be asked for a newer one.
    func endAnswers(to query: AnswerQuery, from newest: Int64) {
        guard case .found(let answer)? = cache.outcome(for: query, at: .now())?.outcome,
            AnswerSummary(answer)?.isFrom(newest) ?? true
        else { return }
        cache.invalidate([query.key])
    }

    /// The life of an answer that could not be completed, in seconds.
    ///
    /// Any further one in a row that nobody waited for has twice the life of the one before: of a
    /// family that is silent for good nobody asks about every answer every five seconds.
    func partialLife(for search: Search) -> Int {
        guard search.purpose == .refresh,
            case .found(let answer)? = cache.outcome(for: search.query, at: .now())?.outcome,
            answer.coverage == .partial
        else { return Policy.partialTTL }
        let before = answer.freshUntil.seconds(since: answer.madeAt)
        return min(max(Policy.partialTTL, before * 2), Policy.partialTTLLimit)
    }
}
