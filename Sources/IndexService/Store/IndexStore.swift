internal import Dispatch
internal import GRDB
internal import Spill
internal import Waiting

/// The authoritative tables of this instance: names, manifests, announced providers, in SQLite.
///
/// A write is acknowledged after its transaction has been committed to the write-ahead log, so it
/// survives the end of the process however that comes; what a power cut may take is decided by
/// `Durability`. The synchronous methods block: async code goes through `reading` and `writing`,
/// which run on threads of the store's own, never on an event loop or the cooperative pool.
package final class IndexStore: Sendable {
    /// What a committed transaction waits for.
    package enum Durability: String, Sendable {
        /// `fsync` on every commit: a power cut takes nothing that was acknowledged.
        case full
        /// `fsync` at checkpoints: a power cut may take the last transactions, never half of one.
        case normal
    }

    package struct Configuration: Sendable {
        package var durability: Durability = .full
        /// SQLite's page cache over all connections, in bytes.
        package var pageCacheBytes: Int = 32 << 20
        /// Threads and connections that read at once.
        package var readers: Int = 2
        /// The longest that anybody waits for a read.
        package var readPatience: Duration = .seconds(1)
        /// Reads that may wait for a thread, and writes; one more is refused.
        package var readDepth = 16_384
        package var writeDepth = 1024
        package var maximumProvidersPerContentID: Int = 1000
        /// Pages in the write-ahead log at which a commit folds it into the database.
        package var checkpointPages = 1000
        /// What the write-ahead log keeps of its file when it begins anew, in bytes.
        package var keptLogBytes = 64 << 20
        /// Below this much room on the disk the store counts as failing.
        package var minimumFreeBytes: Int64 = 4 << 20

        package init() {}
    }

    /// As of now; a reload changes its limits.
    var configuration: Configuration { live.current }
    private let live: LiveValue<Configuration>
    let directory: StoreDirectory?
    let health = StoreHealth()
    /// Nil in memory, which no disk can fail.
    let examiner: StoreExaminer?
    private let database: any DatabaseWriter
    private let readThreads: DatabaseThreads
    private let writeThread: DatabaseThreads

    /// Opens the store in directory `path`; nil keeps it in memory.
    ///
    /// - Parameter creating: whether to make a store that is missing; else `StoreError.missing`.
    /// - Throws: `StoreError.foreign`, before anything is changed, when the file is another
    ///   program's.
    package init(
        path: String?,
        configuration: Configuration,
        creating: Bool = true
    ) throws(StoreError) {
        live = LiveValue(configuration)
        directory = try path.map { path throws(StoreError) in
            try StoreDirectory(claiming: path, creating: creating)
        }
        ProcessOwnership.require()
        do {
            if let directory {
                try DatabaseOwnership.require(at: directory.databasePath)
                try directory.adopt()
            }
            database = try Self.openDatabase(at: directory?.databasePath, configuration)
            try Self.migrate(database)
            directory?.databaseIsOpen()
        } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
            // Nobody in this process has it open yet.
            throw StoreError.inUse(processID: nil)
        } catch {
            throw StoreError(error, in: directory)
        }
        examiner = directory.map { StoreExaminer(path: $0.databasePath) }
        readThreads = DatabaseThreads(
            count: configuration.readers,
            depth: configuration.readDepth
        )
        writeThread = DatabaseThreads(count: 1, depth: configuration.writeDepth)
    }

    /// Changes the limits of what is stored; the rest of the configuration is that of the opening.
    package func change(to limits: Configuration) {
        var changed = live.current
        changed.maximumProvidersPerContentID = limits.maximumProvidersPerContentID
        changed.minimumFreeBytes = limits.minimumFreeBytes
        changed.readPatience = limits.readPatience
        live.replace(with: changed)
    }

    /// Whether users other than the store's own may look into its directory.
    package var isOpenToOthers: Bool { directory?.isOpenToOthers ?? false }

    /// Waits for running work, folds the write-ahead log into the database and lets go of the lock.
    ///
    /// - Parameter patience: after which a disk that hangs is left to itself; nil waits for it.
    ///   Nothing acknowledged is lost, for the next start reads the log.
    /// - Throws: `StoreError.late` after that.
    package func close(within patience: Duration? = nil) async throws(StoreError) {
        let waiter = Waiter<Result<Void, StoreError>>()
        let result = await waiter.value {
            if let patience { waiter.finish(.failure(.late), after: patience) }
            // A thread that is allowed to hang.
            DispatchQueue(label: "index.closing").async { [self] in
                waiter.finish(Result { try closeFiles() }.mapError { StoreError($0) })
            }
        }
        try result.get()
    }

    private func closeFiles() throws {
        examiner?.close()
        try readThreads.shutDown()
        let isFolded = DispatchSemaphore(value: 0)
        // Behind all the writes that wait. Closing does not do it: the writer is closed first, and
        // readers cannot write the file. Where it fails nothing is lost, for the next start reads
        // the log.
        writeThread.afterAll { [self] in
            try? foldLog()
            isFolded.signal()
        }
        isFolded.wait()
        try writeThread.shutDown()
        if directory == nil { try? database.writeWithoutTransaction(IndexSchema.erase) }
        try database.close()
        directory?.unlock()
    }

    private func foldLog() throws {
        guard directory != nil else { return }
        _ = try database.writeWithoutTransaction { try $0.checkpoint(.truncate) }
    }

    /// Runs a blocking read on a thread of the store's own.
    ///
    /// - Parameters:
    ///   - patience: the longest to wait for it; nil is the store's own.
    ///   - isAhead: whether it goes before all that waits, which is for one look now and then.
    /// - Throws: `StoreError.late` after that, and the thread ends the read for nobody; `crowded`
    ///   when too many were before it.
    package func reading<Output: Sendable>(
        within patience: Duration? = nil,
        ahead isAhead: Bool = false,
        _ body: @escaping @Sendable (IndexStore) throws -> Output
    ) async throws(StoreError) -> Output {
        let patience = patience ?? configuration.readPatience
        return try await readThreads.read(within: patience, ahead: isAhead) { try body(self) }
    }

    /// Runs a blocking write on the store's one writing thread; its end is waited for.
    package func writing<Output: Sendable>(
        _ body: @escaping @Sendable (IndexStore) throws -> Output
    ) async throws(StoreError) -> Output {
        try await writing(unless: nil, leavingWhenCancelled: false, body)
    }

    /// The same for callers who may leave before it has begun, or before it has ended.
    ///
    /// - Parameters:
    ///   - withdrawal: takes it back as long as it has not begun.
    ///   - leaves: whether a caller who is cancelled does not wait for its end.
    /// - Throws: `StoreError.late` from `giveUpWrites` on.
    func writing<Output: Sendable>(
        unless withdrawal: Withdrawal? = nil,
        leavingWhenCancelled leaves: Bool = false,
        _ body: @escaping @Sendable (IndexStore) throws -> Output
    ) async throws(StoreError) -> Output {
        try await writeThread.write(unless: withdrawal, leavingWhenCancelled: leaves) {
            try body(self)
        }
    }

    /// Ends every wait for a write, whether or not it has begun, and takes no more: for the stop,
    /// which a disk that hangs must not hold up.
    func giveUpWrites() {
        writeThread.giveUpWrites()
    }

    /// Reads that wait for a thread, those whose callers have left included.
    var waitingReads: Int { readThreads.waitingCount }
    /// The same of writes.
    var waitingWrites: Int { writeThread.waitingCount }

    /// One consistent read; errors of the database come out sorted and leave their mark on
    /// `health`.
    func read<Output>(_ body: (Database) throws -> Output) throws(StoreError) -> Output {
        do {
            return try database.read(body)
        } catch {
            throw record(StoreError(error, in: directory).ofRead, from: error)
        }
    }

    /// One transaction: all of it is committed when this returns, none of it when it throws.
    ///
    /// - Throws: before anything is tried, `StoreError.diskFull` when there is less room on the
    ///   disk than the configuration wants kept, and `StoreError.unwritable` when the directory is
    ///   gone or read-only: a write into open files that nobody can find again must not be
    ///   acknowledged.
    func write<Output>(_ body: (Database) throws -> Output) throws(StoreError) -> Output {
        try health.noting { () throws(StoreError) in
            if let failure = directoryFailure { throw record(failure, from: failure) }
            do {
                return try database.write(body)
            } catch {
                throw record(StoreError(error, in: directory), from: error)
            }
        }
    }

    private func record(_ error: StoreError, from cause: any Error) -> StoreError {
        health.record(error, from: cause)
        return error
    }

    /// Has every page read from the disk again; blocks until nobody uses one.
    func forgetPages() {
        (database as? DatabasePool)?.releaseMemory()
    }

    private static func openDatabase(
        at path: String?,
        _ configuration: Configuration
    ) throws -> any DatabaseWriter {
        var options = GRDB.Configuration()
        options.label = "index"
        options.busyMode = .timeout(5)
        options.maximumReaderCount = configuration.readers
        let connections = path == nil ? 1 : configuration.readers + 1
        let cacheKiB = max(64, configuration.pageCacheBytes / connections / 1024)
        options.prepareDatabase { database in
            try database.execute(sql: "PRAGMA cache_size = -\(cacheKiB)")
            try database.execute(sql: "PRAGMA journal_size_limit = \(configuration.keptLogBytes)")
            // What a mapped file lacks ends the process; what a read misses is an error.
            try database.execute(sql: "PRAGMA mmap_size = 0")
            try database.execute(
                sql: "PRAGMA wal_autocheckpoint = \(configuration.checkpointPages)"
            )
            try database.execute(sql: "PRAGMA trusted_schema = OFF")
            if path == nil {
                try database.execute(sql: "PRAGMA temp_store = MEMORY")
                // What leaves a table is overwritten with zeros.
                try database.execute(sql: "PRAGMA secure_delete = ON")
            }
        }
        guard let path else { return try DatabaseQueue(configuration: options) }
        let pool = try DatabasePool(path: path, configuration: options)
        ProcessOwnership.deleteSharedIndex(of: path)
        // Not earlier: GRDB switches to `synchronous = NORMAL` together with WAL, after preparing.
        try pool.writeWithoutTransaction {
            try $0.execute(sql: "PRAGMA synchronous = \(configuration.durability.rawValue)")
        }
        return pool
    }

    private static func migrate(_ database: any DatabaseWriter) throws {
        let migrator = IndexSchema.migrator
        let isNewer = try database.read { try migrator.hasBeenSuperseded($0) }
        if isNewer { throw StoreError.newerSchema }
        try database.write(IndexSchema.claim)
        try migrator.migrate(database)
    }
}
