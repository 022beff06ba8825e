internal import GRDB
internal import Glibc

/// Tells a database file of ours from another program's, before it is opened for good: that alone
/// would change its journal mode.
enum DatabaseOwnership {
    /// - Throws: `StoreError.foreign` when the file at `path` is another program's. A file that is
    ///   missing is nobody's.
    static func require(at path: String) throws {
        guard access(path, F_OK) == 0 else { return }
        guard try isOurs(at: path) else { throw StoreError.foreign }
    }

    /// Looks into the file in the way that changes nothing about it.
    ///
    /// Beside a write-ahead log that is a reader: a writer that closes last folds the log into the
    /// database. Without a log it is a writer: reading alone makes a log, and leaves it there.
    private static func isOurs(at path: String) throws -> Bool {
        do {
            return try read(path, readonly: access(path + "-wal", F_OK) == 0)
        } catch let error as DatabaseError where error.resultCode == .SQLITE_READONLY {
            // A process ended in the middle of a transaction, and only a connection that may write
            // can roll that back; what is there until then does not say whose it is.
            return try read(path, readonly: false)
        }
    }

    private static func read(_ path: String, readonly: Bool) throws -> Bool {
        var options = Configuration()
        options.label = "index: whose"
        options.readonly = readonly
        options.busyMode = .timeout(5)
        let queue = try DatabaseQueue(path: path, configuration: options)
        let isOurs = try queue.read(IndexSchema.isOurs)
        try queue.close()
        return isOurs
    }
}
