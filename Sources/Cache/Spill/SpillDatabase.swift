internal import Foundation
internal import GRDB
internal import Synchronization

/// The spill's tables in one file of SQLite; every method blocks.
///
/// Rows are numbered in the order in which they were written, and a rewritten entry gets a new
/// number: the least recently written ones are those with the lowest numbers, and lie together.
final class SpillDatabase: Sendable {
    /// What a transaction left behind.
    struct Size {
        var entries = 0
        var usedBytes = 0
        var freeBytes = 0
    }

    struct Record {
        let row: Int64
        /// Nil when the bytes do not match their checksum.
        let entry: SpilledEntry?
    }

    /// Known to the one writer; the number of entries is also in the file.
    private struct Tally {
        var entries = 0
        var lastRow: Int64 = 0
    }

    private let pool: DatabasePool
    private let checksum: SpillChecksum
    private let tally = Mutex(Tally())

    static let pageSize = 4096

    /// Opens the file, which the caller has claimed.
    ///
    /// - Throws: `SpillError.damaged` also when the machine was started anew since the file was
    ///   opened and it was never closed: nothing was synchronised, so nothing can be relied on.
    init(path: String, configuration: SpillConfiguration) throws {
        checksum = configuration.checksum
        ProcessOwnership.require()
        pool = try Self.openPool(path: path, configuration)
        ProcessOwnership.deleteSharedIndex(of: path)
        let bootID = configuration.bootID ?? SpillFiles.bootID ?? []
        let found = try pool.writeWithoutTransaction { try Self.begin($0, bootID: bootID) }
        tally.withLock { $0 = found }
    }

    private static func openPool(path: String, _ configuration: SpillConfiguration) throws
        -> DatabasePool
    {
        var options = GRDB.Configuration()
        options.label = "spill"
        options.busyMode = .timeout(Double(configuration.busyTimeout) / 1000)
        options.maximumReaderCount = configuration.readers
        // What a failing disk leaves open is an error to deal with, not a reason to trap.
        options.allowsUnsafeTransactions = true
        options.prepareDatabase { database in
            if !database.configuration.readonly {
                // Both are fixed by the first write, and switching to the log is one.
                try database.execute(sql: "PRAGMA page_size = \(pageSize)")
                try database.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
            }
            try database.execute(sql: "PRAGMA cache_size = -2048")
            try database.execute(sql: "PRAGMA mmap_size = 0")
            try database.execute(sql: "PRAGMA cell_size_check = ON")
            try database.execute(sql: "PRAGMA temp_store = MEMORY")
            try database.execute(sql: "PRAGMA trusted_schema = OFF")
            try database.execute(sql: "PRAGMA journal_size_limit = \(4 << 20)")
        }
        return try DatabasePool(path: path, configuration: options)
    }

    /// Makes or checks the tables, and marks the file as open, safely on disk.
    private static func begin(_ database: Database, bootID: [UInt8]) throws -> Tally {
        let version = try Int.fetchOne(database, sql: "PRAGMA user_version")
        if version == 0 {
            try database.inTransaction {
                try database.execute(sql: SpillStatement.schema)
                return .commit
            }
        } else if version != SpillStatement.schemaVersion {
            throw SpillError.damaged("its version is not ours")
        }
        guard try Int.fetchOne(database, sql: "PRAGMA auto_vacuum") == 2,
            let state = try Row.fetchOne(database, sql: "SELECT * FROM state WHERE id = 1"),
            let entries = Int.fromDatabaseValue(state["entries"]),
            let closed = Bool.fromDatabaseValue(state["closed"])
        else { throw SpillError.damaged("its own record is missing") }
        let lastBoot = Data.fromDatabaseValue(state["boot"])
        guard closed || (!bootID.isEmpty && lastBoot == Data(bootID)) else {
            throw SpillError.damaged("the machine stopped while it was in use")
        }
        try mark(database, closed: false, bootID: bootID)
        try database.execute(sql: "PRAGMA synchronous = OFF")
        let lastRow = try Int64.fetchOne(database, sql: "SELECT max(id) FROM entries") ?? 0
        return Tally(entries: entries, lastRow: lastRow)
    }

    /// Writes whether the file is complete, and waits for the disk before and after.
    private static func mark(_ database: Database, closed: Bool, bootID: [UInt8]?) throws {
        try database.execute(sql: "PRAGMA synchronous = FULL")
        try database.execute(
            sql: "UPDATE state SET closed = ?, boot = ifnull(?, boot) WHERE id = 1",
            arguments: [closed, bootID.map { Data($0) }]
        )
        _ = try database.checkpoint(.truncate)
    }

    /// The entry of a key, checked.
    func record(for key: [UInt8]) throws -> Record? {
        // One statement is one snapshot: a transaction around it would only cost time.
        try pool.unsafeRead { database in
            let statement = try database.cachedStatement(sql: SpillStatement.select.rawValue)
            guard let row = try Row.fetchOne(statement, arguments: [Data(key)]) else { return nil }
            guard let id = Int64.fromDatabaseValue(row[0]) else { return nil }
            guard let freshUntil = Int64.fromDatabaseValue(row[1]),
                let staleUntil = Int64.fromDatabaseValue(row[2]),
                let sum = Data.fromDatabaseValue(row[3]),
                let value = Data.fromDatabaseValue(row[4])
            else { return Record(row: id, entry: nil) }
            let entry = SpilledEntry(
                value: [UInt8](value),
                freshUntil: freshUntil,
                staleUntil: staleUntil
            )
            let isWhole = sum.elementsEqual(checksum(entry.sealedBytes(for: key)))
            return Record(row: id, entry: isWhole ? entry : nil)
        }
    }

    /// Writes a batch in one transaction; all of it is there afterwards, or none.
    func write(_ batch: SpillQueue.Layer) throws -> Size {
        try transaction { database, tally in
            let delete = try database.cachedStatement(sql: SpillStatement.deleteKey.rawValue)
            let insert = try database.cachedStatement(sql: SpillStatement.insert.rawValue)
            for row in batch.discards { try Self.delete(row: row, in: database, &tally) }
            for key in batch.keys {
                guard let operation = batch.operations[key] else { continue }
                try delete.execute(arguments: [Data(key)])
                tally.entries -= database.changesCount
                guard let entry = operation.entry else { continue }
                tally.lastRow += 1
                let sum = checksum(entry.sealedBytes(for: key))
                try insert.execute(arguments: [
                    tally.lastRow, Data(key), entry.freshUntil, entry.staleUntil, Data(sum),
                    Data(entry.value),
                ])
                tally.entries += 1
            }
        }
    }

    /// Removes the least recently written entries, at most `limit`, until about `bytes` are free.
    func evict(bytes: Int, limit: Int) throws -> Size {
        try transaction { database, tally in
            let oldest = try Row.fetchAll(
                database.cachedStatement(sql: SpillStatement.selectOldest.rawValue),
                arguments: [limit]
            )
            var freed = 0
            for row in oldest where freed < bytes {
                guard let id = Int64.fromDatabaseValue(row[0]) else { continue }
                try Self.delete(row: id, in: database, &tally)
                freed += Int.fromDatabaseValue(row[1]) ?? 0
            }
        }
    }

    /// Gives free pages back to the file system, at most `pages`.
    func shrink(pages: Int) throws -> Size {
        let size = try transaction { database, _ in
            try database.execute(sql: "PRAGMA incremental_vacuum(\(pages))")
        }
        // The file is cut when the log is folded into it.
        try pool.writeWithoutTransaction { _ = try $0.checkpoint(.passive) }
        return size
    }

    /// Writes something small: whether writing works at all.
    func probe() throws -> Size {
        try transaction { _, _ in }
    }

    /// Folds the log into the file, waits for the disk, and closes.
    func closeCleanly() throws {
        try pool.writeWithoutTransaction { try Self.mark($0, closed: true, bootID: nil) }
        try close()
    }

    /// Waits for running reads, and closes without ceremony.
    func close() throws {
        try pool.close()
    }

    private static func delete(row: Int64, in database: Database, _ tally: inout Tally) throws {
        let statement = try database.cachedStatement(sql: SpillStatement.deleteRow.rawValue)
        try statement.execute(arguments: [row])
        tally.entries -= database.changesCount
    }

    private func transaction(_ body: (Database, inout Tally) throws -> Void) throws -> Size {
        var next = tally.withLock { $0 }
        let size = try pool.write { database in
            try body(database, &next)
            next.entries = max(0, next.entries)
            try database.cachedStatement(sql: SpillStatement.updateEntries.rawValue)
                .execute(arguments: [next.entries])
            let pages = try Int.fetchOne(database.cachedStatement(sql: "PRAGMA page_count"))
            let free = try Int.fetchOne(database.cachedStatement(sql: "PRAGMA freelist_count"))
            return Size(
                entries: next.entries,
                usedBytes: ((pages ?? 0) - (free ?? 0)) * Self.pageSize,
                freeBytes: (free ?? 0) * Self.pageSize
            )
        }
        tally.withLock { $0 = next }
        return size
    }
}

/// Every statement of the spill; all but those on one row go along a key of a table or index.
enum SpillStatement: String, CaseIterable {
    static let schemaVersion = 1
    static let schema = """
        CREATE TABLE entries (
            id INTEGER PRIMARY KEY,
            key BLOB NOT NULL UNIQUE,
            fresh_until INTEGER NOT NULL,
            stale_until INTEGER NOT NULL,
            checksum BLOB NOT NULL,
            value BLOB NOT NULL
        ) STRICT;
        CREATE TABLE state (
            id INTEGER PRIMARY KEY,
            entries INTEGER NOT NULL,
            closed INTEGER NOT NULL,
            boot BLOB NOT NULL
        ) STRICT;
        INSERT INTO state (id, entries, closed, boot) VALUES (1, 0, 1, x'');
        PRAGMA user_version = \(schemaVersion);
        """
    case select = """
        SELECT id, fresh_until, stale_until, checksum, value FROM entries WHERE key = ?
        """
    case deleteKey = "DELETE FROM entries WHERE key = ?"
    case deleteRow = "DELETE FROM entries WHERE id = ?"
    case insert = """
        INSERT INTO entries (id, key, fresh_until, stale_until, checksum, value)
        VALUES (?, ?, ?, ?, ?, ?)
        """
    case selectOldest = """
        SELECT id, length(key) * 2 + length(value) + 64 FROM entries ORDER BY id LIMIT ?
        """
    case updateEntries = "UPDATE state SET entries = ? WHERE id = 1"
}
