internal import Synchronization

/// Hands batches from the reader of an import to its writer, a bounded number at a time.
///
/// One task pushes, one takes; both wait without a thread. The continuations are resumed after the
/// lock is released.
final class BatchQueue: Sendable {
    /// What one turn of the writer came to.
    struct Stored: Sendable {
        let count: Int
        let refusals: [ImportRefusal]
    }

    private struct State {
        /// Of all batches that wait, in order.
        var entries: [Importer.NumberedEntry] = []
        var batches = 0
        var bytes = 0
        var stored: [Stored] = []
        var isFinished = false
        var isAbandoned = false
        var waitingReader: CheckedContinuation<Void, Never>?
        var waitingWriter: CheckedContinuation<Void, Never>?

        func hasRoom(_ capacity: Importer.Capacity) -> Bool {
            batches < capacity.batches && bytes < capacity.bytes
        }
    }

    /// What may wait, and so be in one transaction.
    private let capacity: Importer.Capacity
    private let state = Mutex(State())

    init(capacity: Importer.Capacity) {
        self.capacity = capacity
    }

    /// Adds a batch of so many bytes of lines as soon as there is room; false once the writer has
    /// given up.
    func push(_ batch: [Importer.NumberedEntry], bytes: Int) async -> Bool {
        await withCheckedContinuation { continuation in
            let isRoom = state.withLock { state in
                if state.isAbandoned || state.hasRoom(capacity) { return true }
                state.waitingReader = continuation
                return false
            }
            if isRoom { continuation.resume() }
        }
        let (isTaken, writer) = state.withLock { state in
            guard !state.isAbandoned else {
                return (false, nil as CheckedContinuation<Void, Never>?)
            }
            state.entries += batch
            state.batches += 1
            state.bytes += bytes
            return (true, state.waitingWriter.take())
        }
        writer?.resume()
        return isTaken
    }

    /// All that waits, in order, as one; nil after the last.
    func takeAll() async -> [Importer.NumberedEntry]? {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if state.isFinished || state.batches > 0 { return true }
                state.waitingWriter = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
        let (entries, isEnd, reader) = state.withLock { state in
            let isEnd = state.batches == 0
            let entries = state.entries
            (state.entries, state.batches, state.bytes) = ([], 0, 0)
            return (entries, isEnd, state.waitingReader.take())
        }
        reader?.resume()
        return isEnd ? nil : entries
    }

    func didStore(_ count: Int, refusals: [ImportRefusal]) {
        state.withLock { $0.stored.append(Stored(count: count, refusals: refusals)) }
    }

    /// What was stored since the last call.
    func takeStored() -> [Stored] {
        state.withLock { state in
            defer { state.stored = [] }
            return state.stored
        }
    }

    /// Whether the writer has given up.
    var isAbandoned: Bool { state.withLock(\.isAbandoned) }

    /// There is nothing more to come.
    func finish() {
        let writer = state.withLock { state in
            state.isFinished = true
            return state.waitingWriter.take()
        }
        writer?.resume()
    }

    /// The writer failed: nothing more is taken.
    func abandon() {
        let reader = state.withLock { state in
            state.isAbandoned = true
            return state.waitingReader.take()
        }
        reader?.resume()
    }
}
