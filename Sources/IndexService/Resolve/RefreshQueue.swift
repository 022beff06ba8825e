internal import Synchronization

/// Questions to be looked up again in the background: bounded, each at most once.
///
/// Whoever finds that an answer is about to end adds its question and goes on; `Refresher` takes
/// them out, a few at a time. Pinned keys that are due have a line and places of their own, so that
/// neither kind ever waits behind the other, however much of it there is. Answers that a further
/// lookup may better are followed up when no other question waits, and one at a time while some do:
/// anybody causes any number of either.
package final class RefreshQueue: Sendable {
    /// Questions that may wait; beyond that nothing more is taken on.
    static let maximumWaiting = 10_000
    /// Answers that may wait to be followed up; who asks for one again brings it back.
    static let maximumFollowUps = 512
    /// Pinned keys that are worked on at once, and likewise of all other questions.
    static let places = 8
    /// How many of those places follow-ups may have.
    static let followUpPlaces = 4

    private struct Work {
        let kind: RefreshKind
        /// Whether somebody wants what is found out later than this work began.
        var isWantedAgain = false
    }

    private struct State {
        var pinned = Line()
        var asked = Line()
        var followUps = Line()
        /// Taken out and not finished; what is in here is in no line.
        var underWay: [AnswerQuery: Work] = [:]

        /// Whether it is worked on or waits in a line that goes before follow-ups.
        func isKnown(_ query: AnswerQuery) -> Bool {
            underWay[query] != nil || asked.contains(query) || pinned.contains(query)
        }

        func workingOn(_ kind: RefreshKind) -> Int {
            underWay.values.count { $0.kind == kind }
        }

        /// Moves the first of a line to what is worked on.
        mutating func take(
            _ kind: RefreshKind,
            from line: WritableKeyPath<State, Line>
        ) -> AnswerQuery? {
            guard let query = self[keyPath: line].takeFirst() else { return nil }
            underWay[query] = Work(kind: kind)
            return query
        }
    }

    private let state = Mutex(State())
    /// Tells that there may be something to take; ends when the task that waits is cancelled.
    let arrivals: AsyncStream<Void>
    private let arrived: AsyncStream<Void>.Continuation

    package init() {
        (arrivals, arrived) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Takes a question on; false when too many are waiting already.
    func add(_ query: AnswerQuery) -> Bool {
        add([query])
    }

    /// Takes all of these on, or none when they are too many.
    ///
    /// - Parameter again: whether what is worked on is to be looked up once more after that.
    func add(_ queries: [AnswerQuery], again: Bool = false) -> Bool {
        let isTaken = state.withLock { state in
            let new = queries.filter { !state.isKnown($0) }
            guard state.asked.count + new.count <= Self.maximumWaiting else { return false }
            for query in new {
                state.followUps.remove(query)
                state.asked.append(query)
            }
            guard again else { return true }
            for query in queries { state.underWay[query]?.isWantedAgain = true }
            return true
        }
        if isTaken { arrived.yield() }
        return isTaken
    }

    /// Takes on a question whose answer a further lookup may better, after others; false when too
    /// many of its kind are waiting already.
    func add(followUp query: AnswerQuery) -> Bool {
        let isTaken = state.withLock { state in
            if state.isKnown(query) || state.followUps.contains(query) { return true }
            guard state.followUps.count < Self.maximumFollowUps else { return false }
            state.followUps.append(query)
            return true
        }
        if isTaken { arrived.yield() }
        return isTaken
    }

    /// Takes on pinned keys that are due, ahead of all that was asked for.
    func add(due queries: some Sequence<AnswerQuery>) {
        state.withLock { state in
            for query in queries
            where state.underWay[query] == nil && state.pinned.count < Self.maximumWaiting {
                state.asked.remove(query)
                state.followUps.remove(query)
                state.pinned.append(query)
            }
        }
        arrived.yield()
    }

    /// The next question to work on: pinned ones first, follow-ups last, but for one place that is
    /// theirs; nil while there is none, or no place.
    ///
    /// `finish` must follow.
    func takeNext() -> AnswerQuery? {
        state.withLock { state in
            if state.workingOn(.pinned) < Self.places,
                let query = state.take(.pinned, from: \.pinned)
            {
                return query
            }
            let followUps = state.workingOn(.followUp)
            let free = Self.places - state.workingOn(.asked) - followUps
            guard free > 0 else { return nil }
            let isLastKept = followUps == 0 && state.followUps.count > 0
            if free > 1 || !isLastKept, let query = state.take(.asked, from: \.asked) {
                return query
            }
            return followUps < Self.followUpPlaces
                ? state.take(.followUp, from: \.followUps) : nil
        }
    }

    /// Gives the place of a question back that was taken out.
    func finish(_ query: AnswerQuery) {
        state.withLock { state in
            let work = state.underWay.removeValue(forKey: query)
            if work?.isWantedAgain == true { state.asked.append(query) }
        }
        arrived.yield()
    }

    /// Questions of one kind that wait.
    func waiting(_ kind: RefreshKind) -> Int {
        state.withLock { state in
            switch kind {
            case .pinned: state.pinned.count
            case .asked: state.asked.count
            case .followUp: state.followUps.count
            }
        }
    }
}

/// Questions in the order in which they came, each once, of which any can be taken out.
private struct Line {
    private var places: [AnswerQuery: UInt64] = [:]
    private var queries: [UInt64: AnswerQuery] = [:]
    private var first: UInt64 = 0
    private var next: UInt64 = 0

    var count: Int { places.count }

    func contains(_ query: AnswerQuery) -> Bool {
        places[query] != nil
    }

    /// Puts a question last, unless it is in the line already.
    mutating func append(_ query: AnswerQuery) {
        guard places[query] == nil else { return }
        places[query] = next
        queries[next] = query
        next += 1
    }

    mutating func remove(_ query: AnswerQuery) {
        guard let place = places.removeValue(forKey: query) else { return }
        queries[place] = nil
    }

    mutating func takeFirst() -> AnswerQuery? {
        while first < next {
            defer { first += 1 }
            guard let query = queries.removeValue(forKey: first) else { continue }
            places[query] = nil
            return query
        }
        return nil
    }
}
