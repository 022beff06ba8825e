import Logging
import Testing

@testable import IndexService

/// The events that no write causes.
@Suite(.timeLimit(.minutes(1))) struct PublishedEventTests {
    @Test func aQuestionBeyondRAMIsToldOnceWithWhereItsAnswerCameFrom() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            let bus = service.application.bus
            let events = bus.subscribe()
            for target in ["/resolve/libc6", "/resolve/libc6", "/resolve/unknown"] {
                _ = try await service.get(target)
            }
            _ = try await service.get("/providers/\(SampleIndex.providedID)")
            bus.publish(.configUpdated([]))
            var told: [IndexEvent] = []
            for await event in events {
                if event.event == .configUpdated([]) { break }
                told.append(event.event)
            }
            let id = try ContentID(parsing: SampleIndex.providedID)
            #expect(
                told == [
                    .resolved(key: .name(try makeName("libc6")), source: .index),
                    .resolved(key: .name(try makeName("unknown")), source: .index),
                    .resolved(key: .contentID(id), source: .index),
                ]
            )
        }
    }

    @Test func aChangeOfReadinessIsTold() async throws {
        let (bus, readiness) = (EventBus { _ in }, Readiness())
        for check in Readiness.Check.allCases { readiness.set(check, .ok) }
        try await withStore { store in
            let monitor = StoreMonitor(
                store: store,
                reads: IndexReads(store: store, breaker: CircuitBreaker(), metrics: Metrics()),
                bus: bus,
                readiness: readiness,
                logger: RecordedLog().makeLogger()
            )
            let events = bus.subscribe()
            var reader = events.makeAsyncIterator()
            let runner = Task { try await monitor.run() }
            #expect(await reader.next()?.event == .readinessChanged(isReady: true))
            readiness.set(.configLoaded, .failing("it is being changed"))
            #expect(await reader.next()?.event == .readinessChanged(isReady: false))
            readiness.set(.configLoaded, .ok)
            #expect(await reader.next()?.event == .readinessChanged(isReady: true))
            runner.cancel()
            try await runner.value
        }
    }
}
