internal import Glibc

/// What the system says about a call that failed, worded as the end of one of our own sentences.
package enum SystemError {
    /// The reason behind an error number, in lower case: `no such file or directory`.
    package static func reason(_ code: CInt) -> String {
        strerror(code).map { String(cString: $0).lowercased() } ?? "error \(code)"
    }

    /// Whether a call failed for want of descriptors or memory, and may succeed later.
    static func isShortage(_ code: CInt) -> Bool {
        switch code {
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: true
        default: false
        }
    }
}
