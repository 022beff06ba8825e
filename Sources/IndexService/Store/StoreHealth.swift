internal import Cache
internal import GRDB
internal import Synchronization

/// What is known to be wrong with the store right now; the store's part of `/readyz`.
///
/// A failed write stays on record until a probe has written successfully: a store whose disk is
/// full reads on and looks healthy to anything that only reads. Damage stays until an examination
/// of the whole file, because a probe that reads one good page says nothing about the bad one; a
/// record that cannot be stays until the restart, because SQLite sees nothing wrong with it.
final class StoreHealth: Sendable {
    /// Damage that SQLite has reported, which a disk's read error is to it as well.
    struct Suspicion: Equatable {
        let error: StoreError
        /// Reports up to this one.
        let number: Int
    }

    private struct State {
        var writeFailure: StoreError?
        var damage: StoreError?
        var suspicion: Suspicion?
        var reports = 0
        /// When each of the running writes began, by number.
        var writes: [Int: MonotonicInstant] = [:]
        var lastWrite = 0
    }

    /// Nanoseconds; with the checks' period, within the two seconds in which a fall has to show.
    private static let longestWrite: UInt64 = 1_300_000_000

    private let state = Mutex(State())

    /// - Parameter cause: what the database layer threw.
    func record(_ error: StoreError, from cause: any Error) {
        let isReportOfSQLite = cause is DatabaseError
        state.withLock { state in
            switch error {
            case .corrupt where isReportOfSQLite:
                state.reports += 1
                state.suspicion = Suspicion(error: error, number: state.reports)
            case .corrupt: state.damage = error
            case .diskFull, .unwritable, .unreadable: state.writeFailure = error
            default: break
            }
        }
    }

    /// The damage that an examination may find to be none.
    var suspicion: Suspicion? { state.withLock(\.suspicion) }

    /// Drops a suspicion, unless there was another report since; false then.
    func clear(_ suspicion: Suspicion) -> Bool {
        state.withLock { state in
            guard state.suspicion == suspicion else { return false }
            state.suspicion = nil
            return true
        }
    }

    /// Notes a write for as long as `body` takes: one that hangs fails nowhere else.
    func noting<Output, Failure: Error>(
        _ body: () throws(Failure) -> Output
    ) throws(Failure) -> Output {
        let number = state.withLock { state in
            state.lastWrite += 1
            state.writes[state.lastWrite] = .now()
            return state.lastWrite
        }
        defer { state.withLock { $0.writes[number] = nil } }
        return try body()
    }

    /// When those writes began that have not ended.
    var writesBegan: [MonotonicInstant] { state.withLock { Array($0.writes.values) } }

    /// Whether one of them has taken so long that its disk counts as one that hangs.
    fileprivate var hasHangingWrite: Bool {
        let now = MonotonicInstant.now()
        return writesBegan.contains { $0.advanced(by: Self.longestWrite) < now }
    }

    fileprivate var knownFailure: StoreError? {
        state.withLock { $0.damage ?? $0.suspicion?.error ?? $0.writeFailure }
    }

    fileprivate var hasWriteFailure: Bool {
        state.withLock { $0.writeFailure != nil }
    }

    fileprivate func writeSucceeded() {
        state.withLock { $0.writeFailure = nil }
    }
}

extension IndexStore {
    /// Checks the store by using it; nil when all is well.
    ///
    /// A real read, room on the disk, no write that has run for over 1.3 seconds, and, after a
    /// failed write, a real write. Blocks.
    package func probe(at now: UnixTime) -> StoreError? {
        do throws(StoreError) {
            _ = try read { try Int64.fetchOne($0.cachedStatement(.probeRead)) }
            if let failure = directoryFailure { throw failure }
            // Before the check's own write, which would hang behind it.
            if health.hasHangingWrite { throw .late }
            if health.hasWriteFailure {
                try write { try $0.cachedStatement(.probeWrite).execute(arguments: [now.seconds]) }
                health.writeSucceeded()
            }
            return health.knownFailure
        } catch {
            return error
        }
    }

    /// What is wrong with the place of the database, as far as the system says.
    var directoryFailure: StoreError? {
        guard let directory else { return nil }
        if !directory.isWritable {
            return .unwritable("the database or its lock is gone, replaced, or not writable")
        }
        if let free = directory.freeBytes, free < configuration.minimumFreeBytes {
            return .diskFull
        }
        return nil
    }
}
