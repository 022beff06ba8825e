internal import DHTCore
internal import NIOCore

/// Who waits for what: each lookup's caller, and those who wait for contacts.
struct Callers {
    private var waiters: [LookupID: Waiter] = [:]
    private var lookups: [LookupTicket.ID: LookupID] = [:]
    private var contactWaiters: [ContactWaiter] = []

    /// A caller that waits for a lookup.
    struct Waiter {
        let ticket: LookupTicket.ID
        /// Called exactly once.
        let answer: @Sendable (Result<LookupResult, MainlineError>) -> Void
        /// Called at most once, after the answer.
        let harvested: (@Sendable (LookupResult) -> Void)?
        var hasAnswer = false
    }

    /// A caller that waits until there are enough good contacts.
    struct ContactWaiter {
        let count: Int
        let deadline: DHTInstant
        let timer: Scheduled<Void>
        let answer: @Sendable (Bool) -> Void
    }

    mutating func insert(_ waiter: Waiter, for id: LookupID) {
        waiters[id] = waiter
        lookups[waiter.ticket] = id
    }

    /// The lookup has ended: answers its caller, who may go on waiting for the harvest.
    mutating func finish(_ result: LookupResult) {
        guard let waiter = waiters[result.id], !waiter.hasAnswer else { return }
        if result.isHarvesting {
            waiters[result.id]?.hasAnswer = true
        } else {
            remove(result.id)
        }
        waiter.answer(.success(result))
    }

    mutating func harvest(_ result: LookupResult) {
        remove(result.id)?.harvested?(result)
    }

    /// The caller is gone; the lookup that it waited for, when it still runs.
    mutating func cancel(_ ticket: LookupTicket) -> LookupID? {
        // A caller that has its answer and its harvest to come is not waiting any more.
        guard let id = lookups[ticket.id], let waiter = waiters[id], !waiter.hasAnswer else {
            return nil
        }
        remove(id)
        waiter.answer(.failure(.cancelled))
        return id
    }

    @discardableResult
    private mutating func remove(_ id: LookupID) -> Waiter? {
        guard let waiter = waiters.removeValue(forKey: id) else { return nil }
        lookups[waiter.ticket] = nil
        return waiter
    }

    /// Tells everybody that nothing more will come.
    mutating func stop() {
        let (waiting, forContacts) = (waiters.values, contactWaiters)
        self = Callers()
        for waiter in waiting where !waiter.hasAnswer { waiter.answer(.failure(.stopped)) }
        for waiter in forContacts {
            waiter.timer.cancel()
            waiter.answer(false)
        }
    }
}

// MARK: - Waiting for contacts

extension Callers {
    /// Room for every caller would be no limit; hundreds have no reason to wait for this.
    private static let contactWaitersLimit = 256

    var isAnyForContacts: Bool { !contactWaiters.isEmpty }

    mutating func insert(_ waiter: ContactWaiter) {
        guard contactWaiters.count < Self.contactWaitersLimit else {
            waiter.timer.cancel()
            return waiter.answer(false)
        }
        contactWaiters.append(waiter)
    }

    /// Answers those who have waited for no more than `good` contacts, or long enough.
    mutating func answer(good: Int, at now: DHTInstant) {
        contactWaiters.removeAll { waiter in
            guard good >= waiter.count || now >= waiter.deadline else { return false }
            waiter.timer.cancel()
            waiter.answer(good >= waiter.count)
            return true
        }
    }
}
