import Dispatch
import Testing

@testable import IndexService

/// A store whose disk does not answer: nobody waits for it long, and nothing piles up.
@Suite(.timeLimit(.minutes(1))) struct HangingStoreTests {
    /// Keeps threads of a store busy until it is let go.
    private final class Hang: Sendable {
        private let go = DispatchSemaphore(value: 0)
        private let begun = DispatchSemaphore(value: 0)
        private let count: Int

        /// Returns when every reading thread hangs.
        init(readersOf store: IndexStore) async throws {
            count = store.configuration.readers
            for _ in 0..<count {
                Task { try await store.reading(within: .seconds(60)) { _ in self.hold() } }
            }
            let (begun, count) = (begun, count)
            try await onOwnThread { for _ in 0..<count { begun.wait() } }
        }

        init() { count = 1 }

        func hold() {
            begun.signal()
            go.wait()
        }

        func waitUntilHeld() async throws {
            let begun = begun
            try await onOwnThread { begun.wait() }
        }

        func end() {
            for _ in 0..<count { go.signal() }
        }
    }

    private func makeStore(
        _ change: (inout IndexStore.Configuration) -> Void = { _ in }
    ) throws -> IndexStore {
        var configuration = IndexStore.Configuration()
        configuration.readPatience = .milliseconds(50)
        change(&configuration)
        return try IndexStore(path: nil, configuration: configuration)
    }

    @Test func aReadThatHangsIsGivenUp() async throws {
        let store = try makeStore()
        let hang = Hang()
        await #expect(throws: StoreError.late) {
            try await store.reading { _ in hang.hold() }
        }
        hang.end()
        #expect(try await store.reading(within: .seconds(60)) { _ in 7 } == 7)
        try await store.close()
    }

    @Test func whoeverWaitsBehindItIsToldAndItsReadIsNeverBegun() async throws {
        let store = try makeStore { $0.readDepth = 8 }
        let hang = try await Hang(readersOf: store)
        let begun = SharedCount()
        let errors = await withTaskGroup(of: StoreError?.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    do throws(StoreError) {
                        try await store.reading { _ in _ = begun.add(1) }
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        // The queue is bounded, and who has left still has a place in it.
        #expect(errors.count { $0 == .late } == 8)
        #expect(errors.count { $0 == .crowded } == 12)
        #expect(store.waitingReads == 8)
        hang.end()
        await becomesTrue { store.waitingReads == 0 }
        #expect(try await store.reading(within: .seconds(60)) { _ in 7 } == 7)
        #expect(begun.add(0) == 0)
        try await store.close()
    }

    /// A queue that moves and is too long says nothing against the disk.
    @Test func whatNeverBeganWhileOthersEndedIsNoFailureOfTheStore() async throws {
        let store = try makeStore {
            $0.readers = 1
            $0.readPatience = .seconds(2)
        }
        let (first, second) = (try await Hang(readersOf: store), Hang())
        let next = Task { try await store.reading(within: .seconds(60)) { _ in second.hold() } }
        await becomesTrue { store.waitingReads == 1 }
        let breaker = CircuitBreaker()
        let reads = IndexReads(store: store, breaker: breaker, metrics: Metrics())
        let errors = try await withThrowingTaskGroup(of: StoreError?.self) { group in
            for _ in 0..<30 {
                group.addTask {
                    do throws(StoreError) {
                        try await reads.read { _ in }
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            await becomesTrue { store.waitingReads == 31 }
            first.end()
            try await second.waitUntilHeld()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(errors == Array(repeating: .crowded, count: 30))
        #expect(breaker.phase(at: .now()) == .closed)
        #expect(Problem(StoreError.crowded).code == .overCapacity)
        second.end()
        try await next.value
        try await store.close()
    }

    /// The look at the store for readiness passes all that waits.
    @Test func theProbeWaitsBehindNobodyWhoWaits() async throws {
        let store = try makeStore {
            $0.readers = 1
            $0.readDepth = 20
            $0.readPatience = .seconds(60)
        }
        let (first, second) = (try await Hang(readersOf: store), Hang())
        let next = Task { try await store.reading { _ in second.hold() } }
        await becomesTrue { store.waitingReads == 1 }
        let others = (0..<19).map { _ in Task { try await store.reading { _ in } } }
        await becomesTrue { store.waitingReads == 20 }
        let monitor = StoreMonitor(
            store: store,
            reads: IndexReads(store: store, breaker: CircuitBreaker(), metrics: Metrics()),
            bus: EventBus { _ in },
            readiness: Readiness(),
            logger: RecordedLog().makeLogger()
        )
        async let status = monitor.measure()
        await becomesTrue { store.waitingReads == 21 }
        first.end()
        try await second.waitUntilHeld()
        #expect(await status == .ok)
        second.end()
        for other in others { try await other.value }
        try await next.value
        try await store.close()
    }

    @Test func whoeverLeavesWaitsForNoRead() async throws {
        let store = try makeStore { $0.readPatience = .seconds(3600) }
        let hang = try await Hang(readersOf: store)
        let reader = Task { try await store.reading { _ in } }
        await becomesTrue { store.waitingReads == 1 }
        reader.cancel()
        await #expect(throws: StoreError.self) { try await reader.value }
        hang.end()
        try await store.close()
    }

    /// Whoever writes must know the end of it; what has not begun never does.
    @Test func aWriteIsWaitedForOnceItHasBegun() async throws {
        let store = try makeStore()
        let hang = Hang()
        let first = Task {
            try await store.writing { _ in
                hang.hold()
                return 7
            }
        }
        try await hang.waitUntilHeld()
        let second = Task { try await store.writing { _ in 8 } }
        second.cancel()
        await #expect(throws: StoreError.self) { try await second.value }
        first.cancel()
        hang.end()
        #expect(try await first.value == 7)
        try await store.close()
    }

    /// Whoever was told that it took too long, or has left, finds nothing written later.
    @Test(arguments: [true, false])
    func aWriteThatNobodyWaitsForIsNeverBegun(isAnswered: Bool) async throws {
        let writer = HeldWriter()
        defer { writer.release() }
        try await withService(settings: { settings in
            settings.http.requestTimeout = isAnswered ? .milliseconds(500) : .seconds(60)
        }) { service in
            let store = service.application.store
            try await writer.hold(store)
            let begun = Task { try await store.writing { try $0.putManifest(makeManifest()) } }
            await becomesTrue { store.health.writesBegan.count == 2 }
            try await service.connected { connection in
                try connection.send(SampleIndex.name("waiting", SampleIndex.manifestID))
                // Or it was answered already.
                while store.waitingWrites == 0, !connection.hasInput(within: 1) {}
                guard isAnswered else { return connection.abort() }
                let answer = try connection.response()
                #expect(answer.status == 504)
                checkProblem(answer, code: "timeout")
            }
            while try service.metric("inflight_requests", "route=admin") > 0 {
                await Task.yield()
            }
            writer.release()
            try await begun.value
            // Behind what waits.
            let name = try Name(parsing: "waiting")
            let written = try await store.writing { try $0.name(name) }
            #expect(written == nil)
        }
    }

    /// Nobody has to know what it dropped: the stop goes on.
    @Test func theCleanerLeavesAWriteThatHangs() async throws {
        let (store, writer) = (try makeStore(), HeldWriter())
        try await writer.hold(store)
        let cleaner = StoreCleaner(
            store: store,
            logger: RecordedLog().makeLogger(),
            period: .zero
        )
        let run = Task { try await cleaner.run() }
        await becomesTrue { store.health.writesBegan.count == 2 }
        run.cancel()
        try await run.value
        #expect(store.health.writesBegan.count == 2)
        writer.release()
        try await store.close()
    }

    @Test func theCloseIsNotHeldUp() async throws {
        let store = try makeStore()
        let hang = try await Hang(readersOf: store)
        await #expect(throws: StoreError.late) { try await store.close(within: .milliseconds(50)) }
        hang.end()
    }

    @Test func callersAreToldAndTheBreakerKeepsTheOthersAway() async throws {
        try await withService(settings: { $0.database.readTimeout = .milliseconds(100) }) {
            service in
            try await SampleIndex.fill(service)
            _ = try await service.ask(WireRequest("GET", "/resolve/libc6"))
            let store = service.application.store
            let hang = try await Hang(readersOf: store)
            defer { hang.end() }
            let id = SampleIndex.manifestID
            let targets = (0..<30).map { $0 % 3 == 0 ? "/manifests/\(id)" : "/resolve/n\($0)" }
            for answer in try await ask(targets, service) {
                #expect(answer.status == 503)
                #expect(answer["Retry-After"] == "5")
                checkProblem(answer, code: "upstream_unready")
            }
            let isClosed = "upstream=index,state=closed"
            #expect(try service.metric("circuit_breaker_state", isClosed) == 0)
            // The breaker lets one try after each pause, and readiness looks as well.
            let before = store.waitingReads
            for answer in try await ask((0..<200).map { "/resolve/more\($0)" }, service) {
                #expect(answer.status == 503)
            }
            #expect(store.waitingReads < before + 20)
            let hit = try await service.ask(WireRequest("GET", "/resolve/libc6"))
            #expect(hit["Cache-Status"] == "svc-index; hit; detail=ram")

            hang.end()
            try await service.wait(for: "/resolve/a.b-c_d+e") { $0.status == 200 }
            try await service.wait(for: "/readyz") { $0.status == 200 }
            #expect(store.waitingReads == 0)
        }
    }

    /// All at the same time.
    private func ask(
        _ targets: [String],
        _ service: RunningService
    ) async throws -> [WireResponse] {
        try await withThrowingTaskGroup(of: WireResponse.self) { group in
            for target in targets {
                group.addTask { try await service.ask(WireRequest("GET", target)) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }
}
