/// The lines that wait to be written: bounded, in order, with a mark where some were lost.
struct LogLineQueue {
    enum Entry: Equatable {
        case line([UInt8])
        /// This many lines were lost here.
        case lost(UInt64)
    }

    private let limits: LogLineWriter.Limits
    private var waiting: [Entry] = []
    /// Lines and bytes of what waits and of what is being written.
    private var lines = 0
    private var bytes = 0
    /// Since a line was lost, until half of the room is free: losses come in runs, not one by one.
    private var isOverflowing = false

    /// Entries that ever came in.
    private(set) var accepted: UInt64 = 0
    /// Entries that ever were done with; never more than `accepted`.
    private(set) var finished: UInt64 = 0

    init(limits: LogLineWriter.Limits) {
        self.limits = limits
    }

    /// Takes a line in; false when there is no room and the line is lost.
    mutating func offer(_ line: [UInt8]) -> Bool {
        if isOverflowing, lines <= limits.lines / 2, bytes <= limits.bytes / 2 {
            isOverflowing = false
        }
        if isOverflowing || lines >= limits.lines || bytes + line.count > limits.bytes {
            isOverflowing = true
            markLoss()
            return false
        }
        lines += 1
        bytes += line.count
        append(.line(line))
        return true
    }

    /// Everything that waits, the oldest first; `finish` each entry after it was written.
    mutating func takeAll() -> [Entry] {
        defer { waiting = [] }
        return waiting
    }

    mutating func finish(_ entry: Entry) {
        finished += 1
        if case .line(let line) = entry {
            lines -= 1
            bytes -= line.count
        }
    }

    private mutating func markLoss() {
        if case .lost(let count) = waiting.last {
            waiting[waiting.count - 1] = .lost(count + 1)
        } else {
            append(.lost(1))
        }
    }

    private mutating func append(_ entry: Entry) {
        waiting.append(entry)
        accepted += 1
    }
}
