internal import Glibc
internal import IndexService

/// Standard output and error as the commands use them.
enum StandardStreams {
    /// What it means to a command that nobody reads its standard output any more.
    enum LostReader {
        /// Nothing: the command only prints, and whoever read has seen enough.
        case endsQuietly
        /// As much as a full disk: what was to be written is not complete.
        case fails
    }

    static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// One sentence on standard error, after the lines of the log where there is one.
    static func complain(_ message: String) {
        // A service whose log nobody reads must still come to its end.
        if let log = LogSetup.writer {
            log.write(Array("svc-index: \(message)\n".utf8))
        } else {
            note("svc-index: \(message)\n")
        }
    }

    /// Text on standard error as it is: progress, hints.
    ///
    /// There is nobody to tell when it cannot be written.
    static func note(_ text: String) {
        _ = writeAll(Array(text.utf8), to: STDERR_FILENO)
    }

    /// All of the bytes on standard output.
    ///
    /// - Throws: `Failure` when they cannot be written; a command must not end well then. Ends the
    ///   program with 0 instead when the reader went away and that is all that `lostReader` wants.
    static func write(
        _ bytes: [UInt8],
        lostReader: LostReader = .endsQuietly
    ) throws(Failure) {
        guard let code = writeAll(bytes, to: STDOUT_FILENO) else { return }
        if code == EPIPE, lostReader == .endsQuietly { exit(0) }
        throw Failure(
            .failed,
            "standard output cannot be written: \(SystemError.reason(code))"
        )
    }

    static func write(
        line: String,
        lostReader: LostReader = .endsQuietly
    ) throws(Failure) {
        try write(Array((line + "\n").utf8), lostReader: lostReader)
    }

    /// Lets a reader that went away be an error of the write, not the end of the process.
    static func ignoreBrokenPipes() {
        signal(SIGPIPE, SIG_IGN)
    }

    /// Writes all bytes; returns the error that kept it from doing so.
    private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
        bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if count >= 0 {
                    rest = rest.dropFirst(count)
                } else if errno == EAGAIN {
                    // A pipe or terminal that another process has made non-blocking for all.
                    var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&room, 1, -1)
                } else if errno != EINTR {
                    return errno
                }
            }
            return nil
        }
    }
}

extension Slice where Base == UnsafeRawBufferPointer {
    fileprivate var baseAddress: UnsafeRawPointer? {
        UnsafeRawBufferPointer(rebasing: self).baseAddress
    }
}
