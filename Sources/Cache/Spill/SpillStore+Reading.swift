internal import Dispatch
internal import Synchronization

extension SpillStore {
    /// The entry of a key, also one that is not written yet; nil when there is none, its life is
    /// over, or it cannot be had.
    ///
    /// A cancelled caller gets nil at once. A read under way while `remove` is called may find what
    /// was there before.
    ///
    /// - Parameter now: milliseconds since 1970.
    package func value(for key: [UInt8], at now: Int64) async -> SpilledEntry? {
        let entry: SpilledEntry?
        switch withState({ source(of: key, &$0) }) {
        case .queue(let found): entry = found.flatMap { $0.isExpired(at: now) ? nil : $0 }
        case .database(let database, let reader):
            entry = await read(key, at: now, from: database, on: reader)
        }
        withState { state in
            if entry == nil { state.status.misses += 1 } else { state.status.hits += 1 }
        }
        return entry
    }

    /// Where an entry is to be had.
    private enum Source {
        case queue(SpilledEntry?)
        case database(SpillDatabase, reader: Int)
    }

    private func source(of key: [UInt8], _ state: inout State) -> Source {
        if state.isClosed { return .queue(nil) }
        switch state.queue.result(for: key) {
        case .entry(let entry): return .queue(entry)
        case .nothing: return .queue(nil)
        case nil: break
        }
        guard let database = state.database else { return .queue(nil) }
        guard state.pendingReads < configuration.readDepth else {
            state.status.refusedReads += 1
            return .queue(nil)
        }
        state.pendingReads += 1
        state.nextReader = (state.nextReader + 1) % readers.count
        return .database(database, reader: state.nextReader)
    }

    private func read(
        _ key: [UInt8],
        at now: Int64,
        from database: SpillDatabase,
        on reader: Int
    ) async -> SpilledEntry? {
        let waiter = ReadWaiter()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                waiter.wait(continuation)
                readers[reader].async { [self] in
                    let entry = waiter.isDone ? nil : read(key, at: now, from: database)
                    withState { $0.pendingReads -= 1 }
                    waiter.finish(entry)
                }
            }
        } onCancel: {
            waiter.finish(nil)
        }
    }

    /// Runs on a reading thread.
    private func read(_ key: [UInt8], at now: Int64, from database: SpillDatabase)
        -> SpilledEntry?
    {
        do {
            guard let record = try database.record(for: key) else { return nil }
            if let entry = record.entry, !entry.isExpired(at: now) { return entry }
            discard(record)
        } catch {
            recordFailure(SpillError(error), of: database)
        }
        return nil
    }

    /// Has a row deleted that no read will want.
    private func discard(_ record: SpillDatabase.Record) {
        let start = withState { state in
            if record.entry == nil {
                state.status.damagedEntries += 1
            } else {
                state.status.expirations += 1
            }
            state.queue.discard(row: record.row, within: configuration)
            return nextDrain(&state)
        }
        start.map(plan)
    }
}

/// One caller waiting for a read: whoever comes first, the result or the cancellation, ends it.
private final class ReadWaiter: Sendable {
    private enum State {
        case starting
        case waiting(CheckedContinuation<SpilledEntry?, Never>)
        case done
    }

    private let state = Mutex(State.starting)

    var isDone: Bool {
        state.withLock { if case .done = $0 { true } else { false } }
    }

    func wait(_ continuation: CheckedContinuation<SpilledEntry?, Never>) {
        let isDone = state.withLock { state in
            if case .done = state { return true }
            state = .waiting(continuation)
            return false
        }
        if isDone { continuation.resume(returning: nil) }
    }

    func finish(_ entry: SpilledEntry?) {
        let continuation = state.withLock { state -> CheckedContinuation<SpilledEntry?, Never>? in
            defer { state = .done }
            if case .waiting(let continuation) = state { return continuation }
            return nil
        }
        continuation?.resume(returning: entry)
    }
}
