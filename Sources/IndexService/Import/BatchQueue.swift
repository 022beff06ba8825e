internal import Synchronization

/// Hands batches from the reader of an import to its writer, a bounded number at a time.
///
/// One task pushes, one takes; both wait without a thread. The continuations are resumed after the
/// lock is released.
final class BatchQueue: Sendable {
    /// Batches that may wait: 16 times 256 lines in one transaction.
    private static let capacity = 16

    /// What one turn of the writer came to.
    struct Stored: Sendable {
        let count: Int
        let refusals: [ImportRefusal]
    }

    private struct State {
        var batches: [[Importer.NumberedEntry]] = []
        var stored: [Stored] = []
        var isFinished = false
        var isAbandoned = false
        var waitingReader: CheckedContinuation<Void, Never>?
        var waitingWriter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    /// Adds a batch as soon as there is room; false once the writer has given up.
    func push(_ batch: [Importer.NumberedEntry]) async -> Bool {
        await withCheckedContinuation { continuation in
            let isRoom = state.withLock { state in
                if state.isAbandoned || state.batches.count < Self.capacity { return true }
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
            state.batches = []
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
