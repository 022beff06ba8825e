internal import DHTClient
internal import DHTCore
internal import IndexService

/// The part of `lookup` that asks where a key name points.
struct KeyNameLookup {
    let name: KeyName
    let options: DHTOptions
    var isTraced: Bool
    var printsJSON: Bool

    func run() async throws {
        let results = try await options.withClient { client, settings throws(MainlineError) in
            try await client.lookUp(
                .mutable(name.publicKey, salt: []),
                isTraced: isTraced,
                deadline: settings.deadlineFromNow
            )
        }
        guard let item = results.newestItem else {
            try show(results, record: nil)
            guard results.allSatisfy({ $0.verdict == .absent }) else {
                throw Failure(.unavailable, "the DHT could not be asked to the end; try again")
            }
            throw Failure(.failed, "nothing has been published under this key")
        }
        let record: KeyNameRecord
        do {
            record = try KeyNameRecord(of: name, in: item)
        } catch {
            try show(results, record: nil)
            throw Failure(.failed, error.description)
        }
        try show(results, record: record)
    }

    private func show(_ results: [LookupResult], record: KeyNameRecord?) throws(Failure) {
        guard !printsJSON else { return try showJSON(results, record) }
        for result in results {
            let text = TraceText(result)
            for line in text.queries { try StandardStreams.write(line: line) }
            StandardStreams.note(text.summary + "\n")
        }
        guard let record else { return }
        let line = "\(record.manifestID) seq \(record.sequence) ttl_s \(record.ttl)"
        try StandardStreams.write(line: line)
    }

    private func showJSON(
        _ results: [LookupResult],
        _ record: KeyNameRecord?
    ) throws(Failure) {
        var json = JSONWriter()
        json.beginObject()
        json.field("name", name.description)
        if let record {
            json.field("cid", record.manifestID.description)
            json.field("ttl_s", record.ttl)
            json.field("seq", record.sequence)
            json.key("proof")
            record.proof.write(to: &json)
        }
        json.lookups(results)
        json.endObject()
        try StandardStreams.write(json.bytes + [UInt8(ascii: "\n")])
    }
}
