internal import Dispatch
internal import Waiting

/// What a look into the spill came to.
package enum SpillLookup: Equatable, Sendable {
    case found(SpilledEntry)
    /// There is none, or its life is over.
    case nothing
    /// It is not known: the disk failed or took too long, or too many reads were waiting.
    case failed

    package var entry: SpilledEntry? {
        if case .found(let entry) = self { entry } else { nil }
    }
}

extension SpillStore {
    /// The entry of a key, also one that is not written yet; nil when there is none, its life is
    /// over, or it cannot be had.
    ///
    /// - Parameter now: milliseconds since 1970.
    package func value(for key: [UInt8], at now: Int64) async -> SpilledEntry? {
        await lookUp(key, at: now).entry
    }

    /// Looks for the entry of a key, also one that is not written yet.
    ///
    /// A cancelled caller is told `failed` at once. A read under way while `remove` is called may
    /// find what was there before.
    ///
    /// - Parameters:
    ///   - now: milliseconds since 1970.
    ///   - patience: milliseconds after which the caller is told `failed`; nil waits for the disk.
    package func lookUp(
        _ key: [UInt8],
        at now: Int64,
        within patience: Int? = nil
    ) async -> SpillLookup {
        var result: SpillLookup
        switch withState({ source(of: key, &$0) }) {
        case .known(let known): result = known
        case .database(let database):
            result = await read(key, at: now, from: database, within: patience)
        }
        if let entry = result.entry, entry.isExpired(at: now) { result = .nothing }
        withState { state in
            if result.entry == nil { state.status.misses += 1 } else { state.status.hits += 1 }
        }
        return result
    }

    /// Where an entry is to be had.
    private enum Source {
        case known(SpillLookup)
        case database(SpillDatabase)
    }

    private func source(of key: [UInt8], _ state: inout State) -> Source {
        if state.isClosed { return .known(.failed) }
        switch state.queue.result(for: key) {
        case .entry(let entry): return .known(.found(entry))
        case .nothing: return .known(.nothing)
        case nil: break
        }
        return state.database.map(Source.database) ?? .known(.failed)
    }

    private func read(
        _ key: [UInt8],
        at now: Int64,
        from database: SpillDatabase,
        within patience: Int?
    ) async -> SpillLookup {
        let waiter = Waiter<SpillLookup>()
        let number = patience.map { patience in
            timer.enter(for: .milliseconds(max(1, patience))) { [self] in
                waiter.finish(.failed) { withState { $0.status.lateReads += 1 } }
            }
        }
        defer { number.map(timer.leave) }
        return await waiter.value(whenCancelled: .failed) {
            let isTaken = readers.submit { [self] in
                if !waiter.isDone { waiter.finish(read(key, at: now, from: database)) }
            }
            guard !isTaken else { return }
            waiter.finish(.failed) { withState { $0.status.refusedReads += 1 } }
        }
    }

    /// Runs on a reading thread.
    private func read(_ key: [UInt8], at now: Int64, from database: SpillDatabase)
        -> SpillLookup
    {
        do {
            guard let record = try database.record(for: key) else { return .nothing }
            if let entry = record.entry, !entry.isExpired(at: now) { return .found(entry) }
            discard(record)
            return .nothing
        } catch {
            recordFailure(SpillError(error), of: database)
            return .failed
        }
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
