import Randomness
import Synchronization
import Testing

@testable import IndexService

private typealias Misses = InFlightMisses<String, Int, TestRefusal>

private struct TestRefusal: Error, Equatable {}

@Suite(.timeLimit(.minutes(1))) struct InFlightMissesTests {
    @Test(arguments: [20, 200, 2_000]) func manyJoinersCauseOneExecution(joiners: Int) async {
        await withMisses { misses in
            let work = GatedWork()
            let values = await withTaskGroup(of: Int?.self) { group in
                for _ in 0..<joiners {
                    group.addTask { try? await misses.join("a", orStart: work.run) }
                }
                await becomesTrue { misses.load.waiting == joiners }
                #expect(misses.load.keys == 1)
                work.open(with: .success(42))
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(values == Array(repeating: 42, count: joiners))
            #expect(work.executions == 1)
            #expect(misses.load == (0, 0))
        }
    }

    @Test func everyKeyHasItsOwnWork() async {
        await withMisses { misses in
            let values = await withTaskGroup(of: (Int, Int?).self) { group in
                for number in 0..<100 {
                    group.addTask {
                        (number, try? await misses.join("\(number)") { .success(number) })
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(values.count == 100)
            #expect(values.allSatisfy { $0 == $1 })
        }
    }

    @Test func everyoneIsToldOfAFailureAndTheNextTriesAgain() async {
        await withMisses { misses in
            let work = GatedWork()
            let joiners = (0..<3).map { _ in misses.task("a", work) }
            await becomesTrue { misses.load.waiting == 3 }
            work.open(with: .failure(TestRefusal()))
            for joiner in joiners {
                #expect(await joiner.value == .failure(.failed(TestRefusal())))
            }
            #expect(await misses.outcome("a") { .success(2) } == .success(2))
        }
    }

    @Test func aLeaverHarmsNobody() async {
        await withMisses { misses in
            let work = GatedWork()
            let leader = misses.task("a", work)
            await becomesTrue { misses.load.waiting == 1 }
            let joiner = misses.task("a", work)
            await becomesTrue { misses.load.waiting == 2 }
            leader.cancel()
            #expect(await leader.value == .failure(.cancelled))
            #expect(misses.load == (1, 1))
            work.open(with: .success(1))
            #expect(await joiner.value == .success(1))
            #expect(work.executions == 1)
        }
    }

    @Test func theWorkGoesOnWhenTheLastCallerLeftAndCanBeJoinedAgain() async {
        await withMisses { misses in
            let work = GatedWork()
            let leader = misses.task("a", work)
            await becomesTrue { work.executions == 1 }
            leader.cancel()
            #expect(await leader.value == .failure(.cancelled))
            #expect(misses.load == (1, 0))
            let joiner = misses.task("a", work)
            await becomesTrue { misses.load.waiting == 1 }
            work.open(with: .success(1))
            #expect(await joiner.value == .success(1))
            #expect(work.executions == 1)
            #expect(!work.wasCancelled)
        }
    }

    @Test func waitersAndKeysBeyondTheirLimitsAreRefusedAtOnce() async {
        await withMisses(maximumWaiters: 3, maximumKeys: 2) { misses in
            let work = GatedWork()
            let joiners = [misses.task("a", work), misses.task("b", work)]
            await becomesTrue { misses.load == (2, 2) }
            #expect(await misses.task("c", work).value == .failure(.refused))
            let third = misses.task("a", work)
            await becomesTrue { misses.load.waiting == 3 }
            #expect(await misses.task("a", work).value == .failure(.refused))
            work.open(with: .success(1))
            for joiner in joiners + [third] { #expect(await joiner.value == .success(1)) }
            #expect(misses.load == (0, 0))
        }
    }

    @Test func atShutdownEverybodyWhoWaitsIsTold() async {
        let work = GatedWork()
        let misses = makeMisses()
        let runner = Task { await misses.run() }
        let joiners = (0..<50).map { number in misses.task("\(number % 5)", work) }
        await becomesTrue { misses.load.waiting == 50 && work.executions == 5 }
        runner.cancel()
        for joiner in joiners {
            guard case .failure = await joiner.value else {
                Issue.record("a value from work that never ended")
                continue
            }
        }
        // It ends because the cancelled work ends, so nothing of it is left.
        await runner.value
        #expect(work.wasCancelled)
        #expect(misses.load == (0, 0))
        #expect(await misses.task("a", work).value == .failure(.closed))
        #expect(work.executions == 5)
    }

    @Test func whatNeverStartedIsToldOfTheShutdownAsWell() async {
        let work = GatedWork()
        let misses = makeMisses()
        let joiner = misses.task("a", work)
        await becomesTrue { misses.load.waiting == 1 }
        misses.close()
        #expect(await joiner.value == .failure(.closed))
        await misses.run()
        #expect(work.executions == 0)
    }

    @Test func nothingHoldsTheObjectAfterItsEnd() async {
        weak var gone: Misses?
        do {
            let misses = makeMisses()
            gone = misses
            let runner = Task { await misses.run() }
            #expect(await misses.outcome("a") { .success(1) } == .success(1))
            runner.cancel()
            await runner.value
        }
        await becomesTrue { gone == nil }
    }

    @Test(arguments: 1...5) func aStormOfCallersAndLeaversLosesNobody(seed: Int) async {
        await withMisses { misses in
            var random = SeededRandom(seed: UInt64(seed))
            let underWay = (0..<10).map { _ in SharedCount() }
            let tasks = (0..<2_000).map { _ in
                let key = random.int(in: 0...9)
                let task = Task {
                    await misses.outcome("\(key)") {
                        #expect(underWay[key].add(1) == 1)
                        for _ in 0..<5 { await Task.yield() }
                        _ = underWay[key].add(-1)
                        return .success(key)
                    }
                }
                if random.oneIn(3) { task.cancel() }
                return (key, task)
            }
            for (key, task) in tasks {
                let outcome = await task.value
                #expect(outcome == .success(key) || outcome == .failure(.cancelled))
            }
            await becomesTrue { misses.load == (0, 0) }
        }
    }
}

/// Work that waits until the test lets it end.
private final class GatedWork: Sendable {
    private let started = Atomic<Int>(0)
    private let cancelled = Atomic<Bool>(false)
    private let result = Mutex<Result<Int, TestRefusal>?>(nil)

    var executions: Int { started.load(ordering: .relaxed) }
    var wasCancelled: Bool { cancelled.load(ordering: .relaxed) }

    func open(with value: Result<Int, TestRefusal>) {
        result.withLock { $0 = value }
    }

    @Sendable func run() async -> Result<Int, TestRefusal> {
        started.add(1, ordering: .relaxed)
        while !Task.isCancelled {
            if let value = result.withLock({ $0 }) { return value }
            await Task.yield()
        }
        cancelled.store(true, ordering: .relaxed)
        return .failure(TestRefusal())
    }
}

extension InFlightMisses where Key == String, Value == Int, Failure == TestRefusal {
    fileprivate func outcome(
        _ key: String,
        _ work: @escaping Work
    ) async -> Result<Int, JoinError<TestRefusal>> {
        do { return .success(try await join(key, orStart: work)) } catch { return .failure(error) }
    }

    fileprivate func task(
        _ key: String,
        _ work: GatedWork
    ) -> Task<Result<Int, JoinError<TestRefusal>>, Never> {
        Task { await outcome(key, work.run) }
    }
}

private func makeMisses(maximumWaiters: Int = 10_000, maximumKeys: Int = 1_000) -> Misses {
    Misses(maximumWaiters: maximumWaiters, maximumKeys: maximumKeys)
}

/// Runs the misses around a body.
private func withMisses(
    maximumWaiters: Int = 10_000,
    maximumKeys: Int = 1_000,
    _ body: (Misses) async -> Void
) async {
    let misses = makeMisses(maximumWaiters: maximumWaiters, maximumKeys: maximumKeys)
    let runner = Task { await misses.run() }
    await body(misses)
    runner.cancel()
    await runner.value
}
