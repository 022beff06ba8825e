internal import Glibc

/// Where the lines go: whole ones, each with one write(2), and word of those that were lost.
struct LogLineOutput: ~Copyable {
    private let systemWrite: LogLineWriter.SystemWrite
    private let lossNotice: LogLineWriter.LossNotice?
    /// True when the last line was written in part, so that the next one must not continue it.
    private var isTorn = false
    /// Lines that were lost and not told of yet.
    private var untold: UInt64 = 0

    init(
        _ systemWrite: @escaping LogLineWriter.SystemWrite,
        lossNotice: LogLineWriter.LossNotice?
    ) {
        self.systemWrite = systemWrite
        self.lossNotice = lossNotice
    }

    /// Writes an entry; gives the number of lines that were lost in doing so.
    mutating func write(_ entry: LogLineQueue.Entry) -> UInt64 {
        switch entry {
        case .lost(let count):
            untold += count
            _ = tellOfLosses()
            return 0
        case .line(let line):
            // Where there is no room for the notice there is none for the line.
            if tellOfLosses(), writeWhole(line) { return 0 }
            untold += 1
            return 1
        }
    }

    /// True when there is nothing to tell any more.
    private mutating func tellOfLosses() -> Bool {
        guard untold > 0, let lossNotice else { return true }
        guard writeWhole(lossNotice(untold)) else { return false }
        untold = 0
        return true
    }

    /// Writes a line on a line of its own; true when all of it was written.
    private mutating func writeWhole(_ line: [UInt8]) -> Bool {
        let line = isTorn ? [UInt8(ascii: "\n")] + line : line
        let written = writeAll(line)
        if written > 0 { isTorn = written < line.count }
        return written == line.count
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
