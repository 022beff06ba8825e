/// Turns bytes into batches of judged entries.
struct BatchParser {
    struct Batch {
        var entries: [Importer.NumberedEntry] = []
        var refusals: [ImportRefusal] = []
        var lastLine = 0
        /// Of the lines that became entries.
        var bytes = 0
    }

    private static let limits = ImportLineReader.Limits()

    private var splitter = LineSplitter(maximumLength: limits.lineBytes)
    private var reader = ImportLineReader(limits: limits)
    private var full: [Batch] = []
    private var current = Batch()
    private var currentBeganAt = ContinuousClock.now
    private var lineNumber = 0

    mutating func feed(_ bytes: [UInt8]) {
        var splitter = splitter
        splitter.feed(bytes) { take($0) }
        self.splitter = splitter
    }

    mutating func finish() {
        var splitter = splitter
        splitter.finish { take($0) }
        self.splitter = splitter
    }

    /// The next batch that is full or has waited long enough; any that there is when `flushing`.
    mutating func nextBatch(flushing: Bool) -> Batch? {
        if !full.isEmpty { return full.removeFirst() }
        guard lineNumber > 0, current.lastLine > 0 else { return nil }
        let isDue = ContinuousClock.now - currentBeganAt >= Importer.batchDuration
        guard flushing || isDue else { return nil }
        defer { current = Batch() }
        return current
    }

    private mutating func take(_ line: LineSplitter.Line) {
        lineNumber += 1
        if current.lastLine == 0 { currentBeganAt = ContinuousClock.now }
        current.lastLine = lineNumber
        switch line {
        case .tooLong:
            let reason = "the line is over \(Self.limits.lineBytes) bytes"
            current.refusals.append(ImportRefusal(line: lineNumber, reason: reason))
        case .text(let bytes) where bytes.allSatisfy(\.isBlank):
            break
        case .text(let bytes):
            judge(bytes)
        }
        let isFull = current.entries.count == Importer.batchLines
        if isFull || current.bytes >= Importer.batchBytes {
            full.append(current)
            current = Batch()
        }
    }

    private mutating func judge(_ bytes: [UInt8]) {
        do {
            let entry = try ImportEntry(try reader.read(bytes.span), at: .now())
            current.entries.append(Importer.NumberedEntry(line: lineNumber, entry: entry))
            current.bytes += bytes.count
        } catch let error as JSONError {
            current.refusals.append(ImportRefusal(line: lineNumber, reason: error.detail))
        } catch {
            current.refusals.append(ImportRefusal(line: lineNumber, reason: "\(error)"))
        }
    }
}
