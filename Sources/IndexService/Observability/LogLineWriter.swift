internal import Glibc
internal import Synchronization

/// Writes whole lines to one descriptor, one at a time, and drops what cannot be written.
///
/// A line is one write(2), so lines of one process never mix. When the reader is slow and the
/// descriptor blocks, so does the log; when it does not block or has no reader, lines are counted
/// and lost: a service must not stop for its log.
package final class LogLineWriter: Sendable {
    /// Writes bytes as write(2) does; gives the number written or, negative, the error's number.
    package typealias SystemWrite = @Sendable (UnsafeRawBufferPointer) -> Int

    /// The longest line, with its line feed, in bytes; what is beyond is cut off.
    package static let lineLimit = 32_768

    private let systemWrite: SystemWrite
    private let lost = Atomic<UInt64>(0)
    /// True when the last line was written in part, so that the next one must not continue it.
    private let isTorn = Mutex(false)

    package init(_ systemWrite: @escaping SystemWrite) {
        self.systemWrite = systemWrite
    }

    /// Writes to a descriptor, which must stay open.
    package convenience init(descriptor: Int32) {
        self.init { bytes in
            let count = Glibc.write(descriptor, bytes.baseAddress, bytes.count)
            return count < 0 ? -Int(errno) : count
        }
    }

    /// The writer of standard error; the process no longer dies when its reader goes away.
    package static let standardError: LogLineWriter = {
        signal(SIGPIPE, SIG_IGN)
        return LogLineWriter(descriptor: STDERR_FILENO)
    }()

    /// Lines lost, in whole or in part.
    package var droppedLines: UInt64 {
        lost.load(ordering: .relaxed)
    }

    /// Writes a line that ends with a line feed.
    package func write(_ line: [UInt8]) {
        var line = line
        if line.count > Self.lineLimit {
            line.removeSubrange((Self.lineLimit - 1)...)
            line.append(UInt8(ascii: "\n"))
        }
        isTorn.withLock { isTorn in
            if isTorn { line.insert(UInt8(ascii: "\n"), at: 0) }
            let written = writeAll(line)
            if written < line.count { lost.wrappingAdd(1, ordering: .relaxed) }
            if written > 0 { isTorn = written < line.count }
        }
    }

    /// Writes until everything is written or the descriptor fails; returns how much was.
    private func writeAll(_ line: [UInt8]) -> Int {
        line.withUnsafeBytes { bytes in
            var written = 0
            while written < bytes.count {
                let count = systemWrite(UnsafeRawBufferPointer(rebasing: bytes[written...]))
                if count == -Int(EINTR) { continue }
                if count <= 0 { break }
                written += min(count, bytes.count - written)
            }
            return written
        }
    }
}
