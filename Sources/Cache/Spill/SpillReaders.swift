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
    ///   - label: what the threads' names begin with; at most 12 bytes.
    ///   - depth: reads that may wait for a thread.
    init(label: String = "spill.read", count: Int, depth: Int) {
        queue = ReadQueue(depth: depth)
        for number in 0..<max(1, count) {
            let thread = Thread { [queue] in queue.work() }
            thread.start()
            // Before it is started a name does not get as far as the kernel.
            thread.name = "\(label).\(number)"
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
        /// Nil where one has been taken off the front.
        var waiting: [SpillReaders.Read?] = []
        /// How many have been.
        var head = 0
        var isClosed = false

        mutating func takeFirst() -> SpillReaders.Read? {
            guard head < waiting.count else { return nil }
            let read = waiting[head].take()
            head += 1
            // Their places are given back now and then, at a small cost for each.
            if head == waiting.count || head >= 64 {
                waiting.removeFirst(head)
                head = 0
            }
            return read
        }
    }

    private let depth: Int
    private let state = Mutex(State())
    /// One for each read that waits, so that as many threads wake up.
    private let readsToDo = DispatchSemaphore(value: 0)

    init(depth: Int) { self.depth = depth }

    func add(_ read: @escaping SpillReaders.Read) -> Bool {
        let isTaken = state.withLock { state in
            guard state.waiting.count - state.head < depth else { return false }
            state.waiting.append(read)
            return true
        }
        if isTaken { readsToDo.signal() }
        return isTaken
    }

    /// What a thread does until the queue is closed and empty.
    func work() {
        while let read = next() { read() }
        // So that the next thread sees it too.
        readsToDo.signal()
    }

    func close() {
        state.withLock { $0.isClosed = true }
        readsToDo.signal()
    }

    private func next() -> SpillReaders.Read? {
        while true {
            readsToDo.wait()
            let (read, isOver) = state.withLock { ($0.takeFirst(), $0.isClosed) }
            if read != nil || isOver { return read }
        }
    }
}
