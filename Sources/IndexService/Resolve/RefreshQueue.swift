internal import Synchronization

/// Questions to be looked up again in the background: bounded, each at most once.
///
/// Whoever finds that an answer is about to end adds its question and goes on; `Refresher` takes
/// them out, a few at a time. Pinned keys that are due have a line and places of their own, so that
/// neither kind ever waits behind the other, however much of it there is.
package final class RefreshQueue: Sendable {
    /// Questions that may wait; beyond that nothing more is taken on.
    static let maximumWaiting = 10_000
    /// Questions of one kind that are worked on at once.
    static let places = 8

    private struct Work {
        let isPinned: Bool
        /// Whether somebody wants what is found out later than this work began.
        var isWantedAgain = false
    }

    private struct State {
        var pinned = Line()
        var asked = Line()
        /// Taken out and not finished; what is in here is in no line.
        var underWay: [AnswerQuery: Work] = [:]

        func isKnown(_ query: AnswerQuery) -> Bool {
            underWay[query] != nil || asked.contains(query) || pinned.contains(query)
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
            for query in new { state.asked.append(query) }
            guard again else { return true }
            for query in queries { state.underWay[query]?.isWantedAgain = true }
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
                state.pinned.append(query)
            }
        }
        arrived.yield()
    }

    /// The next question to work on, pinned ones first; nil while there is none, or no place.
    ///
    /// `finish` must follow.
    func takeNext() -> AnswerQuery? {
        state.withLock { state in
            let pinned = state.underWay.values.count(where: \.isPinned)
            if pinned < Self.places, let query = state.pinned.takeFirst() {
                state.underWay[query] = Work(isPinned: true)
                return query
            }
            if state.underWay.count - pinned < Self.places, let query = state.asked.takeFirst() {
                state.underWay[query] = Work(isPinned: false)
                return query
            }
            return nil
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
