internal import DHTClient
internal import DHTCore
internal import IndexService

extension JSONWriter {
    /// How a lookup went, as one object.
    mutating func lookup(_ result: LookupResult) {
        let report = result.report
        beginObject()
        field("family", result.family == .v4 ? "ipv4" : "ipv6")
        field("verdict", "\(result.verdict)")
        field("end", TraceText.name(report.end))
        field("hops", report.hops)
        field("queried", report.queried)
        field("responded", report.responded)
        field("hedged", report.hedged)
        field("winner", report.winner.map { "\($0)" } ?? "none")
        field("elapsed_ms", Int(report.elapsed.milliseconds.rounded()))
        if !result.trace.isEmpty {
            key("trace")
            beginArray()
            for query in result.trace { self.query(query) }
            endArray()
        }
        endObject()
    }

    private mutating func query(_ query: QueryTrace) {
        beginObject()
        field("turn", query.turn)
        field("wave", "\(query.wave)")
        field("hop", query.hop)
        field("node", query.endpoint.description)
        field("sent_us", Int(query.sent.nanoseconds / 1000))
        if let took = query.took { field("took_us", Int(took.nanoseconds / 1000)) }
        field("state", query.state.name)
        field("nodes", query.nodesGiven)
        field("values", query.valuesGiven)
        endObject()
    }
}

extension Candidate.State {
    /// What became of a query, in one word.
    fileprivate var name: String {
        switch self {
        case .answered: "answered"
        case .failed(.timeout): "timeout"
        case .failed(.refused): "refused"
        case .failed(.badReply): "bad_reply"
        case .failed(.unsent): "unsent"
        case .stalled, .overdue: "stalled"
        case .fresh, .open: "open"
        }
    }
}
