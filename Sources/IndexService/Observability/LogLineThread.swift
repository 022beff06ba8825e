internal import Dispatch
internal import Foundation
internal import Synchronization
internal import Waiting

/// The thread that writes a log's lines, so that only it waits for a slow reader.
///
/// It begins with the first line and ends, once everything is written, after `close`.
final class LogLineThread: Sendable {
    private struct State {
        var queue: LogLineQueue
        var isStarted = false
        var isAsleep = false
        var isClosed = false
        /// Who waits, and for how many finished entries.
        var waiters: [(count: UInt64, signal: DispatchSemaphore)] = []
    }

    private let systemWrite: LogLineWriter.SystemWrite
    private let lossNotice: LogLineWriter.LossNotice?
    private let state: Mutex<State>
    private let wake = DispatchSemaphore(value: 0)
    private let lost = Atomic<UInt64>(0)

    init(
        _ systemWrite: @escaping LogLineWriter.SystemWrite,
        limits: LogLineWriter.Limits,
        lossNotice: LogLineWriter.LossNotice?
    ) {
        self.systemWrite = systemWrite
        self.lossNotice = lossNotice
        state = Mutex(State(queue: LogLineQueue(limits: limits)))
    }

    var droppedLines: UInt64 { lost.load(ordering: .relaxed) }

    /// Leaves a line to the thread; never waits for it.
    func enqueue(_ line: [UInt8]) {
        let (isAccepted, starts, wakes) = state.withLock { state in
            let isAccepted = state.queue.offer(line)
            defer { (state.isStarted, state.isAsleep) = (true, false) }
            return (isAccepted, !state.isStarted, state.isAsleep)
        }
        if !isAccepted { lost.wrappingAdd(1, ordering: .relaxed) }
        if starts { start() }
        if wakes { wake.signal() }
    }

    /// Waits until all that was enqueued before is written or lost; false when it takes longer.
    func flush(within limit: Duration) -> Bool {
        let signal: DispatchSemaphore? = state.withLock { state in
            guard state.queue.finished < state.queue.accepted else { return nil }
            let signal = DispatchSemaphore(value: 0)
            state.waiters.append((state.queue.accepted, signal))
            return signal
        }
        guard let signal else { return true }
        if signal.wait(timeout: .now() + limit.dispatchInterval) == .success { return true }
        state.withLock { $0.waiters.removeAll { $0.signal === signal } }
        return false
    }

    /// No more lines come.
    func close() {
        let wakes = state.withLock { state in
            defer { (state.isClosed, state.isAsleep) = (true, false) }
            return state.isAsleep
        }
        if wakes { wake.signal() }
    }

    private func start() {
        let thread = Thread { self.run() }
        thread.name = "log"
        thread.start()
    }

    private func run() {
        var output = LogLineOutput(systemWrite, lossNotice: lossNotice)
        while let entries = next() {
            for entry in entries {
                let count = output.write(entry)
                if count > 0 { lost.wrappingAdd(count, ordering: .relaxed) }
                finish(entry)
            }
            if entries.isEmpty { wake.wait() }
        }
    }

    /// What waits to be written; nothing when it is time to sleep, nil when it is time to end.
    private func next() -> [LogLineQueue.Entry]? {
        state.withLock { state in
            let entries = state.queue.takeAll()
            if entries.isEmpty {
                if state.isClosed { return nil }
                state.isAsleep = true
            }
            return entries
        }
    }

    private func finish(_ entry: LogLineQueue.Entry) {
        state.withLock { state in
            state.queue.finish(entry)
            let finished = state.queue.finished
            guard state.waiters.contains(where: { $0.count <= finished }) else { return }
            for waiter in state.waiters where waiter.count <= finished { waiter.signal.signal() }
            state.waiters.removeAll { $0.count <= finished }
        }
    }
}
