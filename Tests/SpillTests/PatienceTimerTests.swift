import Synchronization
import Testing
import Waiting

@Suite struct PatienceTimerTests {
    let timer = PatienceTimer(label: "test.timer")

    @Test func everybodyIsToldAndNobodyEarly() async {
        let clock = ContinuousClock()
        let told = Mutex<[Duration: Duration]>([:])
        for patience in [90, 30, 60, 0].map(Duration.milliseconds) {
            let began = clock.now
            _ = timer.wait(for: patience) {
                told.withLock { $0[patience] = clock.now - began }
            }
        }
        await eventually { told.withLock { $0.count } == 4 }
        for (patience, elapsed) in told.withLock({ $0 }) { #expect(elapsed >= patience) }
    }

    /// Whoever comes with less patience is told in their own time, not at the next look.
    @Test func aNearerEndGoesAhead() async {
        let far = timer.wait(for: .seconds(3600)) { Issue.record("it was told early") }
        let told = Mutex(false)
        _ = timer.wait(for: .milliseconds(1)) { told.withLock { $0 = true } }
        await eventually { told.withLock { $0 } }
        timer.leave(far)
    }

    @Test func whoeverLeavesIsNotTold() async {
        let isOver = Mutex(false)
        let told = Mutex<Set<Int>>([])
        let clock = ContinuousClock()
        let began = clock.now
        let numbers = (0..<100).map { number in
            timer.wait(for: .milliseconds(200)) { told.withLock { _ = $0.insert(number) } }
        }
        for (index, number) in numbers.enumerated() where index != 50 { timer.leave(number) }
        // A machine that stood still meanwhile shows nothing.
        guard clock.now - began < .milliseconds(200) else { return }
        _ = timer.wait(for: .milliseconds(220)) { isOver.withLock { $0 = true } }
        await eventually { isOver.withLock { $0 } }
        #expect(told.withLock { $0 } == [50])
    }

    /// After a time without anybody the timer rests, and must begin again.
    @Test func itBeginsAnewWhenNobodyHasWaited() async {
        for _ in 1...20 {
            let told = Mutex(false)
            timer.leave(timer.wait(for: .milliseconds(1)) {})
            _ = timer.wait(for: .milliseconds(2)) { told.withLock { $0 = true } }
            await eventually { told.withLock { $0 } }
        }
    }

    @Test func aPatienceWithoutEndIsNoTrap() async {
        let number = timer.wait(for: .seconds(Int64.max)) { Issue.record("it has ended") }
        let told = Mutex(false)
        _ = timer.wait(for: .seconds(-1)) { told.withLock { $0 = true } }
        await eventually { told.withLock { $0 } }
        timer.leave(number)
    }

    @Test func manyWaitAtOnce() async {
        let told = Tally()
        await withTaskGroup(of: Void.self) { group in
            for caller in 0..<8 {
                group.addTask {
                    for number in 0..<500 {
                        let wait = timer.wait(for: .microseconds(number * 10)) {
                            told.count.add(1, ordering: .relaxed)
                        }
                        if caller.isMultiple(of: 2) { timer.leave(wait) }
                    }
                }
            }
        }
        await eventually { told.count.load(ordering: .relaxed) >= 2000 }
    }
}

/// For closures of several tasks at once.
private final class Tally: Sendable {
    let count = Atomic(0)
}
