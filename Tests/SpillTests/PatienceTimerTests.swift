import Synchronization
import Testing
import Waiting

@Suite struct PatienceTimerTests {
    let timer = PatienceTimer(label: "test.timer")

    @Test func everybodyIsToldAndNobodyEarlyOrMuchLater() async {
        let clock = ContinuousClock()
        let told = Mutex<[Duration: Duration]>([:])
        for patience in [90, 30, 60, 0].map(Duration.milliseconds) {
            let began = clock.now
            _ = timer.enter(for: patience) {
                told.withLock { $0[patience] = clock.now - began }
            }
        }
        await eventually { told.withLock { $0.count } == 4 }
        for (patience, elapsed) in told.withLock({ $0 }) {
            #expect(elapsed >= patience)
            // Far more than a machine that is busy takes.
            #expect(elapsed < patience + .seconds(3))
        }
    }

    /// Whoever comes with less patience is told in their own time, not at the next look.
    @Test func aNearerEndGoesAhead() async {
        let far = timer.enter(for: .seconds(3600)) { Issue.record("it was told early") }
        let told = Mutex(false)
        _ = timer.enter(for: .milliseconds(1)) { told.withLock { $0 = true } }
        await eventually { told.withLock { $0 } }
        timer.leave(far)
    }

    @Test func whoeverLeavesIsNotTold() async {
        let isOver = Mutex(false)
        let told = Mutex<Set<Int>>([])
        let clock = ContinuousClock()
        let began = clock.now
        let numbers = (0..<100).map { number in
            timer.enter(for: .milliseconds(200)) { told.withLock { _ = $0.insert(number) } }
        }
        for (index, number) in numbers.enumerated() where index != 50 { timer.leave(number) }
        // A machine that stood still meanwhile shows nothing.
        guard clock.now - began < .milliseconds(200) else { return }
        _ = timer.enter(for: .milliseconds(220)) { isOver.withLock { $0 = true } }
        await eventually { isOver.withLock { $0 } }
        #expect(told.withLock { $0 } == [50])
    }

    /// After a time without anybody the timer rests, and must begin again.
    @Test func itBeginsAnewWhenNobodyHasWaited() async {
        for _ in 1...20 {
            let told = Mutex(false)
            timer.leave(timer.enter(for: .milliseconds(1)) {})
            _ = timer.enter(for: .milliseconds(2)) { told.withLock { $0 = true } }
            await eventually { told.withLock { $0 } }
        }
    }

    @Test func aPatienceWithoutEndIsNoTrap() async {
        let number = timer.enter(for: .seconds(Int64.max)) { Issue.record("it has ended") }
        let told = Mutex(false)
        _ = timer.enter(for: .seconds(-1)) { told.withLock { $0 = true } }
        await eventually { told.withLock { $0 } }
        timer.leave(number)
    }

    @Test func ofManyAtOnceThoseWhoStayAreToldOnce() async {
        let told = Tally()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for number in 0..<500 {
                        let patience = Duration.microseconds(number * 10)
                        let leaver = timer.enter(for: patience) {}
                        _ = timer.enter(for: patience) { told.count.add(1, ordering: .relaxed) }
                        timer.leave(leaver)
                    }
                }
            }
        }
        await eventually { told.count.load(ordering: .relaxed) >= 4000 }
        let isOver = Mutex(false)
        _ = timer.enter(for: .milliseconds(20)) { isOver.withLock { $0 = true } }
        await eventually { isOver.withLock { $0 } }
        #expect(told.count.load(ordering: .relaxed) == 4000)
    }
}

/// For closures of several tasks at once.
private final class Tally: Sendable {
    let count = Atomic(0)
}
