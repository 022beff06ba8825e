internal import Foundation
internal import Glibc
internal import StoreFiles
internal import Synchronization

/// The directory that holds a store, and the lock that keeps a second process out of it.
///
/// The directory is made with mode 0700 when it is missing, and the files with 0600: they are their
/// owner's business, and older ones of ours that say otherwise are mended. The lock is `flock(2)`
/// on a file inside it: the kernel drops it when the process ends, however it ends. Until `adopt`
/// nothing that was there is changed, for it may be another program's.
final class StoreDirectory: Sendable {
    let path: String
    /// Nil once the lock was let go.
    private let lockDescriptor: Mutex<Int32?>
    private let lockIdentity: FileIdentity?
    /// Whether the lock file is to go with the lock: it was made here, and nothing was adopted.
    private let lockIsExtra: Mutex<Bool>
    private let opened = Mutex<FileIdentity?>(nil)

    private static let databaseName = "index.sqlite"
    private static let lockName = "lock"

    var databasePath: String { path + "/" + Self.databaseName }

    /// - Throws: `StoreError.missing` when there is no store and none is to be made.
    init(claiming path: String, creating: Bool) throws(StoreError) {
        self.path = path
        if path.isEmpty { throw .unwritable("the path is empty") }
        if creating {
            try Self.makeDirectory(path)
        } else if access(path + "/" + Self.databaseName, F_OK) != 0, errno == ENOENT {
            throw .missing
        }
        let lock = try Self.lock(path + "/" + Self.lockName)
        lockDescriptor = Mutex(lock.descriptor)
        lockIdentity = FileIdentity(descriptor: lock.descriptor)
        lockIsExtra = Mutex(lock.isNew)
    }

    /// Makes what is there ours, after the database was found to be: from here on it is changed.
    func adopt() throws(StoreError) {
        lockIsExtra.withLock { $0 = false }
        lockDescriptor.withLock { if let descriptor = $0 { Self.writeProcessID(descriptor) } }
        try makeFilesPrivate()
    }

    deinit {
        unlock()
    }

    /// Lets the next process in; the store must be closed by then.
    func unlock() {
        lockDescriptor.withLock { descriptor in
            guard let held = descriptor else { return }
            if lockIsExtra.withLock({ $0 }) { unlink(path + "/" + Self.lockName) }
            close(held)
            descriptor = nil
        }
    }

    /// Bytes that an unprivileged process may still write to the directory's file system; nil when
    /// the system does not say, as some file systems do not and report nothing but zeros.
    var freeBytes: Int64? {
        var status = statvfs()
        guard statvfs(path, &status) == 0, status.f_blocks > 0 else { return nil }
        let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(
            by: UInt64(status.f_frsize)
        )
        return overflow ? .max : Int64(clamping: bytes)
    }

    /// Whether the directory is there, holds the database that was opened and the lock that keeps
    /// others out, and can be written.
    var isWritable: Bool {
        guard access(path, W_OK | X_OK) == 0, let found = FileIdentity(path: databasePath),
            let lockIdentity, FileIdentity(path: path + "/" + Self.lockName) == lockIdentity
        else { return false }
        return opened.withLock { $0.map { $0 == found } ?? true }
    }

    /// Takes the database in its place for the one that is open from now on: another one put there
    /// later would be written by nobody.
    func databaseIsOpen() {
        let identity = FileIdentity(path: databasePath)
        opened.withLock { $0 = identity }
    }

    /// Whether anyone but the owner may look into the directory.
    var isOpenToOthers: Bool {
        let target = URL(filePath: path).resolvingSymlinksInPath().path
        let attributes = try? FileManager.default.attributesOfItem(atPath: target)
        return (attributes?[.posixPermissions] as? Int ?? 0) & 0o077 != 0
    }

    /// Makes the database file when it is missing, for its owner only.
    ///
    /// SQLite gives the files beside it the same mode. Files of ours with another mode are mended.
    private func makeFilesPrivate() throws(StoreError) {
        let descriptor = open(databasePath, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor >= 0 {
            close(descriptor)
        } else if errno != EEXIST {
            throw Self.failure(errno)
        }
        let lockPath = path + "/" + Self.lockName
        for file in [databasePath, databasePath + "-wal", databasePath + "-shm", lockPath] {
            let attributes = try? FileManager.default.attributesOfItem(atPath: file)
            guard attributes?[.type] as? FileAttributeType == .typeRegular,
                attributes?[.ownerAccountID] as? Int == Int(geteuid()),
                attributes?[.posixPermissions] as? Int != 0o600
            else { continue }
            chmod(file, 0o600)
        }
    }

    private static func makeDirectory(_ path: String) throws(StoreError) {
        var partial = path.hasPrefix("/") ? "/" : ""
        for component in path.split(separator: "/") {
            partial += (partial.isEmpty || partial.hasSuffix("/") ? "" : "/") + component
            guard mkdir(partial, 0o700) != 0, errno != EEXIST else { continue }
            throw failure(errno)
        }
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(errno) }
        close(descriptor)
    }

    /// Opens and locks the file at `path`, which is made when it is missing.
    private static func lock(
        _ path: String
    ) throws(StoreError) -> (descriptor: Int32, isNew: Bool) {
        // More than once only while another process takes away the file that it has just made.
        for _ in 0..<8 {
            let made = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            if made < 0, errno != EEXIST { throw failure(errno) }
            let descriptor = made >= 0 ? made : open(path, O_RDWR | O_CLOEXEC)
            if descriptor < 0, errno == ENOENT { continue }
            guard descriptor >= 0 else { throw failure(errno) }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                let holder = readProcessID(descriptor)
                close(descriptor)
                throw .inUse(processID: holder)
            }
            // A lock on a file that nobody can find any more keeps nobody out.
            if FileIdentity(path: path) == FileIdentity(descriptor: descriptor) {
                return (descriptor, made >= 0)
            }
            close(descriptor)
        }
        throw .inUse(processID: nil)
    }

    private static func readProcessID(_ descriptor: Int32) -> Int32? {
        var text = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &text, text.count, 0)
        guard count > 0 else { return nil }
        return Int32(String(decoding: text.prefix(count), as: UTF8.self).prefix { $0.isNumber })
    }

    /// Best effort: the number only makes the other process's error message better.
    private static func writeProcessID(_ descriptor: Int32) {
        let text = Array("\(getpid())\n".utf8)
        guard ftruncate(descriptor, 0) == 0 else { return }
        _ = pwrite(descriptor, text, text.count, 0)
    }

    private static func failure(_ code: Int32) -> StoreError {
        if code == ENOSPC || code == EDQUOT { return .diskFull }
        return .unwritable(SystemError.reason(code))
    }
}

extension StoreError {
    /// Less room than this is none: SQLite's files grow by such steps.
    private static let leastRoom: Int64 = 64 << 10

    /// Sorts an error of the database layer that came up in `directory`.
    ///
    /// SQLite reports some writes that found no room as plain input or output errors.
    init(_ error: any Error, in directory: StoreDirectory?) {
        self.init(error)
        guard case .unwritable = self, let free = directory?.freeBytes, free < Self.leastRoom
        else { return }
        self = .diskFull
    }
}
