internal import Foundation
internal import Glibc
internal import Synchronization

/// The spill's files in their directory, and the lock on them.
///
/// The names are the spill's own: what stands under them is deleted when it is of no use.
final class SpillFiles: Sendable {
    private let directory: String
    private let makesDirectory: Bool
    private let lockDescriptor = Mutex<Int32?>(nil)
    /// The database file that was claimed last.
    private let claimed = Mutex<Identity?>(nil)

    /// What tells a file from every other one, whatever its name.
    private struct Identity: Equatable {
        let device: dev_t
        let number: ino_t

        init(_ status: stat) {
            device = status.st_dev
            number = status.st_ino
        }

        init?(descriptor: Int32) {
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { return nil }
            self.init(status)
        }

        init?(path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            self.init(status)
        }
    }

    init(directory: String, makesDirectory: Bool) {
        self.directory = directory
        self.makesDirectory = makesDirectory
    }

    deinit {
        unlock()
    }

    var databasePath: String { directory + "/spill.sqlite" }

    /// Bytes that the disk has left; nil when the system does not say.
    var freeBytes: Int64? {
        var status = statvfs()
        guard statvfs(directory, &status) == 0, status.f_blocks > 0 else { return nil }
        let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(
            by: UInt64(status.f_frsize)
        )
        return overflow ? .max : Int64(clamping: bytes)
    }

    private var lockPath: String { directory + "/spill.lock" }

    /// Whether the database that was claimed last still stands in its place.
    var isDatabaseInPlace: Bool {
        let identity = claimed.withLock { $0 }
        return identity != nil && Identity(path: databasePath) == identity
    }

    /// Takes the lock, and makes the database file for its owner only; SQLite gives the files
    /// beside it the same mode.
    func claim() throws(SpillError) {
        try lock()
        let descriptor = open(databasePath, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure() }
        defer { close(descriptor) }
        claimed.withLock { $0 = Identity(descriptor: descriptor) }
        for suffix in ["", "-wal", "-shm"] where chmod(databasePath + suffix, 0o600) != 0 {
            guard errno == ENOENT else { throw Self.failure() }
        }
    }

    /// Deletes the database; no connection may be open.
    func delete() throws(SpillError) {
        try lock()
        // The database first: SQLite ignores a log without one, and a database without its log is
        // older than what was promised.
        for suffix in ["", "-wal", "-shm"] where unlink(databasePath + suffix) != 0 {
            guard errno == ENOENT else { throw Self.failure() }
        }
    }

    func unlock() {
        lockDescriptor.withLock { descriptor in
            if let descriptor { close(descriptor) }
            descriptor = nil
        }
    }

    /// The kernel drops the lock when the process ends, however it ends.
    private func lock() throws(SpillError) {
        try lockDescriptor.withLock { held throws(SpillError) in
            if let descriptor = held {
                // A lock on a file that nobody can find any more keeps nobody out.
                if Identity(descriptor: descriptor) == Identity(path: lockPath) { return }
                close(descriptor)
                held = nil
            }
            if makesDirectory {
                // Where that fails, opening the file does too, and says why.
                try? FileManager.default.createDirectory(
                    atPath: directory,
                    withIntermediateDirectories: true,
                    attributes: [.posixPermissions: 0o700]
                )
            }
            let descriptor = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw Self.failure() }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                close(descriptor)
                throw .unavailable("another process uses it")
            }
            held = descriptor
        }
    }

    /// What tells this start of the machine from others; nil where the system does not say.
    static var bootID: [UInt8]? {
        (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8))
            .map { Array($0.utf8) }
    }

    private static func failure() -> SpillError {
        .unavailable(String(cString: strerror(errno)))
    }
}
