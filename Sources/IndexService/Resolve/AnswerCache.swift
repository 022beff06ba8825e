package import Cache
internal import NIOCore

/// The answers in RAM: found and absent ones, each with its life and its subjects.
///
/// A hit takes one shard's lock for a moment, allocates nothing and never suspends.
package final class AnswerCache: Sendable {
    private let entries: ShardedCache<AnswerQuery, Outcome>
    private let epochs = SubjectEpochs()

    package init(limits: CacheLimits, shards: Int?) {
        entries = ShardedCache(limits: limits, shardCount: shards)
    }

    /// What is cached for `query` and still true at `now`.
    package func outcome(for query: AnswerQuery, at now: MonotonicInstant) -> Outcome? {
        guard case .fresh(let outcome, _) = entries.value(for: query, at: now),
            epochs.areCurrent(outcome.subjects)
        else { return nil }
        return outcome
    }

    /// The stamps to take before the facts of an answer about `key` are read.
    func stamps(for key: ResolveKey) -> SubjectStamps {
        epochs.stamps(for: key)
    }

    /// The stamps with the content id that the facts led to; nil when they must be read again.
    func stamps(_ stamps: SubjectStamps, leadingTo target: ContentID) -> SubjectStamps? {
        epochs.stamps(stamps, leadingTo: target)
    }

    func insert(_ outcome: Outcome, for query: AnswerQuery, pinned: Bool, at now: MonotonicInstant)
    {
        let kind: EntryKind =
            switch outcome {
            case .found: pinned ? .pinned : .positive
            case .absent: .negative
            }
        let until = outcome.freshUntil
        let life = Life(refreshFrom: until, freshUntil: until, staleUntil: until)
        let cost = outcome.memory + query.memory
        _ = entries.insert(
            CacheEntry(key: query, value: outcome, kind: kind, life: life, cost: cost),
            at: now
        )
    }

    /// Ends every answer that mentions one of `keys`; returns after which none of them is served.
    package func invalidate(_ keys: some Sequence<ResolveKey>) {
        for key in keys { epochs.bump(key) }
    }

    package var statistics: CacheStatistics { entries.statistics }

    /// Lets go of everything, for the shutdown and for tests.
    package func removeAll() {
        epochs.bumpAll()
        entries.removeAll()
    }
}

extension Outcome {
    var subjects: SubjectStamps {
        switch self {
        case .found(let answer): answer.subjects
        case .absent(let absence): absence.subjects
        }
    }

    var freshUntil: MonotonicInstant {
        switch self {
        case .found(let answer): answer.freshUntil
        case .absent(let absence): absence.freshUntil
        }
    }

    /// Bytes behind the value: the object, and for an answer its body's buffer and entity tag.
    fileprivate var memory: Int {
        switch self {
        case .found(let answer): 112 + answer.body.capacity + 96 + answer.entityTag.utf8.count
        case .absent: 64
        }
    }
}

extension AnswerQuery {
    /// Bytes that the query's strings hold beside the query itself.
    fileprivate var memory: Int {
        let name: Int =
            switch key {
            case .name(let name): name.text.utf8.count
            case .contentID: 0
            }
        return (name > 15 ? name + 32 : 0) + (region == nil ? 0 : 48)
    }
}
