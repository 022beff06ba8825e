internal import Dispatch
internal import Synchronization

/// Tells callers that their time is over: one timer for all of them.
///
/// A timer for each would cost every wait two system calls and the wake-up of a thread, and nearly
/// all waits end in time. This one looks when the first of those who were there at the last look is
/// due, or somebody since who has less patience.
package final class PatienceTimer: Sendable {
    private struct Wait {
        let end: DispatchTime
        let expire: @Sendable () -> Void
    }

    private struct State {
        var waits: [UInt64: Wait] = [:]
        var lastNumber: UInt64 = 0
        /// When the next look is due; nil when nobody waits.
        var nextLook: DispatchTime?
    }

    /// The least time from a look to the one that it plans, in milliseconds: so much later may
    /// somebody be told.
    private static let resolution = 5

    private let queue: DispatchQueue
    private let state = Mutex(State())

    package init(label: String) {
        queue = DispatchQueue(label: label)
    }

    /// Calls `expire` when `patience` is over, unless `leave` comes first.
    ///
    /// - Returns: the number to leave with.
    package func enter(
        for patience: Duration,
        orElse expire: @escaping @Sendable () -> Void
    ) -> UInt64 {
        let end = DispatchTime.now() + patience.dispatchInterval
        let (number, isFirst) = state.withLock { state in
            state.lastNumber += 1
            state.waits[state.lastNumber] = Wait(end: end, expire: expire)
            if let nextLook = state.nextLook, nextLook <= end { return (state.lastNumber, false) }
            state.nextLook = end
            return (state.lastNumber, true)
        }
        if isFirst { plan(end) }
        return number
    }

    /// Ends a wait; whoever leaves is not called any more, but may be called at this moment.
    package func leave(_ number: UInt64) {
        // What it was to call is let go of outside of the lock: nobody knows what that ends.
        _ = state.withLock { $0.waits.removeValue(forKey: number) }
    }

    /// One that has been overtaken by a nearer one stays planned, and does nothing.
    private func plan(_ look: DispatchTime) {
        queue.asyncAfter(deadline: look) { [weak self] in self?.look(look) }
    }

    private func look(_ planned: DispatchTime) {
        let now = DispatchTime.now()
        let (overdue, next) = state.withLock { state -> ([Wait], DispatchTime?) in
            guard state.nextLook == planned else { return ([], nil) }
            let overdue = state.waits.filter { $0.value.end <= now }
            for number in overdue.keys { state.waits[number] = nil }
            state.nextLook = state.waits.values.map(\.end).min().map {
                max($0, now + .milliseconds(Self.resolution))
            }
            return (overdue.values.sorted { $0.end < $1.end }, state.nextLook)
        }
        if let next { plan(next) }
        for wait in overdue { wait.expire() }
    }
}
