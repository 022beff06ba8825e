internal import Dispatch
internal import Foundation
internal import Synchronization

/// Threads that read, and the reads that wait for one of them, first come first served.
///
/// They share one queue: where each has its own, whoever is behind a thread that the disk or the
/// scheduler holds up waits as long, while the others have nothing to do.
///
/// They do nothing else: waking one costs less than having a dispatch queue find one.
final class SpillReaders: Sendable {
    typealias Read = @Sendable () -> Void

    private let queue: ReadQueue

    /// - Parameters:
    ///   - label: what the threads' names begin with; the kernel keeps 15 bytes of each.
    ///   - depth: reads that may wait for a thread.
    init(label: String = "spill.read", count: Int, depth: Int) {
        queue = ReadQueue(depth: depth)
        for number in 0..<max(1, count) {
            Thread.detachNewThread { [queue] in
                // The kernel takes a name from the thread itself only.
                Thread.current.name = "\(label).\(number)"
                queue.work()
            }
        }
    }

    /// What waits is still read; the threads end after it.
    deinit { queue.close() }

    /// Has a thread do it as soon as one is free; false when too many wait already.
    func submit(_ read: @escaping Read) -> Bool { queue.add(read) }
}

/// What the threads share; it outlives its owner for as long as one of them reads.
private final class ReadQueue: Sendable {
    private struct State {
        var waiting: [SpillReaders.Read] = []
        /// How many of those have been taken off the front already.
        var head = 0
        var isClosed = false

        mutating func takeFirst() -> SpillReaders.Read? {
            guard head < waiting.count else { return nil }
            let read = waiting[head]
            head += 1
            // What was read is let go of, at a cost that each read has its small share of.
            if head == waiting.count || head >= 64 {
                waiting.removeFirst(head)
                head = 0
            }
            return read
        }
    }

    private let depth: Int
    private let state = Mutex(State())
    private let changes = DispatchSemaphore(value: 0)

    init(depth: Int) { self.depth = depth }

    func add(_ read: @escaping SpillReaders.Read) -> Bool {
        let isTaken = state.withLock { state in
            guard state.waiting.count - state.head < depth else { return false }
            state.waiting.append(read)
            return true
        }
        // Once for each read: so many threads have something to do.
        if isTaken { changes.signal() }
        return isTaken
    }

    /// What a thread does until the queue is closed and empty.
    func work() {
        while let read = next() { read() }
        // So that the next thread sees it too.
        changes.signal()
    }

    func close() {
        state.withLock { $0.isClosed = true }
        changes.signal()
    }

    private func next() -> SpillReaders.Read? {
        while true {
            changes.wait()
            let (read, isOver) = state.withLock { ($0.takeFirst(), $0.isClosed) }
            if read != nil || isOver { return read }
        }
    }
}
