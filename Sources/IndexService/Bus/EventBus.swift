internal import Synchronization

/// Tells every subscriber what happens, without ever waiting for one of them.
///
/// Each subscriber has a mailbox of `capacity` events; when it is full the oldest is dropped, which
/// is counted, and which the subscriber sees as a gap in the sequence numbers. Continuations are
/// resumed after the lock is released.
package final class EventBus: Sendable {
    /// Events that wait for one subscriber.
    package static let defaultCapacity = 1_024
    /// Subscriptions at a time; with the capacity it bounds what the bus can hold.
    package static let maximumSubscriptions = 64

    fileprivate typealias Waiter = CheckedContinuation<PublishedEvent?, Never>

    fileprivate struct Subscriber {
        var mailbox: Mailbox<PublishedEvent>
        var waiter: Waiter?
    }

    fileprivate struct State {
        var subscribers: [UInt64: Subscriber] = [:]
        var nextID: UInt64 = 0
        var lastSequence: UInt64 = 0
        var isFinished = false
    }

    private let capacity: Int
    private let onLag: @Sendable (Int) -> Void
    private let state = Mutex(State())
    /// Lets `publish` return at once while nobody listens.
    private let subscriptions = Atomic<Int>(0)

    /// A bus whose `onLag` is told how many events were dropped (`bus_lagged_total`), on the thread
    /// that published.
    package init(
        capacity: Int = EventBus.defaultCapacity,
        onLag: @escaping @Sendable (Int) -> Void
    ) {
        self.capacity = capacity
        self.onLag = onLag
    }

    /// All events from now on, for one reader.
    ///
    /// It ends at once, with `isRefused`, when there are too many subscriptions or the bus is
    /// finished. Letting go of the subscription ends it.
    package func subscribe() -> EventSubscription {
        let id: UInt64? = state.withLock { state in
            guard !state.isFinished, state.subscribers.count < Self.maximumSubscriptions else {
                return nil
            }
            subscriptions.add(1, ordering: .relaxed)
            return state.add(Subscriber(mailbox: Mailbox(capacity: capacity)))
        }
        return EventSubscription(bus: self, id: id)
    }

    /// Hands an event to every subscriber; callable from any thread, never waits for a reader.
    package func publish(_ event: IndexEvent) {
        guard subscriptions.load(ordering: .relaxed) > 0 else { return }
        let (published, waiters, dropped) = state.withLock { state in
            state.deliver(event)
        }
        for waiter in waiters { waiter.resume(returning: published) }
        if dropped > 0 { onLag(dropped) }
    }

    /// Ends the bus: subscribers still read what waits for them, then their sequences end.
    package func finish() {
        let waiters = state.withLock { state in
            state.isFinished = true
            return state.takeWaiters()
        }
        for waiter in waiters { waiter.resume(returning: nil) }
    }

    /// Whether somebody who subscribes now hears what is published: subscribes, and has a heartbeat
    /// handed round that no other subscriber sees.
    ///
    /// False while there is no place for one more, and once the bus is finished. A bus that hangs
    /// hangs this call, and readiness takes a measurement that does not come for a failure.
    package func isAttached() async -> Bool {
        let subscription = subscribe()
        guard let id = subscription.id else { return false }
        async let heard = next(for: id)
        let (heartbeat, waiter) = state.withLock { $0.deliverHeartbeat(to: id) }
        waiter?.resume(returning: heartbeat)
        // Whatever arrives proves that something does.
        return await heard != nil
    }

    /// Subscriptions that are open now.
    package var subscriptionCount: Int { subscriptions.load(ordering: .relaxed) }
}

// MARK: - For the subscriptions

extension EventBus {
    /// The subscriber's next event; nil when there is none to come or its task is cancelled.
    func next(for id: UInt64) async -> PublishedEvent? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (waiter: Waiter) in
                // Within the lock: a cancellation is either seen here or finds the waiter.
                let next = state.withLock { $0.takeNext(for: id, orWait: waiter) }
                switch next {
                case .event(let event): waiter.resume(returning: event)
                case .end: waiter.resume(returning: nil)
                case .later: break
                }
            }
        } onCancel: {
            let waiter = state.withLock { $0.subscribers[id]?.waiter.take() }
            waiter?.resume(returning: nil)
        }
    }

    func unsubscribe(_ id: UInt64) {
        let subscriber = state.withLock { $0.subscribers.removeValue(forKey: id) }
        guard let subscriber else { return }
        subscriptions.subtract(1, ordering: .relaxed)
        subscriber.waiter?.resume(returning: nil)
    }
}

extension EventBus.Subscriber {
    /// True when the oldest event was dropped for this one.
    fileprivate mutating func put(_ event: PublishedEvent) -> Bool {
        mailbox.append(event)
    }
}

extension EventBus.State {
    fileprivate enum Next {
        case event(PublishedEvent)
        case later
        case end
    }

    fileprivate mutating func add(_ subscriber: EventBus.Subscriber) -> UInt64 {
        nextID += 1
        subscribers[nextID] = subscriber
        return nextID
    }

    /// Puts the event into every mailbox, or takes the reader that waits for it; the number of
    /// events dropped for it.
    fileprivate mutating func deliver(
        _ event: IndexEvent
    ) -> (published: PublishedEvent, waiters: [EventBus.Waiter], dropped: Int) {
        lastSequence += 1
        let published = PublishedEvent(sequence: lastSequence, event: event)
        guard !isFinished else { return (published, [], 0) }
        var dropped = 0
        for id in subscribers.keys where subscribers[id]?.waiter == nil {
            if subscribers[id]?.put(published) == true { dropped += 1 }
        }
        return (published, takeWaiters(), dropped)
    }

    /// As an event that is published, for one subscriber, and of no number of its own.
    fileprivate mutating func deliverHeartbeat(
        to id: UInt64
    ) -> (heartbeat: PublishedEvent, waiter: EventBus.Waiter?) {
        let heartbeat = PublishedEvent(sequence: lastSequence, event: .heartbeat)
        if let waiter = subscribers[id]?.waiter.take() { return (heartbeat, waiter) }
        _ = subscribers[id]?.put(heartbeat)
        return (heartbeat, nil)
    }

    fileprivate mutating func takeWaiters() -> [EventBus.Waiter] {
        subscribers.keys.compactMap { subscribers[$0]?.waiter.take() }
    }

    fileprivate mutating func takeNext(for id: UInt64, orWait waiter: EventBus.Waiter) -> Next {
        guard !Task.isCancelled, subscribers[id] != nil else { return .end }
        if let event = subscribers[id]?.mailbox.takeFirst() { return .event(event) }
        guard !isFinished else { return .end }
        precondition(subscribers[id]?.waiter == nil, "a subscription has one reader at a time")
        subscribers[id]?.waiter = waiter
        return .later
    }
}
