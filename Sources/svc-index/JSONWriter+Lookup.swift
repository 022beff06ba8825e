internal import DHTClient
internal import DHTCore
internal import IndexService

// Keys are documented in docs/dht.md; each stands in every object, with null for what is not known.
extension JSONWriter {
    /// How the lookups of a command went, one a family.
    mutating func lookups(_ results: [LookupResult]) {
        key("lookups")
        beginArray()
        for result in results { lookup(result) }
        endArray()
    }

    /// All that a lookup's report has, as one object, and every query if it was traced.
    private mutating func lookup(_ result: LookupResult) {
        let report = result.report
        beginObject()
        field("family", result.family.name)
        field("target", result.target.description)
        field("verdict", "\(result.verdict)")
        field("end", TraceText.name(report.end))
        field("hops", report.hops)
        field("queried", report.queried)
        field("responded", report.responded)
        field("stalled", report.stalled)
        field("timed_out", report.timedOut)
        field("failed", report.failed)
        field("held_back", report.heldBack)
        field("hedged", report.hedged)
        field("winner", report.winner.map { "\($0)" } ?? "none")
        field("elapsed_ms", Int(report.elapsed.milliseconds.rounded()))
        field("elapsed_us", report.elapsed.microseconds)
        field("first_result_us", report.firstResult?.microseconds)
        field("hedge_delay_us", report.hedgeDelay.microseconds)
        field("bytes_sent", report.bytesSent)
        field("bytes_received", report.bytesReceived)
        field("discarded", report.discarded)
        field("forged", report.forged)
        if !result.trace.isEmpty {
            key("trace")
            beginArray()
            for query in result.trace { self.query(query, towards: result.target) }
            endArray()
        }
        endObject()
    }

    private mutating func query(_ query: QueryTrace, towards target: NodeID) {
        beginObject()
        field("turn", query.turn)
        field("wave", "\(query.wave)")
        field("hop", query.hop)
        field("node", query.endpoint.description)
        field("id", query.id?.description)
        field("shared_bits", query.id.map { $0.commonPrefixLength(with: target) })
        field("sent_us", query.sent.microseconds)
        let took = query.took?.microseconds
        let isAnswered = query.state == .answered
        field("answered_us", isAnswered ? took.map { query.sent.microseconds + $0 } : nil)
        field("took_us", took)
        field("stalled", query.wasStalled)
        field("state", query.state.name)
        field("nodes", query.nodesGiven)
        field("values", query.valuesGiven)
        endObject()
    }

    /// What a write came to, as fields of the object that is open.
    mutating func writeFields(_ result: LookupResult) {
        let write = result.write
        field("family", result.family.name)
        field("attempted", write?.attempted ?? 0)
        field("stored", write?.stored ?? 0)
        field("timed_out", write?.timedOut ?? 0)
        field("unsent", write?.unsent ?? 0)
        key("refusals")
        beginArray()
        for refusal in write?.refusals ?? [] {
            beginObject()
            field("code", refusal.code)
            field("count", refusal.count)
            endObject()
        }
        endArray()
        field("elapsed_ms", Int(result.report.elapsed.milliseconds.rounded()))
    }

    private mutating func field(_ name: StaticString, _ value: Int?) {
        guard let value else { return nullField(name) }
        field(name, value)
    }

    private mutating func field(_ name: StaticString, _ value: String?) {
        guard let value else { return nullField(name) }
        field(name, value)
    }

    private mutating func nullField(_ name: StaticString) {
        key(name)
        null()
    }
}

extension AddressFamily {
    fileprivate var name: String { self == .v4 ? "ipv4" : "ipv6" }
}

extension TimeSpan {
    fileprivate var microseconds: Int { Int(nanoseconds / 1000) }
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
