internal import HTTPTypes
internal import Hummingbird

// POST /admin/import: import lines, one JSON object a line.

extension IndexResponder {
    /// The most lines in one request: what one transaction stores while other writers wait.
    private static var maximumLines: Int { 1024 }

    /// Stores the lines of the body in one transaction: each whole, or not at all and named.
    func importLines(_ request: Request) async throws(Problem) -> Response {
        if let type = request.headers[.contentType], !Self.isLines(type) {
            throw Problem(
                .unsupportedType,
                "send import lines, with the header Content-Type: application/x-ndjson"
            )
        }
        let batch = try Self.parse(try await limits.bytes(of: request))
        let entries = batch.entries
        let touched: [ResolveKey] = entries.flatMap { numbered in
            [.name(numbered.entry.name), .contentID(numbered.entry.manifestID)]
        }
        let (refusals, changes) = try await write(invalidating: touched) { store in
            try store.importTellingChanges(entries)
        }
        resolver.news.tell(changes)
        let rejected = (batch.refusals + refusals).sorted { $0.line < $1.line }
        return Response { json in
            json.field("imported", entries.count - refusals.count)
            json.key("rejected")
            json.beginArray()
            for refusal in rejected {
                json.beginObject()
                json.field("line", refusal.line)
                json.field("reason", refusal.reason)
                json.endObject()
            }
            json.endArray()
        }
    }

    /// The lines of a body, judged as those of any import; bounded before the first is read.
    private static func parse(_ bytes: [UInt8]) throws(Problem) -> BatchParser.Batch {
        let breaks = bytes.count { $0 == UInt8(ascii: "\n") }
        let lines = breaks + (bytes.isEmpty || bytes.last == UInt8(ascii: "\n") ? 0 : 1)
        guard lines <= maximumLines else {
            throw Problem(
                .badRequest,
                "the body has \(lines) lines; send at most \(maximumLines) in one request"
            )
        }
        var parser = BatchParser()
        parser.feed(bytes)
        parser.finish()
        var whole = BatchParser.Batch()
        while let batch = parser.nextBatch(flushing: true) {
            whole.entries += batch.entries
            whole.refusals += batch.refusals
        }
        return whole
    }

    private static func isLines(_ contentType: String) -> Bool {
        let essence = contentType.prefix { $0 != ";" && $0 != " " }.lowercased()
        return essence == "application/x-ndjson"
    }
}
