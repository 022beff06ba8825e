// All of this runs on the writing thread, but for the opening.
extension SpillStore {
    /// Writes a batch, and plans the next one if there is something left.
    func drain(_ number: Int) {
        let isDue = withState { state in
            guard state.drainNumber == number, !state.isClosed else { return false }
            state.drain = .idle
            return state.status.isHealthy || !state.isRetryPlanned
        }
        if isDue { writeAndPlan() }
    }

    private func writeAndPlan() {
        writeBatch()
        withState { nextDrain(&$0) }.map(plan)
    }

    /// Writes what is in the queue now; a failure ends it.
    func drainCompletely() {
        var left = withState { $0.queue.waiting.operations.count }
        repeat {
            left -= configuration.batchSize
            guard writeBatch() else { return }
        } while left > 0
    }

    /// Whether the disk does what it should again; if so, what has waited is written.
    func retry() {
        let isAnewDue = withState { state -> Bool? in
            state.isRetryPlanned = false
            return state.isClosed ? nil : state.queue.waiting.removesEverything
        }
        guard let isAnewDue else { return }
        // A full disk refuses the probe, yet a file can be deleted on it.
        if isAnewDue || perform({ try $0.probe() }) { writeAndPlan() }
    }

    func replaceLostFile() {
        let database = withState { state in
            state.isCheckPlanned = false
            return state.isClosed ? nil : state.database
        }
        guard let database, !files.isDatabaseInPlace else { return }
        recordFailure(.damaged("its file was taken away"), of: database)
    }

    /// Gives the disk's last room to others, and begins anew when there is twice as much.
    func leaveRoom() {
        let least = configuration.minimumFreeBytes
        guard least > 0, let free = files.freeBytes else { return }
        let start = withState { state -> DrainPlan? in
            let wasShort = state.status.isShortOfRoom
            state.status.isShortOfRoom = free < least || wasShort && free / 2 < least
            guard state.status.isShortOfRoom, !wasShort, !state.isClosed else { return nil }
            state.queue.removeEverything()
            return nextDrain(&state)
        }
        start.map(plan)
    }

    func finish() {
        drainCompletely()
        let (database, isUseless) = withState { state in
            defer { state.database = nil }
            state.status.isHealthy = false
            return (state.database, state.queue.waiting.removesEverything)
        }
        do {
            if isUseless {
                try database?.close()
                try files.delete()
            } else {
                try database?.closeCleanly()
            }
        } catch {
            // Not marked as complete; the next start decides what that means.
            record(SpillError(error))
            try? database?.close()
        }
        files.unlock()
    }

    /// Writes one batch and makes room for it; false when that failed.
    @discardableResult
    private func writeBatch() -> Bool {
        let batch = withState { $0.queue.take(configuration.batchSize) }
        guard !batch.isEmpty else { return true }
        if batch.removesEverything && !startAnew() {
            abandon(batch)
            return false
        }
        let isWritten = perform { try $0.write(batch) }
        if isWritten {
            withState { state in
                state.queue.finish()
                state.status.written += batch.entryCount
            }
            return maintain()
        }
        abandon(batch)
        return false
    }

    /// Gives a batch up; what it was to remove goes together with everything else.
    private func abandon(_ batch: SpillQueue.Layer) {
        withState { state in
            if batch.containsRemovals { state.queue.removeOlder() }
            state.queue.finish()
            state.status.lostEntries += batch.entryCount
        }
    }

    /// Evicts and shrinks until the bounds hold, in transactions of at most a batch each.
    @discardableResult
    func maintain() -> Bool {
        while true {
            let (used, free) = withState { ($0.status.bytes, $0.freeBytes) }
            let excess = used - configuration.roomForEntries
            if excess > 0 {
                let before = withState { $0.status.entries }
                guard perform({ try $0.evict(bytes: excess, limit: configuration.batchSize) })
                else { return false }
                let evicted = withState { state in
                    let evicted = before - state.status.entries
                    state.status.evictions += evicted
                    return evicted
                }
                if evicted > 0 { continue }
            }
            guard free > configuration.roomForSlack else { return true }
            let pages = (free - configuration.roomForSlack / 2) / SpillDatabase.pageSize
            let step = max(1, min(pages, configuration.batchSize))
            guard perform({ try $0.shrink(pages: step) }) else { return false }
            // A file that does not get smaller is left as it is.
            if withState({ $0.freeBytes }) >= free { return true }
        }
    }

    /// Does something to the database, and notes how that went.
    private func perform(_ body: (SpillDatabase) throws -> SpillDatabase.Size) -> Bool {
        guard let database = withState({ $0.database }) ?? openDatabase() else { return false }
        do {
            let size = try body(database)
            withState { state in
                state.apply(size)
                state.status.isHealthy = true
            }
            return true
        } catch {
            recordFailure(SpillError(error), of: database)
            return false
        }
    }

    /// Opens the database; makes it anew when it is damaged.
    @discardableResult
    func openDatabase() -> SpillDatabase? {
        do throws(SpillError) {
            return try tryOpening()
        } catch {
            record(error)
            if case .damaged = error, startAnew() { return withState { $0.database } }
            planRetry()
            return nil
        }
    }

    private func tryOpening() throws(SpillError) -> SpillDatabase {
        try files.claim()
        do {
            let path = files.databasePath
            let database = try SpillDatabase(path: path, configuration: configuration)
            let size = try database.probe()
            withState { state in
                state.database = database
                state.apply(size)
                state.status.isHealthy = true
            }
            return database
        } catch {
            throw SpillError(error)
        }
    }

    /// Closes, deletes and opens the database; false when that did not work.
    private func startAnew() -> Bool {
        do throws(SpillError) {
            // A connection left open would later delete the log of the new file, by its name.
            do { try withState { $0.database }?.close() } catch { throw SpillError(error) }
            withState { state in
                state.database = nil
                state.apply(SpillDatabase.Size())
            }
            try files.delete()
            _ = try tryOpening()
            return true
        } catch {
            record(error)
            planRetry()
            return false
        }
    }

    /// Notes a failure; after damage the database is made anew as soon as the writer gets to it.
    func recordFailure(_ error: SpillError, of database: SpillDatabase) {
        // A reader may be late with news of a file that is gone.
        guard withState({ $0.database === database }) else { return }
        record(error)
        guard case .damaged = error else {
            planRetry()
            return
        }
        let start = withState { state in
            state.queue.removeOlder()
            return nextDrain(&state)
        }
        start.map(plan)
    }

    private func record(_ error: SpillError) {
        withState { state in
            state.status.failures += 1
            state.status.lastError = error.message
            state.status.isHealthy = false
            if case .damaged = error { state.status.rebuilds += 1 }
        }
    }
}

extension SpillStore.State {
    mutating func apply(_ size: SpillDatabase.Size) {
        status.entries = size.entries
        status.bytes = size.usedBytes
        freeBytes = size.freeBytes
    }
}
