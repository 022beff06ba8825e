internal import Synchronization

/// Why a caller got no value from the work it joined.
package enum JoinError<Failure: Error>: Error {
    /// The work itself failed; everybody who joined it is told the same.
    case failed(Failure)
    /// Too many callers wait, or too many keys are being worked on.
    case refused
    /// The caller's task was cancelled; the work goes on.
    case cancelled
    /// The service shuts down.
    case closed
}

extension JoinError: Equatable where Failure: Equatable {}

/// Lets any number of callers who want the same thing at the same time cause the work once.
///
/// The first caller of a key brings the work, the others wait with it. The work belongs to `run`,
/// not to a caller: whoever leaves is removed and harms nobody, and when the last one left the work
/// still goes on to its end, for it fills the cache. Bounded by waiters and by keys. Continuations
/// are resumed after the lock is released.
///
/// A caller that found nothing in the cache may come just after the work for its key ended, so the
/// work looks into the cache first.
package final class InFlightMisses<Key: Hashable & Sendable, Value: Sendable, Failure: Error>:
    Sendable
{
    package typealias Outcome = Result<Value, Failure>
    /// Looks up one key; cancelled at shutdown.
    package typealias Work = @Sendable () async -> Outcome

    private typealias Waiter = CheckedContinuation<Result<Value, JoinError<Failure>>, Never>
    private typealias Job = (key: Key, work: Work)

    private struct State {
        /// Who waits for each key, by number.
        var flights: [Key: [UInt64: Waiter]] = [:]
        var waiting = 0
        var isClosed = false
    }

    private enum Place {
        case leads
        case joins
        case none(JoinError<Failure>)
    }

    private let maximumWaiters: Int
    private let maximumKeys: Int
    private let state = Mutex(State())
    private let lastID = Atomic<UInt64>(0)
    private let jobs: AsyncStream<Job>
    private let intake: AsyncStream<Job>.Continuation

    /// At most `maximumWaiters` callers in all and `maximumKeys` different keys at a time.
    package init(maximumWaiters: Int, maximumKeys: Int) {
        self.maximumWaiters = max(1, maximumWaiters)
        self.maximumKeys = max(1, maximumKeys)
        // Bounded by the keys: no more jobs than those are ever waiting to be started.
        (jobs, intake) = AsyncStream.makeStream(bufferingPolicy: .unbounded)
    }

    /// The value for `key`, from the work that is under way for it or else from `work`.
    ///
    /// There is no timer inside: the owner of a deadline cancels the task that waits. Nothing is
    /// worked on before `run` is called.
    package func join(
        _ key: Key,
        orStart work: @escaping Work
    ) async throws(JoinError<Failure>) -> Value {
        let id = lastID.add(1, ordering: .relaxed).newValue
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { (waiter: Waiter) in
                switch state.withLock({ place(id, waiter, for: key, in: &$0) }) {
                case .leads: intake.yield((key, work))
                case .joins: break
                case .none(let error): waiter.resume(returning: .failure(error))
                }
            }
        } onCancel: {
            remove(id, from: key)?.resume(returning: .failure(.cancelled))
        }
        return try result.get()
    }

    /// Does the work, until its task is cancelled: then everybody who waits is told `closed`, the
    /// work under way is cancelled, and its end awaited.
    ///
    /// Called once; nobody can join after it.
    package func run() async {
        await withDiscardingTaskGroup { group in
            // What is closed before its start is not started any more.
            for await job in jobs where !isClosed {
                group.addTask { self.finish(job.key, with: await job.work()) }
            }
            close()
            group.cancelAll()
        }
    }

    /// Refuses everybody who waits or comes; `run` ends when the work under way has ended.
    package func close() {
        let waiters = state.withLock { state in
            defer {
                state.flights = [:]
                state.waiting = 0
                state.isClosed = true
            }
            return state.flights.values.flatMap { Array($0.values) }
        }
        intake.finish()
        for waiter in waiters { waiter.resume(returning: .failure(.closed)) }
    }

    /// Keys that are worked on, and callers that wait for them.
    package var load: (keys: Int, waiting: Int) {
        state.withLock { ($0.flights.count, $0.waiting) }
    }

    private var isClosed: Bool { state.withLock(\.isClosed) }
}

extension InFlightMisses {
    private func place(
        _ id: UInt64,
        _ waiter: Waiter,
        for key: Key,
        in state: inout State
    ) -> Place {
        // Within the lock: a cancellation is either seen here or finds the waiter.
        guard !Task.isCancelled else { return .none(.cancelled) }
        guard !state.isClosed else { return .none(.closed) }
        let leads = state.flights[key] == nil
        guard state.waiting < maximumWaiters, !leads || state.flights.count < maximumKeys
        else {
            return .none(.refused)
        }
        state.waiting += 1
        state.flights[key, default: [:]][id] = waiter
        return leads ? .leads : .joins
    }

    private func remove(_ id: UInt64, from key: Key) -> Waiter? {
        state.withLock { state in
            let waiter = state.flights[key]?.removeValue(forKey: id)
            if waiter != nil { state.waiting -= 1 }
            return waiter
        }
    }

    private func finish(_ key: Key, with outcome: Outcome) {
        let waiters = state.withLock { state in
            let waiters = state.flights.removeValue(forKey: key) ?? [:]
            state.waiting -= waiters.count
            return waiters
        }
        let result = outcome.mapError { JoinError.failed($0) }
        for waiter in waiters.values { waiter.resume(returning: result) }
    }
}
