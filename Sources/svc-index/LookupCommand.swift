internal import ArgumentParser
internal import DHTClient
internal import DHTCore
internal import IndexService

/// Asks the DHT itself, without a service.
struct LookupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lookup",
        abstract: "Asks the DHT who has the bytes of a content id, or where a key name points.",
        discussion: """
            Examples:
              svc-index lookup b3:… --dht-bootstrap 127.0.0.1:7000
              svc-index lookup b3:… --dht-bootstrap 127.0.0.1:7000 --trace
              svc-index lookup blog.<key> --dht-bootstrap 127.0.0.1:7000
            Exit codes: 0 found, 1 asked everywhere and not there, 69 could not look.
            """
    )

    @Argument(help: "b3: and 64 hex digits, or a name that ends in a public key.")
    var key: String

    @Flag(help: "Print every query of both waves.")
    var trace = false

    @Flag(help: "Look until all of the closest nodes have answered, not only until one provider.")
    var all = false

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var options: DHTOptions

    func run() async throws {
        if let name = (try? Name(parsing: key)).flatMap(KeyName.init) {
            let lookup = KeyNameLookup(
                name: name,
                options: options,
                isTraced: trace,
                printsJSON: json
            )
            return try await lookup.run()
        }
        let id: ContentID
        do {
            id = try ContentID(parsing: key)
        } catch KeyError.contentIDPrefix {
            throw Failure(
                .usage,
                "give b3: and 64 hex digits, or a name that ends in a public key"
            )
        } catch {
            throw Failure(.usage, "\(error)")
        }
        let enough = LookupGoal.Enough(providers: all ? .max : 1)
        let results = try await options.withClient { client, settings throws(MainlineError) in
            try await client.lookUp(
                .peers(id.infoHash, enough),
                isTraced: trace,
                deadline: settings.deadlineFromNow
            )
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
        json.lookups(results)
        json.endObject()
        try StandardStreams.write(json.bytes + [UInt8(ascii: "\n")])
    }
}
