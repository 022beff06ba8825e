package import Cache

extension MissGate {
    /// One attempt to enter; never used twice.
    package typealias Ticket = UInt64

    /// What becomes of a newcomer.
    package enum Entry: Hashable, Sendable {
        case runs
        case waits
        case refused(MissGateError)
        /// The newcomer waits; the waiter with this ticket is refused for it, for this reason.
        case replaces(Ticket, because: MissGateError)
    }

    /// What a place that came free leads to.
    package struct Turn: Hashable, Sendable {
        /// Run now.
        package var admitted: [Ticket] = []
        /// Waited past their deadline: refused as `expired`.
        package var expired: [Ticket] = []
    }

    /// The rule of admission, without lock and clock.
    ///
    /// Places go round robin among the addresses that wait, and in order within an address. When
    /// everything is taken, a newcomer displaces
    /// 1. a waiter past its deadline, which could not be served anyhow; or else
    /// 2. the oldest waiter of the address with the most waiters, if the newcomer's own address has
    ///    at least two fewer, so that both are better balanced than before; or else
    /// 3. nobody, and is refused.
    ///
    /// Each operation takes time in proportion to the number of waiters at most.
    package struct StateMachine: Sendable {
        private struct Waiter: Sendable {
            let ticket: Ticket
            let deadline: MonotonicInstant
        }

        /// The waiters of one address, oldest first, never none.
        private struct Line: Sendable {
            let address: ClientAddress
            var waiters: [Waiter]
        }

        private var maximumRunning: Int
        private var maximumWaiting: Int
        package private(set) var running = 0
        package private(set) var waiting = 0
        /// The address whose turn is next comes first.
        private var lines: [Line] = []

        package init(running: Int, waiting: Int) {
            maximumRunning = max(1, running)
            maximumWaiting = max(0, waiting)
        }

        package mutating func enter(
            _ ticket: Ticket,
            from address: ClientAddress,
            deadline: MonotonicInstant,
            at now: MonotonicInstant
        ) -> Entry {
            guard now < deadline else { return .refused(.expired) }
            if running < maximumRunning, waiting == 0 {
                running += 1
                return .runs
            }
            let waiter = Waiter(ticket: ticket, deadline: deadline)
            if waiting < maximumWaiting {
                append(waiter, from: address)
                return .waits
            }
            guard let (displaced, reason) = makeRoom(for: address, at: now) else {
                return .refused(.full)
            }
            append(waiter, from: address)
            return .replaces(displaced, because: reason)
        }

        /// A running one is done: its place goes to the next in turn.
        package mutating func leave(at now: MonotonicInstant) -> Turn {
            precondition(running > 0, "who leaves must have entered")
            running -= 1
            return fill(at: now)
        }

        /// Takes a waiter out; false when it does not wait (any more).
        package mutating func withdraw(_ ticket: Ticket) -> Bool {
            for line in lines.indices {
                if let place = lines[line].waiters.firstIndex(where: { $0.ticket == ticket }) {
                    _ = removeWaiter(place, ofLine: line)
                    return true
                }
            }
            return false
        }

        /// Changes the limits; who runs or waits beyond a smaller one stays.
        package mutating func resize(
            running: Int,
            waiting: Int,
            at now: MonotonicInstant
        ) -> Turn {
            maximumRunning = max(1, running)
            maximumWaiting = max(0, waiting)
            return fill(at: now)
        }

        /// Takes out everybody who waits.
        package mutating func withdrawAll() -> [Ticket] {
            defer {
                lines = []
                waiting = 0
            }
            return lines.flatMap { $0.waiters.map(\.ticket) }
        }
    }
}

extension MissGate.StateMachine {
    private mutating func fill(at now: MonotonicInstant) -> MissGate.Turn {
        var turn = MissGate.Turn()
        while running < maximumRunning, !lines.isEmpty {
            let isLastOfLine = lines[0].waiters.count == 1
            let waiter = removeWaiter(0, ofLine: 0)
            guard now < waiter.deadline else {
                turn.expired.append(waiter.ticket)
                continue
            }
            if !isLastOfLine { lines.append(lines.removeFirst()) }
            running += 1
            turn.admitted.append(waiter.ticket)
        }
        return turn
    }

    private mutating func append(_ waiter: Waiter, from address: ClientAddress) {
        waiting += 1
        if let line = lines.firstIndex(where: { $0.address == address }) {
            lines[line].waiters.append(waiter)
        } else {
            lines.append(Line(address: address, waiters: [waiter]))
        }
    }

    /// Removes the waiter that has to go for a newcomer from `address`, if one has.
    private mutating func makeRoom(
        for address: ClientAddress,
        at now: MonotonicInstant
    ) -> (MissGate.Ticket, MissGateError)? {
        for line in lines.indices {
            if let place = lines[line].waiters.firstIndex(where: { $0.deadline <= now }) {
                return (removeWaiter(place, ofLine: line).ticket, .expired)
            }
        }
        let own = lines.first { $0.address == address }?.waiters.count ?? 0
        let longest = lines.indices.max { lines[$0].waiters.count < lines[$1].waiters.count }
        guard let longest, own + 2 <= lines[longest].waiters.count else { return nil }
        return (removeWaiter(0, ofLine: longest).ticket, .displaced)
    }

    private mutating func removeWaiter(_ place: Int, ofLine line: Int) -> Waiter {
        waiting -= 1
        let waiter = lines[line].waiters.remove(at: place)
        if lines[line].waiters.isEmpty { lines.remove(at: line) }
        return waiter
    }
}
