internal import GRDBSQLite
internal import Glibc

/// Keeps the databases of this process to this process, for as long as they are open.
///
/// SQLite usually maps the index of a write-ahead log from a file that processes share, its name
/// ends in `-shm`: once that file is cut short, or its disk fails, the next look into it ends the
/// process with SIGBUS. SQLite's VFS `unix-excl` has that index in the heap, where all connections
/// of the process share it, and keeps other processes out by a lock on the database.
package enum ProcessOwnership {
    /// Makes it so for every database that is opened from now on.
    ///
    /// - Returns: false where SQLite has no such VFS; then nothing is different.
    @discardableResult
    package static func require() -> Bool { isRequired }

    private static let isRequired =
        sqlite3_vfs_find("unix-excl").map { sqlite3_vfs_register($0, 1) == SQLITE_OK } ?? false

    /// Deletes the shared file that another program, or a look that changes nothing, has left
    /// beside a database that is open: nobody can be using it.
    package static func deleteSharedIndex(of path: String) {
        if isRequired { unlink(path + "-shm") }
    }
}
