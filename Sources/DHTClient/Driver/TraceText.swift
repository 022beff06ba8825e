package import DHTCore

/// A lookup in words: for `lookup`, with every query of both waves when it was traced.
package struct TraceText: Sendable {
    private let result: LookupResult

    package init(_ result: LookupResult) {
        self.result = result
    }

    /// A table of all queries in the order of sending; empty unless the lookup was traced.
    ///
    /// Times are in milliseconds, `sent` since the start, `took` from the query to its answer; the
    /// distance is the number of leading bits that the node's id shares with the target.
    package var queries: [String] {
        guard !result.trace.isEmpty else { return [] }
        let rows = result.trace.map { row(of: $0) }
        let titles = ["#", "sent", "wave", "hop", "node", "bits", "result", "took"]
        let widths = titles.indices.map { column in
            ([titles] + rows).map { $0[column].utf8.count }.max() ?? 0
        }
        return ([titles] + rows).map { cells in
            var line = ""
            for (cell, width) in zip(cells, widths) {
                line += cell + String(repeating: " ", count: width - cell.utf8.count + 2)
            }
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
    }

    private func row(of query: QueryTrace) -> [String] {
        let bits = query.id.map { String($0.commonPrefixLength(with: result.target)) } ?? "-"
        return [
            String(query.turn), Self.text(query.sent), query.wave == .alpha ? "alpha" : "beta",
            String(query.hop), query.endpoint.description, bits, outcome(of: query),
            query.took.map(Self.text) ?? "-",
        ]
    }

    private func outcome(of query: QueryTrace) -> String {
        switch query.state {
        case .answered:
            let late = query.wasStalled ? ", late" : ""
            return query.valuesGiven > 0
                ? "\(query.valuesGiven) values\(late)" : "\(query.nodesGiven) nodes\(late)"
        case .failed(.timeout): return "timeout"
        case .failed(.refused): return "refused"
        case .failed(.badReply): return "bad reply"
        case .failed(.unsent): return "not sent"
        case .stalled, .overdue: return "no answer yet"
        case .fresh, .open: return "open"
        }
    }

    /// One line that says what was found, how, and what it cost.
    package var summary: String {
        let report = result.report
        var parts = ["\(finding) in \(Self.text(report.elapsed)) ms (\(Self.name(report.end)))"]
        if report.hops > 0 { parts.append("\(report.hops) hops") }
        parts.append("\(report.queried) queries, \(report.responded) answers")
        if report.stalled > 0 { parts.append("\(report.stalled) stalled") }
        if report.timedOut > 0 { parts.append("\(report.timedOut) timeouts") }
        let wave = report.winner.map { $0 == .alpha ? ", alpha won" : ", beta won" } ?? ""
        parts.append("\(report.hedged) hedged\(wave)")
        parts.append("hedge after \(Self.text(report.hedgeDelay)) ms")
        if let first = report.firstResult {
            parts.append("first result after \(Self.text(first)) ms")
        }
        parts.append("\(report.bytesSent) bytes sent, \(report.bytesReceived) received")
        return parts.joined(separator: "; ")
    }

    private var finding: String {
        switch result.verdict {
        case .absent: return "nothing is there: asked everywhere"
        case .unknown: return "could not look to the end"
        case .found: break
        }
        switch result.goal {
        case .peers: return "\(result.providers.count) providers"
        case .nodes: return "\(result.closest.count) nodes"
        case .immutable, .mutable: return "found the item"
        }
    }

    /// What a write came to; nil for a lookup.
    package var write: String? {
        guard let write = result.write else { return nil }
        var parts = ["stored at \(write.stored) of \(write.attempted) nodes"]
        if write.timedOut > 0 { parts.append("\(write.timedOut) did not answer") }
        if write.unsent > 0 { parts.append("\(write.unsent) could not be sent to") }
        for refusal in write.refusals {
            parts.append("\(refusal.count) refused with error \(refusal.code)")
        }
        return parts.joined(separator: "; ")
    }

    /// How a lookup ended, as the API names it.
    package static func name(_ end: LookupEnd) -> String {
        switch end {
        case .satisfied: "satisfied"
        case .complete: "complete"
        case .deadline: "deadline"
        case .hopCap: "hop cap"
        case .packetBudget: "packet budget"
        case .noContacts: "no contacts"
        case .unreachable: "nobody answered"
        case .tooFewAnswers: "too few answered"
        case .cancelled: "cancelled"
        }
    }

    /// Milliseconds with one decimal place, without the help of Foundation.
    private static func text(_ span: TimeSpan) -> String {
        let tenths = (span.nanoseconds + 50_000) / 100_000
        return "\(tenths / 10).\(tenths % 10)"
    }
}
