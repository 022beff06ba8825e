internal import Glibc

/// Writes whole lines to one descriptor, one at a time, and never lets its callers wait.
///
/// Lines wait in a bounded queue for a thread of the writer's own, which alone waits for a slow
/// reader. A line is one write(2), so lines never mix. What finds no room in the queue or cannot be
/// written is lost, counted, and told of where it is missing: a service must not stop for its log.
package final class LogLineWriter: Sendable {
    /// Writes bytes as write(2) does; gives the number written or, negative, the error's number.
    package typealias SystemWrite = @Sendable (UnsafeRawBufferPointer) -> Int
    /// The line, with its line feed, that tells how many were lost.
    package typealias LossNotice = @Sendable (UInt64) -> [UInt8]

    /// What may wait to be written.
    package struct Limits: Sendable {
        package var lines: Int
        package var bytes: Int

        package init(lines: Int = 16_384, bytes: Int = 4 << 20) {
            (self.lines, self.bytes) = (lines, bytes)
        }
    }

    /// The longest line, with its line feed, in bytes; what is beyond is cut off.
    package static let lineLimit = 32_768
    /// How long the end of a process waits for a log that is not read.
    package static let flushLimit = Duration.seconds(1)

    private let thread: LogLineThread

    package init(
        limits: Limits = Limits(),
        lossNotice: LossNotice? = nil,
        _ systemWrite: @escaping SystemWrite
    ) {
        thread = LogLineThread(systemWrite, limits: limits, lossNotice: lossNotice)
    }

    deinit {
        thread.close()
    }

    /// Writes to a descriptor, which must stay open.
    package convenience init(
        descriptor: Int32,
        limits: Limits = Limits(),
        lossNotice: LossNotice? = nil
    ) {
        self.init(limits: limits, lossNotice: lossNotice) { bytes in
            let count = Glibc.write(descriptor, bytes.baseAddress, bytes.count)
            return count < 0 ? -Int(errno) : count
        }
    }

    /// A writer of standard error; the process no longer dies when its reader goes away.
    package static func standardError(lossNotice: @escaping LossNotice) -> LogLineWriter {
        signal(SIGPIPE, SIG_IGN)
        return LogLineWriter(descriptor: STDERR_FILENO, lossNotice: lossNotice)
    }

    /// Lines lost, in whole or in part.
    package var droppedLines: UInt64 {
        thread.droppedLines
    }

    /// Writes a line that ends with a line feed, soon, and after those of the same caller before.
    package func write(_ line: [UInt8]) {
        var line = line
        if line.count > Self.lineLimit {
            line.removeSubrange((Self.lineLimit - 1)...)
            line.append(UInt8(ascii: "\n"))
        }
        thread.enqueue(line)
    }

    /// Waits until the lines so far are written or lost; false when that takes longer than `limit`.
    @discardableResult
    package func flush(within limit: Duration = LogLineWriter.flushLimit) -> Bool {
        thread.flush(within: limit)
    }
}
