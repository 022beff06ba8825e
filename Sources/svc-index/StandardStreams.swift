internal import Glibc

/// Standard output and error as the commands use them.
enum StandardStreams {
    static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// One sentence on standard error.
    static func complain(_ message: String) {
        writeAll(Array("svc-index: \(message)\n".utf8), to: STDERR_FILENO)
    }

    /// Text on standard error as it is: progress, hints.
    static func note(_ text: String) {
        writeAll(Array(text.utf8), to: STDERR_FILENO)
    }

    /// Bytes on standard output; a reader that went away ends the program quietly.
    static func write(_ bytes: [UInt8]) {
        guard writeAll(bytes, to: STDOUT_FILENO) else { exit(0) }
    }

    static func write(line: String) {
        write(Array((line + "\n").utf8))
    }

    @discardableResult
    private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                rest = rest.dropFirst(count)
            }
            return true
        }
    }
}

extension Slice where Base == UnsafeRawBufferPointer {
    fileprivate var baseAddress: UnsafeRawPointer? {
        UnsafeRawBufferPointer(rebasing: self).baseAddress
    }
}
