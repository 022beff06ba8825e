import Cache
import Dispatch
import Testing

@testable import IndexService

/// Who is let in, and what becomes of those who joined them.
@Suite(.timeLimit(.minutes(1))) struct MissesTests {
    /// Works on misses over an index whose one reader is busy until `gate` is signalled.
    private func withBusyIndex(
        running: Int,
        waiting: Int,
        _ body: @Sendable (Misses, DispatchSemaphore) async throws -> Void
    ) async throws {
        var configuration = IndexStore.Configuration()
        configuration.readers = 1
        configuration.readPatience = .seconds(60)
        let store = try IndexStore(path: nil, configuration: configuration)
        var limits = RouteGates.Limits()
        limits.running = running
        limits.waiting = waiting
        let misses = Misses(
            resolver: makeResolver(store),
            metrics: Metrics(),
            bus: EventBus { _ in },
            gates: RouteGates(limits, metrics: Metrics())
        )
        let gate = DispatchSemaphore(value: 0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try? await misses.run() }
            let isBusy = SharedCount()
            group.addTask {
                try await store.reading { _ in
                    _ = isBusy.add(1)
                    gate.wait()
                }
            }
            await becomesTrue { isBusy.add(0) == 1 }
            try await body(misses, gate)
            misses.giveUp()
            group.cancelAll()
            try? await group.waitForAll()
        }
        try await store.close()
    }

    private func makeQuery(_ text: String, _ document: AnswerQuery.Document) -> AnswerQuery {
        AnswerQuery(document, .contentID(makeContentID(text)))
    }

    @Test func whoJoinedWorkThatRanOutOfTimeAsksForItself() async throws {
        try await withBusyIndex(running: 1, waiting: 2) { misses, gate in
            let query = makeQuery("wanted", .resolution)
            async let first = misses.resolve(makeQuery("first", .resolution), by: .distantFuture)
            await becomesTrue { misses.load.running == 1 }
            let deadline = MonotonicInstant.now().advanced(by: 500_000_000)
            let leader = Task {
                try await misses.resolve(query, by: deadline)
            }
            await becomesTrue { misses.load.waiting == 1 }
            let joiner = Task { try await misses.resolve(query, by: .distantFuture) }
            await becomesTrue { misses.load.callers == 3 && MonotonicInstant.now() > deadline }
            gate.signal()
            let joined = try await joiner.value
            #expect(joined.outcome.isAbsent)
            guard case .failure(ResolveError.timedOut) = await leader.result else {
                Issue.record("the leader had time left")
                return
            }
            let ahead = try await first
            #expect(ahead.outcome.isAbsent)
        }
    }

    /// Both routes full of one address: another one still gets in.
    @Test func aNewAddressGetsInWhereOneHasTakenEverything() async throws {
        try await withBusyIndex(running: 1, waiting: 2) { misses, gate in
            let greedy = ClientAddress("192.0.2.1")
            let documents: [AnswerQuery.Document] = [.resolution, .providers]
            let refused = SharedCount()
            let ask: @Sendable (AnswerQuery, ClientAddress) async -> Resolved? = { query, client in
                let resolved = try? await misses.resolve(query, from: client, by: .distantFuture)
                if resolved == nil { _ = refused.add(1) }
                return resolved
            }
            let taken = documents.flatMap { document in
                (0..<3).map { number in
                    let query = makeQuery("\(document) \(number)", document)
                    return Task { await ask(query, greedy) }
                }
            }
            await becomesTrue { misses.load == (6, 2, 4) }
            let query = makeQuery("modest", .resolution)
            let modest = Task { await ask(query, ClientAddress("192.0.2.2")) }
            await becomesTrue { refused.add(0) == 1 }
            gate.signal()
            #expect(await modest.value?.outcome.isAbsent == true)
            for task in taken { _ = await task.value }
            #expect(refused.add(0) == 1)
        }
    }
}
