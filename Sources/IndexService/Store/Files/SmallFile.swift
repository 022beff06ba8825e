internal import Glibc

/// A file of the settings, or a secret's, read without ever waiting for anybody.
///
/// Whatever stands under its name now: opening a pipe would wait for somebody who writes, reading
/// one for what he writes.
package enum SmallFile {
    /// Why a file cannot be read.
    package enum Failure: Error, Equatable {
        /// The error number of the call that failed.
        case system(Int32)
        /// It is a pipe or the like, which gives its bytes once at most.
        case notAFile
        /// Others than its owner may open it, and it is to be kept from them.
        case openToOthers
    }

    /// The bytes of the file at `path`: at most `limit`, and one more that tells of a longer file.
    ///
    /// - Parameter isSecret: whether nobody but its owner may be allowed to read, write or run it.
    package static func bytes(
        of path: String,
        limit: Int,
        isSecret: Bool = false
    ) throws(Failure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .system(errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(errno) }
        switch status.st_mode & S_IFMT {
        // Devices as well, for /dev/null is how no file is written.
        case S_IFREG, S_IFCHR: break
        case S_IFDIR: throw .system(EISDIR)
        default: throw .notAFile
        }
        // Of what was opened: another file may stand under the name by now.
        guard !isSecret || status.st_mode & 0o077 == 0 else { throw .openToOthers }
        var bytes = [UInt8](repeating: 0, count: limit + 1)
        var count = 0
        while count < bytes.count {
            let more = bytes[count...].withUnsafeMutableBytes { rest in
                read(descriptor, rest.baseAddress, rest.count)
            }
            if more < 0, errno == EINTR { continue }
            guard more >= 0 else { throw .system(errno) }
            guard more > 0 else { break }
            count += more
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}
