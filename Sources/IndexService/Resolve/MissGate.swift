package import Cache
internal import Synchronization

/// Why a miss was not let in.
package enum MissGateError: Error, Hashable, Sendable {
    /// Everything is taken, and the rule of fairness favours those who are there.
    case full
    /// Was waiting, and had to make room for an address with fewer waiters.
    case displaced
    /// The deadline passed before there was a place.
    case expired
    /// The caller's task was cancelled while it waited.
    case cancelled
    /// The service shuts down.
    case closed
}

/// Admits misses: so many run at once, so many wait behind them, the rest is refused at once.
///
/// ```
/// try await gate.enter(from: address, deadline: deadline, at: .now())
/// defer { gate.leave(at: .now()) }
/// ```
///
/// There is no timer inside: the deadline keeps a place from going to a waiter that is past it, and
/// lets newcomers have its place in the queue. Continuations are resumed after the lock is
/// released.
package final class MissGate: Sendable {
    /// An attempt that failed, and whether it had to wait for that.
    package struct Refusal: Error, Hashable, Sendable {
        package let reason: MissGateError
        package let hasWaited: Bool
    }

    fileprivate typealias Waiter = CheckedContinuation<Refusal?, Never>

    fileprivate struct State {
        var machine: StateMachine
        var waiters: [Ticket: Waiter] = [:]
        var isClosed = false
    }

    private let state: Mutex<State>
    private let lastTicket = Atomic<Ticket>(0)

    package init(running: Int, waiting: Int) {
        state = Mutex(State(machine: StateMachine(running: running, waiting: waiting)))
    }

    /// Returns with a place, which is given back with `leave`; throws when there is none to be had.
    package func enter(
        from address: ClientAddress,
        deadline: MonotonicInstant,
        at now: MonotonicInstant
    ) async throws(Refusal) {
        let ticket = lastTicket.add(1, ordering: .relaxed).newValue
        let refusal = await withTaskCancellationHandler {
            await withCheckedContinuation { (waiter: Waiter) in
                let settled = state.withLock { state in
                    state.enter(ticket, waiter, from: address, deadline: deadline, at: now)
                }
                settled.resume()
            }
        } onCancel: {
            state.withLock { $0.withdraw(ticket) }.resume()
        }
        if let refusal { throw refusal }
    }

    /// Gives a place back; the next in turn gets it.
    package func leave(at now: MonotonicInstant) {
        state.withLock { state in state.settle(state.machine.leave(at: now)) }.resume()
    }

    /// Changes the limits; nobody who runs or waits is turned away for it.
    package func resize(running: Int, waiting: Int, at now: MonotonicInstant) {
        state.withLock { state in
            state.settle(state.machine.resize(running: running, waiting: waiting, at: now))
        }.resume()
    }

    /// Refuses everybody who waits or comes; those who run stay.
    package func close() {
        state.withLock { state in
            state.isClosed = true
            return state.refuse(state.machine.withdrawAll(), because: .closed)
        }.resume()
    }

    /// Misses that hold a place, and misses that wait for one.
    package var load: (running: Int, waiting: Int) {
        state.withLock { ($0.machine.running, $0.machine.waiting) }
    }
}

extension MissGate {
    /// Those whose waiting is over, to be told outside the lock.
    fileprivate struct Settled: Sendable {
        var outcomes: [(waiter: Waiter, refusal: MissGate.Refusal?)] = []

        /// A newcomer who gets in, or is refused, at once.
        static func atOnce(_ waiter: Waiter, _ reason: MissGateError? = nil) -> Settled {
            let refusal = reason.map { MissGate.Refusal(reason: $0, hasWaited: false) }
            return Settled(outcomes: [(waiter, refusal)])
        }

        func resume() {
            for (waiter, refusal) in outcomes { waiter.resume(returning: refusal) }
        }
    }
}

extension MissGate.State {
    fileprivate mutating func enter(
        _ ticket: MissGate.Ticket,
        _ waiter: MissGate.Waiter,
        from address: ClientAddress,
        deadline: MonotonicInstant,
        at now: MonotonicInstant
    ) -> MissGate.Settled {
        guard !isClosed else { return .atOnce(waiter, .closed) }
        // Within the lock: a cancellation is either seen here or finds the waiter.
        guard !Task.isCancelled else { return .atOnce(waiter, .cancelled) }
        switch machine.enter(ticket, from: address, deadline: deadline, at: now) {
        case .runs:
            return .atOnce(waiter)
        case .refused(let reason):
            return .atOnce(waiter, reason)
        case .waits:
            waiters[ticket] = waiter
            return MissGate.Settled()
        case .replaces(let displaced, let reason):
            waiters[ticket] = waiter
            return refuse([displaced], because: reason)
        }
    }

    fileprivate mutating func withdraw(_ ticket: MissGate.Ticket) -> MissGate.Settled {
        guard machine.withdraw(ticket) else { return MissGate.Settled() }
        return refuse([ticket], because: .cancelled)
    }

    fileprivate mutating func settle(_ turn: MissGate.Turn) -> MissGate.Settled {
        var settled = refuse(turn.expired, because: .expired)
        settled.outcomes += turn.admitted.compactMap { ticket in
            waiters.removeValue(forKey: ticket).map { ($0, nil) }
        }
        return settled
    }

    fileprivate mutating func refuse(
        _ tickets: [MissGate.Ticket],
        because reason: MissGateError
    ) -> MissGate.Settled {
        let refusal = MissGate.Refusal(reason: reason, hasWaited: true)
        return MissGate.Settled(
            outcomes: tickets.compactMap { ticket in
                waiters.removeValue(forKey: ticket).map { ($0, refusal) }
            }
        )
    }
}
