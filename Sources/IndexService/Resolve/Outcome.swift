internal import Cache

/// What a question came to.
package enum Outcome: Sendable {
    case found(Answer)
    /// Looked everywhere that this instance can look; it is not there.
    case absent(Absence)
}

/// The negative answer: nothing but its question, its life and what would end it.
package struct Absence: Sendable {
    private enum Place {
        static let freshUntil = OutcomeRecord.own
        static let texts = freshUntil + 8
    }

    let record: OutcomeRecord

    init(of query: AnswerQuery, freshUntil: MonotonicInstant, subjects: SubjectStamps) {
        let head = query.head
        var record = OutcomeRecord(
            head,
            subjects,
            reserving: Place.texts + head.regionBytes + head.keyBytes
        )
        record.append(freshUntil.nanoseconds)
        record.appendTexts(of: query, withKey: true)
        self.record = record
    }

    var freshUntil: MonotonicInstant {
        MonotonicInstant(nanoseconds: record.number(at: Place.freshUntil))
    }

    /// Whether this is the answer to a question, whose head is at hand.
    @inline(__always)
    func isAnswer(to query: AnswerQuery, _ head: QuestionHead) -> Bool {
        record.head == head
            && record.holdsTexts(
                of: query,
                region: Place.texts,
                key: Place.texts + head.regionBytes
            )
    }
}

extension Outcome {
    @inline(__always) var record: OutcomeRecord {
        switch self {
        case .found(let answer): answer.record
        case .absent(let absence): absence.record
        }
    }

    /// Whether this is the outcome of a question, whose head is at hand.
    @inline(__always)
    func isAnswer(to query: AnswerQuery, _ head: QuestionHead) -> Bool {
        switch self {
        case .found(let answer): answer.isAnswer(to: query, head)
        case .absent(let absence): absence.isAnswer(to: query, head)
        }
    }

    var subjects: SubjectStamps { record.subjects }

    var freshUntil: MonotonicInstant {
        switch self {
        case .found(let answer): answer.freshUntil
        case .absent(let absence): absence.freshUntil
        }
    }

    /// Whether it is to be looked up again because a better one may be had: after all questions
    /// whose answers' lives end.
    var isToBeFollowedUp: Bool {
        guard case .found(let answer) = self else { return false }
        return answer.isProvisional
    }

    /// An answer is looked up again by whoever asks in the last tenth of its life.
    ///
    /// An early one is after seconds, however long it may live, until a better one has taken its
    /// place. An absence ends by itself.
    var life: Life {
        switch self {
        case .found(let answer):
            let soon = answer.madeAt.advanced(bySeconds: Answer.followUpSeconds)
            let prefetchFrom = answer.prefetchFrom
            return Life(
                refreshFrom: answer.coverage == .early ? min(soon, prefetchFrom) : prefetchFrom,
                freshUntil: answer.freshUntil,
                staleUntil: answer.staleUntil
            )
        case .absent(let absence):
            let end = absence.freshUntil
            return Life(refreshFrom: end, freshUntil: end, staleUntil: end)
        }
    }
}

/// What RAM has for a question.
package struct CachedOutcome: Sendable {
    package let outcome: Outcome
    /// Past its life: to be marked so.
    package let isStale: Bool
    /// Whether this caller, and nobody else, is to have it looked up again.
    package let wantsRefresh: Bool
}

/// An outcome and where it came from, as `Cache-Status` tells it (RFC 9211).
package struct Resolved: Sendable {
    package enum Source: String, Sendable {
        case ram
        /// Out of RAM or the spill, past its life.
        case stale
        /// Out of the cache on disk.
        case spill
        case index
        case dht
    }

    package let outcome: Outcome
    package let source: Source
}

extension Resolved.Source {
    /// Whether a cache of ours had it, as opposed to its having been looked up.
    var isCache: Bool {
        switch self {
        case .ram, .stale, .spill: true
        case .index, .dht: false
        }
    }
}
