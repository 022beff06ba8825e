internal import Cache

// The step between admission and the index: what RAM had to let go of, back from disk.

extension Resolver {
    /// What the spill has for a question.
    enum SpillStep {
        /// It is in RAM again, with what is left of its life.
        case answered(Resolved)
        /// Certainly nothing.
        case empty
        /// Nobody asked, or nobody knows: what is there must end when an answer is made anew.
        case unknown
    }

    /// Asks the spill, within its own short deadline.
    ///
    /// What comes back is judged as RAM judges its own: a write ends it, and past its life it is
    /// given out as stale and looked up again by exactly one.
    func askSpill(
        _ query: AnswerQuery,
        by deadline: MonotonicInstant
    ) async -> SpillStep {
        guard let spill = cache.spill else { return .empty }
        let answer: Answer
        switch await spill.take(query, by: deadline) {
        case .found(let found): answer = found
        case .nothing:
            metrics.spillMiss()
            return .empty
        case .failed:
            metrics.spillMiss()
            return .unknown
        case .unasked: return .unknown
        }
        let now = MonotonicInstant.now()
        cache.restore(answer, for: query, pinned: isPinned(query), at: now)
        guard let cached = cache.outcome(for: query, at: now) else {
            metrics.spillMiss()
            return .empty
        }
        metrics.spillHit()
        refreshIfDue(cached, query, at: now)
        let source = cached.isStale ? Resolved.Source.stale : .spill
        return .answered(Resolved(outcome: cached.outcome, source: source))
    }
}
