internal import IndexService

/// Tells how an import goes: a bar on a terminal, JSON where asked for, the refusals always.
struct ImportReporter {
    let total: Int?
    let printsJSON: Bool
    let shownRefusals: Int
    private var refusals = 0
    /// Why a report could not be written; the import goes on without any more.
    private var unwritten: Failure?
    private var lastDrawnAt: ContinuousClock.Instant?
    /// What came too soon after something else to be drawn.
    private var undrawn: Importer.Progress?
    private let startedAt = ContinuousClock.now
    private let drawsBar = StandardStreams.errorIsTerminal

    init(total: Int?, printsJSON: Bool, shownRefusals: Int) {
        self.total = total
        self.printsJSON = printsJSON
        self.shownRefusals = shownRefusals
    }

    mutating func refused(_ refusal: ImportRefusal) {
        refusals += 1
        clearBar()
        if refusals <= shownRefusals {
            StandardStreams.complain("line \(refusal.line) is not imported: \(refusal.reason)")
        } else if refusals == shownRefusals + 1 {
            StandardStreams.complain("more lines are not imported; they are only counted from here")
        }
    }

    mutating func progressed(_ progress: Importer.Progress) {
        if printsJSON { print(progress, "progress") }
        undrawn = progress
        if lastDrawnAt.map({ .now - $0 > .milliseconds(100) }) ?? true { draw() }
    }

    /// Nothing more comes for now, so what was told last has to be seen.
    mutating func paused() {
        draw()
    }

    private mutating func draw() {
        guard drawsBar, let progress = undrawn else { return }
        (lastDrawnAt, undrawn) = (.now, nil)
        StandardStreams.note("\r" + bar(progress))
    }

    /// The last report.
    ///
    /// - Throws: `Failure` when this one or an earlier one could not be written.
    mutating func finished(_ progress: Importer.Progress) throws(Failure) {
        clearBar()
        if printsJSON {
            print(progress, "done")
        } else {
            let text =
                "imported \(progress.stored) names in \(Self.tenths(seconds)) s "
                + "(\(rate(progress)) a second), refused \(progress.refused)\n"
            write(Array(text.utf8))
        }
        if let unwritten { throw unwritten }
    }

    private var seconds: Double {
        let components = (ContinuousClock.now - startedAt).components
        return Double(components.seconds) + Double(components.attoseconds) / 1e18
    }

    private func rate(_ progress: Importer.Progress) -> Int {
        Int(Double(progress.stored) / max(seconds, 0.001))
    }

    private static func tenths(_ number: Double) -> String {
        String(Double(Int(number * 10)) / 10)
    }

    private func bar(_ progress: Importer.Progress) -> String {
        let counts = "\(progress.stored) names, \(rate(progress)) a second"
        guard let total, total > 0 else { return counts }
        let width = 30
        let filled = min(width, progress.bytes * width / total)
        let cells =
            String(repeating: "#", count: filled)
            + String(repeating: ".", count: width - filled)
        return "[\(cells)] \(min(100, progress.bytes * 100 / total)) % \(counts)"
    }

    private mutating func clearBar() {
        guard drawsBar, lastDrawnAt != nil else { return }
        lastDrawnAt = nil
        StandardStreams.note("\r" + String(repeating: " ", count: 78) + "\r")
    }

    private mutating func print(_ progress: Importer.Progress, _ event: String) {
        var json = JSONWriter()
        json.beginObject()
        json.field("event", event)
        json.field("lines", progress.lines)
        json.field("stored", progress.stored)
        json.field("refused", progress.refused)
        json.field("rate", rate(progress))
        json.endObject()
        write(json.bytes + [UInt8(ascii: "\n")])
    }

    private mutating func write(_ bytes: [UInt8]) {
        guard unwritten == nil else { return }
        do {
            try StandardStreams.write(bytes, lostReader: .fails)
        } catch {
            unwritten = error
        }
    }
}
