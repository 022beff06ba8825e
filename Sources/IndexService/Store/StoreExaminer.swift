internal import Cache
internal import Dispatch
internal import GRDB
internal import Synchronization
internal import Waiting

/// Reads a whole database to find out whether it is sound, on a thread and a connection of its own.
///
/// Own pages in memory, too: what a reader has may be of the moment at which the disk failed.
final class StoreExaminer: Sendable {
    private struct State {
        /// The connection of the examination that runs.
        var connection: DatabaseQueue?
        var isClosed = false
    }

    private let path: String
    private let thread = DispatchQueue(label: "index.examiner")
    private let timer = DispatchQueue(label: "index.examiner.timer")
    private let state = Mutex(State())

    init(path: String) {
        self.path = path
    }

    /// Whether every page, row and index of the database is as it should be.
    ///
    /// While it reads, the write-ahead log cannot begin anew.
    ///
    /// - Parameters:
    ///   - patience: when to stop, with nothing proved; a disk that hangs is waited for.
    ///   - done: what to do, on the thread, where it is.
    /// - Returns: false also when that could not be found out, and at once for who is cancelled.
    func provesSound(
        within patience: Duration,
        then done: @escaping @Sendable () -> Void
    ) async -> Bool {
        let waiter = Waiter<Bool>()
        return await waiter.value(whenCancelled: false) {
            thread.async { [self] in
                let isSound = (try? examine(within: patience)) ?? false
                if isSound { done() }
                waiter.finish(isSound)
            }
        }
    }

    /// Ends an examination that runs, and waits for its end; there is none after it.
    func close() {
        state.withLock { $0.isClosed = true }
        let isOver = DispatchSemaphore(value: 0)
        thread.async { isOver.signal() }
        // Again and again: what has not begun to read cannot be interrupted.
        repeat {
            state.withLock { $0.connection }?.interrupt()
        } while isOver.wait(timeout: .now() + .milliseconds(10)) == .timedOut
    }

    private func examine(within patience: Duration) throws -> Bool {
        var options = GRDB.Configuration()
        options.label = "index: examination"
        options.readonly = true
        options.prepareDatabase { try $0.execute(sql: "PRAGMA mmap_size = 0") }
        let connection = try DatabaseQueue(path: path, configuration: options)
        defer { try? connection.close() }
        let isWanted = state.withLock { state in
            if !state.isClosed { state.connection = connection }
            return !state.isClosed
        }
        guard isWanted else { return false }
        defer { state.withLock { $0.connection = nil } }
        let end = DispatchTime.now() + patience.dispatchInterval
        timer.asyncAfter(deadline: end) { [weak self, weak connection] in
            guard let self, let connection else { return }
            // An interruption is for the statement that runs, and there is only this one.
            if state.withLock({ $0.connection === connection }) { connection.interrupt() }
        }
        let findings = try connection.read { database in
            try String.fetchAll(database, sql: "PRAGMA integrity_check(1)")
        }
        return findings == ["ok"]
    }
}

extension IndexStore {
    /// Examines the store if SQLite has found it damaged, and forgets of that if it proves sound.
    ///
    /// - Returns: whether it did; nil when there was nothing to examine.
    func examine(within patience: Duration) async -> Bool? {
        guard let examiner, let suspicion = health.suspicion else { return nil }
        let isSound = await examiner.provesSound(within: patience) { [self] in
            // Pages that were read while the disk failed are read again.
            forgetPages()
        }
        return isSound && health.clear(suspicion)
    }
}
