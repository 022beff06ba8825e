/// The events of a bus from one moment on, for one reader at a time.
///
/// Reading ends when the bus finishes or the reading task is cancelled.
package final class EventSubscription: AsyncSequence, Sendable {
    package typealias Element = PublishedEvent
    package typealias Failure = Never

    private let bus: EventBus
    let id: UInt64?

    init(bus: EventBus, id: UInt64?) {
        self.bus = bus
        self.id = id
    }

    deinit { cancel() }

    /// Whether the bus had no place for this subscription, so that it never carries an event.
    package var isRefused: Bool { id == nil }

    /// Ends the subscription; a reader that waits sees its end.
    package func cancel() {
        if let id { bus.unsubscribe(id) }
    }

    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(subscription: self)
    }

    fileprivate func next() async -> PublishedEvent? {
        guard let id else { return nil }
        return await bus.next(for: id)
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let subscription: EventSubscription

        package mutating func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async -> PublishedEvent? {
            await subscription.next()
        }
    }
}
