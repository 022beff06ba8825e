internal import Synchronization

/// Questions to be looked up again in the background: bounded, each at most once.
///
/// Whoever finds that an answer is about to end adds its question and goes on; `Refresher` takes
/// them out.
package final class RefreshQueue: Sendable {
    /// Questions that may wait; beyond that nothing more is taken on.
    static let maximumWaiting = 10_000

    private struct State {
        var order: [AnswerQuery] = []
        var known: Set<AnswerQuery> = []
    }

    private let state = Mutex(State())
    private let arrivals: AsyncStream<Void>
    private let arrived: AsyncStream<Void>.Continuation

    package init() {
        (arrivals, arrived) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Takes a question on; false when too many are waiting already.
    func add(_ query: AnswerQuery) -> Bool {
        add([query])
    }

    /// Takes all of these on, or none when they are too many.
    func add(_ queries: [AnswerQuery]) -> Bool {
        let isTaken = state.withLock { state in
            let new = queries.filter { !state.known.contains($0) }
            guard state.order.count + new.count <= Self.maximumWaiting else { return false }
            for query in new where state.known.insert(query).inserted { state.order.append(query) }
            return true
        }
        if isTaken { arrived.yield() }
        return isTaken
    }

    /// All that is waiting, in the order in which it came.
    func takeAll() -> [AnswerQuery] {
        state.withLock { state in
            defer { state = State() }
            return state.order
        }
    }

    /// Ends when the task that waits is cancelled.
    func waitForArrivals() -> AsyncStream<Void> {
        arrivals
    }

    /// Wakes whoever waits, though nothing has arrived.
    func wake() {
        arrived.yield()
    }
}
