package import Cache
internal import Synchronization

/// The answers in RAM: found and absent ones, each with its life and its subjects.
///
/// A hit takes one shard's lock for a moment, allocates nothing and never suspends.
package final class AnswerCache: Sendable {
    private typealias Entries = ShardedCache<KeyInValue, Outcome>

    private let entries: Entries
    private let epochs = SubjectEpochs()
    /// Where answers go that RAM has no room for; nil: nowhere.
    let spill: AnswerSpill?
    /// Answers that the share of pinned ones has room for.
    var pinCapacity: Int { pinnable.load(ordering: .relaxed) }
    private let pinnable: Atomic<Int>

    package init(limits: CacheLimits, shards: Int?, spill: AnswerSpill? = nil) {
        pinnable = Atomic(limits.pinned.entries)
        self.spill = spill
        entries = ShardedCache(limits: limits, shardCount: shards)
    }

    /// What is cached for `query`, fresh or stale, and not overtaken by a write.
    package func outcome(for query: AnswerQuery, at now: MonotonicInstant) -> CachedOutcome? {
        let cached: CachedOutcome
        let head = query.head
        let result = entries.value(hash: Self.hash(of: query), at: now) {
            $0.value.isAnswer(to: query, head)
        }
        switch result {
        case .fresh(let outcome, let refresh):
            cached = CachedOutcome(outcome: outcome, isStale: false, wantsRefresh: refresh)
        case .stale(let outcome, let refresh):
            cached = CachedOutcome(outcome: outcome, isStale: true, wantsRefresh: refresh)
        case .miss:
            return nil
        }
        return epochs.areCurrent(cached.outcome.subjects) ? cached : nil
    }

    /// Whether no write has overtaken what an outcome was made from.
    func isCurrent(_ outcome: Outcome) -> Bool {
        epochs.areCurrent(outcome.subjects)
    }

    /// Gives back a refresh that was asked for and did not come about: nobody is asked again before
    /// `instant`.
    func postponeRefresh(of query: AnswerQuery, until instant: MonotonicInstant) {
        let head = query.head
        entries.postponeRefresh(hash: Self.hash(of: query), until: instant) {
            $0.value.isAnswer(to: query, head)
        }
    }

    /// The stamps to take before the facts of an answer about `key` are read.
    func stamps(for key: ResolveKey) -> SubjectStamps {
        epochs.stamps(for: key)
    }

    /// The stamps with the content id that the facts led to; nil when they must be read again.
    func stamps(_ stamps: SubjectStamps, leadingTo target: ContentID) -> SubjectStamps? {
        epochs.stamps(stamps, leadingTo: target)
    }

    /// How a subject stands, before facts about it alone are read.
    func stamp(_ key: ResolveKey) -> SubjectStamps.Stamp { epochs.stamp(key) }

    /// Whether no write has overtaken facts about one subject.
    func isCurrent(_ stamp: SubjectStamps.Stamp) -> Bool { epochs.isCurrent(stamp) }

    /// Whether no write has overtaken the facts that were read under these stamps.
    func areCurrent(_ stamps: SubjectStamps) -> Bool { epochs.areCurrent(stamps) }

    /// Ends all answers about a subject but those made under the stamp that this returns.
    func endOlder(than stamp: SubjectStamps.Stamp) -> SubjectStamps.Stamp {
        epochs.advance(stamp)
    }

    /// Puts an outcome in, in place of an older one.
    ///
    /// - Parameter mayBeSpilled: whether an older answer may be in the spill; it ends.
    func insert(
        _ outcome: Outcome,
        for query: AnswerQuery,
        pinned: Bool,
        mayBeSpilled: Bool = true,
        at now: MonotonicInstant
    ) {
        let insertion = put(outcome, for: query, pinned: pinned, at: now)
        // What was in RAM until now is not in the spill.
        if mayBeSpilled, insertion.replaced == nil { spill?.forget(query) }
    }

    /// Puts an answer back that the spill has given up, unless RAM has got one meanwhile: that one
    /// is newer.
    func restore(
        _ answer: Answer,
        for query: AnswerQuery,
        pinned: Bool,
        at now: MonotonicInstant
    ) {
        guard outcome(for: query, at: now) == nil else { return }
        let insertion = put(.found(answer), for: query, pinned: pinned, at: now)
        guard let newer = insertion.replaced, newer.life.staleUntil > now,
            epochs.areCurrent(newer.value.subjects)
        else { return }
        put(newer.value, for: query, pinned: newer.kind == .pinned, at: now)
    }

    /// Hands what had to leave RAM to the spill: answers that may still be given out.
    private func keep(_ evicted: [Entries.Entry], at now: MonotonicInstant) {
        guard let spill else { return }
        for entry in evicted {
            guard case .found(let answer) = entry.value, now < answer.staleUntil,
                epochs.areCurrent(entry.value.subjects)
            else { continue }
            spill.keep(answer)
        }
    }

    @discardableResult
    private func put(
        _ outcome: Outcome,
        for query: AnswerQuery,
        pinned: Bool,
        at now: MonotonicInstant
    ) -> Insertion<KeyInValue, Outcome> {
        let kind: EntryKind =
            switch outcome {
            // As many as there are seconds: they must not drive other answers out.
            case .found where query.minimumFreshness != nil: .negative
            case .found: pinned ? .pinned : .positive
            case .absent: .negative
            }
        let head = query.head
        assert(outcome.isAnswer(to: query, head))
        let insertion = entries.insert(
            CacheEntry(
                key: KeyInValue(),
                value: outcome,
                kind: kind,
                life: outcome.life,
                cost: outcome.record.heapBytes
            ),
            hash: Self.hash(of: query),
            at: now
        ) { $0.value.isAnswer(to: query, head) }
        keep(insertion.evicted, at: now)
        return insertion
    }

    /// Changes the bounds while it is in use; the number of answers that had to go.
    package func resize(to limits: CacheLimits, at now: MonotonicInstant) -> Int {
        pinnable.store(limits.pinned.entries, ordering: .relaxed)
        let evicted = entries.resize(to: limits, at: now)
        keep(evicted, at: now)
        return evicted.count
    }

    /// Ends every answer there is; returns after which none of them is served.
    package func invalidateAll() {
        epochs.bumpAll()
    }

    /// Ends every answer that mentions one of `keys`; returns after which none of them is served.
    package func invalidate(_ keys: some Sequence<ResolveKey>) {
        for key in keys { epochs.bump(key) }
    }

    /// Keeps the answers to `keys` from pressure, or makes them ordinary ones again.
    func setPinned(_ pinned: Bool, _ keys: [ResolveKey]) {
        for key in keys {
            let query = AnswerQuery(.resolution, key)
            let head = query.head
            entries.setPinned(pinned, hash: Self.hash(of: query)) {
                $0.value.isAnswer(to: query, head)
            }
        }
    }

    package var statistics: CacheStatistics { entries.statistics }

    /// Lets go of everything, for the shutdown and for tests.
    ///
    /// - Parameter erasing: overwrites questions and answers with zeros (amnesia). Nobody may be
    ///   sending one of them any more.
    package func removeAll(erasing: Bool = false) {
        epochs.bumpAll()
        for entry in entries.removeAll() where erasing {
            entry.value.record.erase()
        }
    }

    private static func hash(of query: AnswerQuery) -> UInt64 {
        Entries.hash { $0.combine(query) }
    }
}
