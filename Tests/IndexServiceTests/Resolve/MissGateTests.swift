import Randomness
import Cache
import Testing

@testable import IndexService

/// The gate with its lock and its callers.
@Suite(.timeLimit(.minutes(1))) struct MissGateTests {
    @Test func neverMoreThanItsLimitRunAndEverybodyComesToAnEnd() async {
        let gate = MissGate(running: 4, waiting: 2_000)
        let running = SharedCount()
        let (most, done) = await withTaskGroup(of: Int.self) { group in
            for number in 0..<2_000 {
                group.addTask {
                    await gate.pass(from: UInt32(number % 7)) {
                        let count = running.add(1)
                        await Task.yield()
                        _ = running.add(-1)
                        return count
                    } ?? .max
                }
            }
            return await group.reduce(into: (0, 0)) { $0 = (max($0.0, $1), $0.1 + 1) }
        }
        #expect(most <= 4)
        #expect(done == 2_000)
        #expect(gate.load == (0, 0))
    }

    @Test func aFullGateRefusesAtOnce() async throws {
        let gate = MissGate(running: 512, waiting: 512)
        for _ in 0..<512 { try await gate.enterNow(from: 1) }
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<512 {
                group.addTask { _ = try? await gate.enterNow(from: UInt32(number)) }
            }
            await becomesTrue { gate.load.waiting == 512 }
            let time = await ContinuousClock().measure {
                for _ in 0..<1_000 {
                    await #expect(throws: MissGate.Refusal.atOnce(.full)) {
                        try await gate.enterNow(from: 600)
                    }
                }
            }
            #expect(time / 1_000 < .milliseconds(10))
            gate.close()
        }
        #expect(gate.load == (512, 0))
    }

    @Test func whoIsCancelledLeavesTheQueue() async throws {
        let gate = MissGate(running: 1, waiting: 8)
        try await gate.enterNow(from: 1)
        let waiter = Task { await gate.refusal(from: 2) }
        await becomesTrue { gate.load.waiting == 1 }
        waiter.cancel()
        #expect(await waiter.value == .late(.cancelled))
        #expect(gate.load == (1, 0))
        gate.leave(at: .milliseconds(0))
        #expect(gate.load == (0, 0))
    }

    @Test func whoIsCancelledBeforeTakesNoPlace() async {
        let gate = MissGate(running: 1, waiting: 8)
        let entrant = Task {
            await becomesTrue { Task.isCancelled }
            return await gate.refusal(from: 2)
        }
        entrant.cancel()
        #expect(await entrant.value == .atOnce(.cancelled))
        #expect(gate.load == (0, 0))
    }

    @Test func aDisplacedWaiterAndALateOneAreToldSo() async throws {
        let gate = MissGate(running: 1, waiting: 2)
        try await gate.enterNow(from: 1)
        let first = Task { await gate.refusal(from: 1) }
        await becomesTrue { gate.load.waiting == 1 }
        let second = Task { await gate.refusal(from: 1, deadline: .milliseconds(50)) }
        await becomesTrue { gate.load.waiting == 2 }
        let other = Task { await gate.refusal(from: 2) }
        #expect(await first.value == .late(.displaced))
        gate.leave(at: .milliseconds(50))
        #expect(await second.value == .late(.expired))
        #expect(await other.value == nil)
        #expect(await gate.refusal(from: 1, deadline: .milliseconds(0)) == .atOnce(.expired))
        #expect(gate.load == (1, 0))
    }

    @Test func closingRefusesEverybodyWhoWaitsOrComes() async throws {
        let gate = MissGate(running: 1, waiting: 8)
        try await gate.enterNow(from: 1)
        let waiters = (0..<8).map { _ in Task { await gate.refusal(from: 1) } }
        await becomesTrue { gate.load.waiting == 8 }
        gate.close()
        for waiter in waiters { #expect(await waiter.value == .late(.closed)) }
        #expect(await gate.refusal(from: 1) == .atOnce(.closed))
        gate.leave(at: .milliseconds(0))
        #expect(gate.load == (0, 0))
    }

    @Test func aLargerLimitLetsWaitersInAtOnce() async throws {
        let gate = MissGate(running: 1, waiting: 8)
        try await gate.enterNow(from: 1)
        let waiters = (0..<3).map { _ in Task { await gate.refusal(from: 1) } }
        await becomesTrue { gate.load.waiting == 3 }
        gate.resize(running: 4, waiting: 8, at: .milliseconds(0))
        for waiter in waiters { #expect(await waiter.value == nil) }
        #expect(gate.load == (4, 0))
    }

    @Test(arguments: 1...5) func cancellationsAmidTrafficLoseNoPlace(seed: Int) async {
        let gate = MissGate(running: 3, waiting: 20)
        var random = SeededRandom(seed: UInt64(seed))
        let tasks = (0..<500).map { number in
            let task = Task {
                await gate.pass(from: UInt32(number % 5)) { await Task.yield() }
            }
            return (task, random.oneIn(3))
        }
        for (task, isCancelled) in tasks where isCancelled { task.cancel() }
        for (task, _) in tasks { _ = await task.value }
        #expect(gate.load == (0, 0))
    }
}

extension MissGate.Refusal {
    fileprivate static func atOnce(_ reason: MissGateError) -> Self {
        Self(reason: reason, hasWaited: false)
    }

    /// After a wait.
    fileprivate static func late(_ reason: MissGateError) -> Self {
        Self(reason: reason, hasWaited: true)
    }
}

extension MissGate {
    fileprivate func enterNow(
        from address: UInt32,
        deadline: MonotonicInstant = .distantFuture
    ) async throws(Refusal) {
        try await enter(from: .four(address), deadline: deadline, at: .milliseconds(0))
    }

    /// Why entering failed; nil when it did not.
    fileprivate func refusal(
        from address: UInt32,
        deadline: MonotonicInstant = .distantFuture
    ) async -> Refusal? {
        do {
            try await enterNow(from: address, deadline: deadline)
            return nil
        } catch {
            return error
        }
    }

    /// Runs `body` in a place; nil when there was none.
    fileprivate func pass<R>(from address: UInt32, _ body: () async -> R) async -> R? {
        guard await refusal(from: address) == nil else { return nil }
        defer { leave(at: .milliseconds(0)) }
        return await body()
    }
}
