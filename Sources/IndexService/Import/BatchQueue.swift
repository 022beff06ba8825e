internal import Synchronization

/// Hands batches from the reader of an import to its writer, a bounded number at a time.
///
/// One task pushes, one takes; both wait without a thread. The continuations are resumed after the
/// lock is released.
final class BatchQueue: Sendable {
    /// Bytes of lines that may wait, the last batch not counted.
    private static let maximumBytes = 32 << 20

    /// What one turn of the writer came to.
    struct Stored: Sendable {
        let count: Int
        let refusals: [ImportRefusal]
    }

    private struct State {
        var batches: [[Importer.NumberedEntry]] = []
        var bytes = 0
        var stored: [Stored] = []
        var isFinished = false
        var isAbandoned = false
        var waitingReader: CheckedContinuation<Void, Never>?
        var waitingWriter: CheckedContinuation<Void, Never>?

        func hasRoom(_ capacity: Int) -> Bool {
            batches.count < capacity && bytes < BatchQueue.maximumBytes
        }
    }

    /// Batches that may wait, and so be in one transaction.
    private let capacity: Int
    private let state = Mutex(State())

    init(capacity: Int) {
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
            state.batches.append(batch)
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
                if state.isFinished || !state.batches.isEmpty { return true }
                state.waitingWriter = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
        let (batches, reader) = state.withLock { state in
            let batches = state.batches
            (state.batches, state.bytes) = ([], 0)
            return (batches, state.waitingReader.take())
        }
        reader?.resume()
        return batches.isEmpty ? nil : Array(batches.joined())
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
