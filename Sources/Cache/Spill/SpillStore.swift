internal import Dispatch
internal import Synchronization
internal import Waiting

/// The second-level cache on disk: fed by what the RAM cache evicts, and never the truth.
///
/// Losing it loses nothing but time, so that nothing here throws and nothing waits for a write:
/// what goes wrong is counted in `status`, and looks like a miss. After a failure the disk is tried
/// again by itself, every `retryDelay`; until then what was put waits in the queue, and is read
/// from there.
///
/// Removals are kept: where one cannot be written, the whole file is distrusted and made anew
/// before it is read again. A machine that stops without closing the store makes it start empty.
/// What cannot be kept is a removal that found the disk read-only when the process ended: set
/// `startsEmpty` where entries may have changed in the meantime.
///
/// SQLite runs on threads of the store's own, never on the caller's but for the opening.
package final class SpillStore: Sendable {
    /// Everything that changes; one mutex, under which nothing foreign runs.
    struct State {
        var queue = SpillQueue()
        var database: SpillDatabase?
        var status = SpillStatus()
        /// Free pages of the file, in bytes.
        var freeBytes = 0
        var drain = Drain.idle
        /// Tells the planned drain from earlier ones, which do nothing when their time comes.
        var drainNumber = 0
        /// Whether a try of the failed database is on its way.
        var isRetryPlanned = false
        /// Whether a look at the files is on its way.
        var isCheckPlanned = false
        var isClosed = false
    }

    /// When the queue is next written.
    enum Drain { case idle, soon, now }

    struct DrainPlan {
        let isImmediate: Bool
        let number: Int
    }

    let configuration: SpillConfiguration
    let files: SpillFiles
    let writer = DispatchQueue(label: "spill.writer")
    let readers: SpillReaders
    /// Where the patience of readers ends: nothing here ever waits for the disk.
    let timer = PatienceTimer(label: "spill.timer")
    private let state = Mutex(State())

    /// Opens the spill in a directory, or starts anew; blocks.
    ///
    /// A file that is damaged is deleted and counted. Where the directory cannot be used the store
    /// is unhealthy, and tries again.
    package init(directory: String, configuration: SpillConfiguration) {
        self.configuration = configuration
        files = SpillFiles(
            directory: directory,
            makesDirectory: configuration.makesDirectory
        )
        readers = SpillReaders(count: configuration.readers, depth: configuration.readDepth)
        let isTrusted = !configuration.startsEmpty || (try? files.delete()) != nil
        openDatabase()
        if isTrusted { maintain() } else { removeAll() }
    }

    package var status: SpillStatus {
        withState { state in
            var status = state.status
            status.queued = state.queue.count
            status.queuedBytes = state.queue.bytes
            return status
        }
    }

    /// Keeps an entry; returns at once, with false when it was dropped.
    ///
    /// That is so when the queue or the disk is full or the entry too large: then an older entry of
    /// the key may stay, with its own life.
    @discardableResult
    package func put(_ entry: SpilledEntry, for key: [UInt8]) -> Bool {
        let (isTaken, start) = withState { state -> (Bool, DrainPlan?) in
            guard !state.isClosed, !state.status.isShortOfRoom,
                state.queue.put(key, entry, within: configuration)
            else {
                state.status.dropped += 1
                return (false, nil)
            }
            return (true, nextDrain(&state))
        }
        start.map(plan)
        return isTaken
    }

    /// Removes keys; none of them is found any more by reads that start after this returns, unless
    /// it is put again.
    package func remove(_ keys: some Sequence<[UInt8]>) {
        let start = withState { state -> DrainPlan? in
            if state.isClosed { return nil }
            for key in keys { state.queue.remove(key, within: configuration) }
            return nextDrain(&state)
        }
        start.map(plan)
    }

    /// Removes everything, by making the file anew: as quick for a large one as for a small one.
    package func removeAll() {
        let start = withState { state -> DrainPlan? in
            if state.isClosed { return nil }
            state.queue.removeEverything()
            return nextDrain(&state)
        }
        start.map(plan)
    }

    /// Has the file made anew when somebody took it away, for what is open then can be found by
    /// nobody and still takes room; and has it emptied while the disk is short of room.
    package func checkFiles() {
        let isPlanned = withState { state in
            guard !state.isClosed, !state.isCheckPlanned else { return false }
            state.isCheckPlanned = true
            return true
        }
        guard isPlanned else { return }
        writer.async { [weak self] in
            self?.replaceLostFile()
            self?.leaveRoom()
        }
    }

    /// Returns when all that was put and removed before is written, or has failed to be.
    package func flush() async {
        _ = await onWriter { $0.drainCompletely() }
    }

    /// Writes what waits, folds the log into the file and lets go of it; the store is of no use
    /// afterwards.
    ///
    /// - Parameter patience: after which a disk that hangs is left to itself, so that the next
    ///   start begins empty; nil waits for it.
    /// - Returns: false when that was so.
    @discardableResult
    package func close(within patience: Duration? = nil) async -> Bool {
        withState { $0.isClosed = true }
        return await onWriter(within: patience) { $0.finish() }
    }

    private func onWriter(
        within patience: Duration? = nil,
        _ body: @escaping @Sendable (SpillStore) -> Void
    ) async -> Bool {
        let waiter = Waiter<Bool>()
        return await waiter.value {
            if let patience { waiter.finish(false, after: patience) }
            writer.async {
                body(self)
                waiter.finish(true)
            }
        }
    }

    /// The one function that takes the lock.
    func withState<Output: Sendable>(_ body: (inout State) -> sending Output) -> sending Output {
        state.withLock { body(&$0) }
    }
}

// When to write.
extension SpillStore {
    /// The drain to plan after a change of the queue, if it is not planned yet.
    func nextDrain(_ state: inout State) -> DrainPlan? {
        // After a failure it is the retry that writes.
        guard state.status.isHealthy || !state.isRetryPlanned else { return nil }
        let waiting = state.queue.waiting
        guard !waiting.isEmpty, !state.isClosed else { return nil }
        let isDue =
            waiting.operations.count >= configuration.batchSize || waiting.removesEverything
        switch (state.drain, isDue) {
        case (.now, _), (.soon, false): return nil
        case (.idle, _), (.soon, true): break
        }
        state.drain = isDue ? .now : .soon
        state.drainNumber += 1
        return DrainPlan(isImmediate: isDue, number: state.drainNumber)
    }

    func plan(_ drain: DrainPlan) {
        let delay = drain.isImmediate ? 0 : configuration.batchDelay
        writer.asyncAfter(deadline: .now() + .milliseconds(delay)) { [weak self] in
            self?.drain(drain.number)
        }
    }

    /// Tries the database again after a pause, unless that is planned already.
    func planRetry() {
        let isPlanned = withState { state in
            if state.isRetryPlanned || state.isClosed { return true }
            state.isRetryPlanned = true
            return false
        }
        guard !isPlanned else { return }
        let deadline = DispatchTime.now() + .milliseconds(configuration.retryDelay)
        writer.asyncAfter(deadline: deadline) { [weak self] in self?.retry() }
    }
}
