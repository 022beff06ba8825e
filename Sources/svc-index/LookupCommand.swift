internal import ArgumentParser
internal import DHTClient
internal import DHTCore
internal import IndexService

/// Asks the DHT itself, without a service.
struct LookupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lookup",
        abstract: "Asks the DHT where the bytes of a content id can be had.",
        discussion: """
            Examples:
              svc-index lookup b3:… --dht-bootstrap 127.0.0.1:7000
              svc-index lookup b3:… --dht-bootstrap 127.0.0.1:7000 --trace
            Exit codes: 0 found, 1 asked everywhere and not there, 69 could not look.
            """
    )

    @Argument(help: "b3: and 64 hex digits.")
    var cid: String

    @Flag(help: "Print every query of both waves.")
    var trace = false

    @Flag(help: "Look until all of the closest nodes have answered, not only until one provider.")
    var all = false

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var options: DHTOptions

    func run() async throws {
        let id: ContentID
        do {
            id = try ContentID(parsing: cid)
        } catch {
            throw Failure(.usage, error.description)
        }
        let enough = LookupGoal.Enough(providers: all ? .max : 1)
        let results = try await options.withClient { client, settings throws(MainlineError) in
            var results: [LookupResult] = []
            for family in client.families {
                results.append(
                    try await client.lookup(
                        .peers(id.infoHash, enough),
                        options: LookupOptions(family: family, isTraced: trace),
                        deadline: settings.deadlineFromNow
                    )
                )
            }
            return results
        }
        if json { try LookupJSON(id, results).print() } else { try Self.print(results) }
        if results.contains(where: { $0.verdict == .found }) { return }
        guard results.allSatisfy({ $0.verdict == .absent }) else {
            throw Failure(.unavailable, "the DHT could not be asked to the end; try again")
        }
        throw Failure(.failed, "nobody has announced this content id")
    }

    /// Providers on standard output, what they cost on standard error.
    private static func print(_ results: [LookupResult]) throws {
        for result in results {
            let text = TraceText(result)
            for line in text.queries { try StandardStreams.write(line: line) }
            StandardStreams.note(text.summary + "\n")
            for provider in result.providers {
                try StandardStreams.write(line: provider.endpoint.description)
            }
        }
    }
}

/// A lookup as JSON, one document for all families.
private struct LookupJSON {
    let id: ContentID
    let results: [LookupResult]

    init(_ id: ContentID, _ results: [LookupResult]) {
        self.id = id
        self.results = results
    }

    func print() throws {
        var json = JSONWriter()
        json.beginObject()
        json.field("cid", id.description)
        json.key("providers")
        json.beginArray()
        for provider in results.flatMap(\.providers) {
            json.beginObject()
            json.field("addr", provider.endpoint.description)
            json.field("sightings", provider.sightings)
            json.endObject()
        }
        json.endArray()
        json.key("lookups")
        json.beginArray()
        for result in results { write(result, to: &json) }
        json.endArray()
        json.endObject()
        try StandardStreams.write(json.bytes + [UInt8(ascii: "\n")])
    }

    private func write(_ result: LookupResult, to json: inout JSONWriter) {
        let report = result.report
        json.beginObject()
        json.field("family", result.family == .v4 ? "ipv4" : "ipv6")
        json.field("verdict", "\(result.verdict)")
        json.field("end", TraceText.name(report.end))
        json.field("hops", report.hops)
        json.field("queried", report.queried)
        json.field("responded", report.responded)
        json.field("hedged", report.hedged)
        json.field("winner", report.winner.map { "\($0)" } ?? "none")
        json.field("elapsed_ms", Int(report.elapsed.milliseconds.rounded()))
        if !result.trace.isEmpty {
            json.key("trace")
            json.beginArray()
            for query in result.trace { write(query, to: &json) }
            json.endArray()
        }
        json.endObject()
    }

    private func write(_ query: QueryTrace, to json: inout JSONWriter) {
        json.beginObject()
        json.field("turn", query.turn)
        json.field("wave", "\(query.wave)")
        json.field("hop", query.hop)
        json.field("node", query.endpoint.description)
        json.field("sent_us", Int(query.sent.nanoseconds / 1000))
        if let took = query.took { json.field("took_us", Int(took.nanoseconds / 1000)) }
        json.field("state", query.state.name)
        json.field("nodes", query.nodesGiven)
        json.field("values", query.valuesGiven)
        json.endObject()
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
