import Synchronization
import Testing

@testable import IndexService

@Suite(.timeLimit(.minutes(1))) struct EventBusTests {
    @Test func everySubscriberSeesEveryEventInOrder() async {
        let bus = makeBus()
        let subscriptions = [bus.subscribe(), bus.subscribe()]
        let events = (0..<100).map(makeEvent)
        for event in events { bus.publish(event) }
        bus.finish()
        for subscription in subscriptions {
            let read = await readAll(subscription)
            #expect(read.map(\.event) == events)
            #expect(read.map(\.sequence) == Array(1...100))
        }
    }

    @Test func aReaderThatWaitsGetsTheNextEvent() async {
        let bus = makeBus()
        let subscription = bus.subscribe()
        async let read = readAll(subscription)
        for number in 0..<3 {
            bus.publish(makeEvent(number))
            await Task.yield()
        }
        bus.finish()
        #expect(await read.map(\.event) == (0..<3).map(makeEvent))
    }

    @Test func theOldestEventsOfASlowReaderAreDroppedAndCounted() async {
        let lagged = Atomic<Int>(0)
        let bus = EventBus(capacity: 4) { lagged.add($0, ordering: .relaxed) }
        let slow = bus.subscribe()
        for number in 0..<10 { bus.publish(makeEvent(number)) }
        let late = bus.subscribe()
        bus.publish(makeEvent(10))
        bus.finish()
        #expect(await readAll(slow).map(\.sequence) == [8, 9, 10, 11])
        #expect(await readAll(late).map(\.sequence) == [11])
        #expect(lagged.load(ordering: .relaxed) == 7)
    }

    @Test func aMailboxHoldsAtMost1024EventsUnlessToldOtherwise() async {
        let bus = makeBus()
        let subscription = bus.subscribe()
        for number in 0..<5_000 { bus.publish(makeEvent(number)) }
        bus.finish()
        let read = await readAll(subscription)
        #expect(read.count == 1_024)
        #expect(read.last?.sequence == 5_000)
    }

    @Test func aCancelledReaderStopsAndHarmsNobody() async {
        let bus = makeBus()
        let (stopped, other) = (bus.subscribe(), bus.subscribe())
        let reader = Task { await readAll(stopped).count }
        await Task.yield()
        reader.cancel()
        #expect(await reader.value == 0)
        bus.publish(makeEvent(1))
        bus.finish()
        #expect(await readAll(other).count == 1)
    }

    @Test func aSubscriptionEndsWhenNobodyHoldsIt() async {
        let bus = makeBus()
        do {
            let subscription = bus.subscribe()
            #expect(bus.subscriptionCount == 1)
            subscription.cancel()
            subscription.cancel()
            #expect(bus.subscriptionCount == 0)
            #expect(await readAll(subscription).isEmpty)
        }
        withExtendedLifetime(bus.subscribe()) { #expect(bus.subscriptionCount == 1) }
        #expect(bus.subscriptionCount == 0)
    }

    @Test func subscriptionsBeyondTheLimitAreRefused() async {
        let bus = makeBus()
        let subscriptions = (0..<EventBus.maximumSubscriptions).map { _ in bus.subscribe() }
        let refused = bus.subscribe()
        #expect(refused.isRefused)
        #expect(await readAll(refused).isEmpty)
        #expect(subscriptions.allSatisfy { !$0.isRefused })
    }

    @Test func theProbeSeesItsHeartbeatAndNobodyElseDoes() async {
        let bus = makeBus()
        let subscription = bus.subscribe()
        for _ in 0..<3 { #expect(await bus.isAttached()) }
        bus.publish(makeEvent(1))
        bus.finish()
        #expect(await !bus.isAttached())
        #expect(await readAll(subscription).map(\.sequence) == [1])
    }

    @Test func aFinishedBusTakesNoSubscriptionAndNoEvent() async {
        let bus = makeBus()
        let early = bus.subscribe()
        bus.finish()
        bus.publish(makeEvent(1))
        #expect(bus.subscribe().isRefused)
        #expect(await readAll(early).isEmpty)
    }

    @Test func whatReadersReadAndWhatIsDroppedIsWhatWasPublished() async {
        let lagged = Atomic<Int>(0)
        let bus = EventBus(capacity: 64) { lagged.add($0, ordering: .relaxed) }
        let subscriptions = (0..<4).map { _ in bus.subscribe() }
        let read = await withTaskGroup(of: Int.self) { group in
            for subscription in subscriptions {
                group.addTask {
                    let sequences = await readAll(subscription).map(\.sequence)
                    #expect(zip(sequences, sequences.dropFirst()).allSatisfy { $0 < $1 })
                    return sequences.count
                }
            }
            await withTaskGroup(of: Void.self) { publishers in
                for publisher in 0..<8 {
                    publishers.addTask {
                        for number in 0..<500 { bus.publish(makeEvent(publisher * 1_000 + number)) }
                    }
                }
            }
            bus.finish()
            return await group.reduce(0, +)
        }
        #expect(read + lagged.load(ordering: .relaxed) == 4 * 4_000)
    }
}

private func makeBus() -> EventBus {
    EventBus { _ in }
}

private func makeEvent(_ number: Int) -> IndexEvent {
    .configUpdated(["\(number)"])
}

private func readAll(_ subscription: EventSubscription) async -> [PublishedEvent] {
    var events: [PublishedEvent] = []
    for await event in subscription { events.append(event) }
    return events
}
