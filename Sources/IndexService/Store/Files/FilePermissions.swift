internal import Glibc

/// Who may open a regular file: `st_mode` of stat(2).
package struct FilePermissions: Sendable {
    private let bits: UInt32

    /// Those of the file that is open as `descriptor`; nil when it is no regular file.
    package init?(descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            return nil
        }
        bits = status.st_mode
    }

    /// Whether anybody but the owner may read, write or run it.
    package var areOpenToOthers: Bool { bits & 0o077 != 0 }
}
