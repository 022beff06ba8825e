import Dispatch
import Foundation
import Synchronization
import Testing

@testable import Spill

@Suite struct SpillReadersTests {
    /// With a queue for each thread every second one would wait behind the gate.
    @Test func nobodyWaitsBehindAThreadThatIsHeldUp() async {
        let readers = SpillReaders(count: 2, depth: 100)
        let gate = DispatchSemaphore(value: 0)
        #expect(readers.submit { gate.wait() })
        let done = Atomic(0)
        for _ in 0..<50 {
            #expect(readers.submit { done.add(1, ordering: .relaxed) })
        }
        await eventually { done.load(ordering: .relaxed) == 50 }
        gate.signal()
    }

    @Test func whoeverCameFirstGoesFirst() async {
        let readers = SpillReaders(count: 1, depth: 1000)
        let gate = DispatchSemaphore(value: 0)
        #expect(readers.submit { gate.wait() })
        let order = Mutex<[Int]>([])
        for number in 0..<500 {
            #expect(readers.submit { order.withLock { $0.append(number) } })
        }
        gate.signal()
        await eventually { order.withLock { $0.count } == 500 }
        #expect(order.withLock { $0 } == Array(0..<500))
    }

    @Test func whatDoesNotFitIsRefusedAndTakenAgainWhenThereIsRoom() async {
        let readers = SpillReaders(count: 1, depth: 3)
        for _ in 0..<50 {
            let gate = await holdUp(readers)
            let done = Atomic(0)
            for _ in 0..<3 { #expect(readers.submit { done.add(1, ordering: .relaxed) }) }
            #expect(!readers.submit { Issue.record("it was refused") })
            gate.signal()
            await eventually { done.load(ordering: .relaxed) == 3 }
        }
    }

    @Test func eachOfManyIsDoneOnce() async {
        let readers = SpillReaders(count: 3, depth: 100_000)
        let done = Reads()
        await withTaskGroup(of: Void.self) { group in
            for caller in 0..<8 {
                group.addTask {
                    for number in 0..<1000 {
                        let read = caller * 1000 + number
                        let isTaken = readers.submit {
                            done.counts.withLock { $0[read, default: 0] += 1 }
                        }
                        #expect(isTaken)
                    }
                }
            }
        }
        await eventually { done.counts.withLock { $0.values.reduce(0, +) } == 8000 }
        #expect(done.counts.withLock { $0.count } == 8000)
    }

    @Test func whatWaitsIsReadBeforeTheThreadsEnd() async {
        let done = Atomic(0)
        do {
            let readers = SpillReaders(label: "ending", count: 2, depth: 1000)
            let gate = await holdUp(readers)
            #expect(namesOfThreads().contains { $0.hasPrefix("ending") })
            for _ in 0..<500 { #expect(readers.submit { done.add(1, ordering: .relaxed) }) }
            gate.signal()
        }
        await eventually { done.load(ordering: .relaxed) == 500 }
        await eventually { !namesOfThreads().contains { $0.hasPrefix("ending") } }
    }
}

/// How often each was done, for closures of several tasks at once.
private final class Reads: Sendable {
    let counts = Mutex<[Int: Int]>([:])
}

/// As the kernel has them.
private func namesOfThreads() -> [String] {
    let folder = "/proc/self/task"
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return threads.compactMap { thread in
        try? String(contentsOfFile: "\(folder)/\(thread)/comm", encoding: .utf8)
    }
}
