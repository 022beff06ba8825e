internal import HTTPTypes
internal import Hummingbird

// PUT and DELETE /admin/names/{name}, GET /admin/names.

extension IndexResponder {
    func changeName(_ segment: String, _ request: Request) async throws(Problem) -> Response {
        let name = try parseName(segment)
        return request.method == .put
            ? try await putName(name, request) : try await removeName(name, request)
    }

    private func putName(_ name: Name, _ request: Request) async throws(Problem) -> Response {
        let body = try await limits.object(
            of: request,
            fields: ["manifest_cid", "ttl_s", "expected_version"]
        )
        let manifestID: ContentID
        let ttl: Int?
        let expected: Int?
        do {
            manifestID = try ContentID(parsing: try body.requiredString("manifest_cid"))
            ttl = try body.integer("ttl_s", in: 1...31_536_000)
            expected = try body.integer("expected_version", in: 0...Int(Int32.max))
        } catch {
            throw Problem(anyOf: error)
        }
        let precondition = try NamePrecondition.parse(request.headers, expectedVersion: expected)
        let outcome = try await write(invalidating: [.name(name)]) { store in
            try store.putName(
                name,
                manifestID: manifestID,
                ttl: ttl,
                precondition: precondition,
                at: .now()
            )
        }
        return try response(to: outcome)
    }

    private func removeName(_ name: Name, _ request: Request) async throws(Problem) -> Response {
        let expected = try await parseExpectedVersion(request)
        let precondition = try NamePrecondition.parse(request.headers, expectedVersion: expected)
        let outcome = try await write(invalidating: [.name(name)]) { store in
            try store.removeName(name, precondition: precondition, at: .now())
        }
        return try response(to: outcome)
    }

    /// The version a removal expects: `?expected_version=`, or a field of the body if there is one.
    private func parseExpectedVersion(_ request: Request) async throws(Problem) -> Int? {
        let parameters = QueryParameters(QueryParameters.split(request.head.path ?? "").query)
        let inQuery = try parameters.number(
            "expected_version",
            from: 0,
            clampedTo: Int(Int32.max)
        )
        let body = try await limits.objectIfAny(of: request, fields: ["expected_version"])
        let inBody: Int?
        do {
            inBody = try body?.integer("expected_version", in: 0...Int(Int32.max))
        } catch {
            throw Problem(anyOf: error)
        }
        guard inQuery == nil || inBody == nil else {
            throw Problem(.badRequest, "give expected_version in the query or in the body")
        }
        return inQuery ?? inBody
    }

    private func response(to outcome: NameWriteOutcome) throws(Problem) -> Response {
        resolver.news.tell(outcome.changes)
        switch outcome {
        case .created(let record): return Self.response(.created, record)
        case .changed(let record, _): return Self.response(.ok, record)
        case .removed: return Response(status: .noContent, headers: [.cacheControl: "no-store"])
        case .notFound: throw Problem(.notFound, "the name is not in the index")
        case .preconditionFailed(let current):
            let state = current.map { "is at version \($0)" } ?? "does not exist"
            var problem = Problem(
                .preconditionFailed,
                "the name \(state); read it again and decide anew"
            )
            problem.currentVersion = current
            throw problem
        }
    }

    private static func response(_ status: HTTPResponse.Status, _ record: NameRecord) -> Response {
        Response(status: status, entityTag: "\"\(record.version)\"") { record.write(to: &$0) }
    }

    func listNames(_ request: Request) async throws(Problem) -> Response {
        let parameters = QueryParameters(QueryParameters.split(request.head.path ?? "").query)
        let prefix = try Self.parsePart(try parameters.text("prefix") ?? "", "prefix")
        let cursor = try parameters.text("after").map { text throws(Problem) in
            try Self.parsePart(text, "after")
        }
        let limit = try parameters.number("limit", from: 1, clampedTo: 1000) ?? 100
        // One more than asked for tells whether there is a next page.
        var records = try await read { store in
            try store.names(prefix: prefix, after: cursor, limit: limit + 1)
        }
        let hasMore = records.count > limit
        records = Array(records.prefix(limit))
        return Response { json in
            json.key("names")
            json.beginArray()
            for record in records {
                json.beginObject()
                record.write(to: &json)
                json.endObject()
            }
            json.endArray()
            json.key("next")
            if hasMore, let last = records.last { json.string(last.name.text) } else { json.null() }
        }
    }

    private func parseName(_ segment: String) throws(Problem) -> Name {
        guard case .name(let name) = try Question.parseKey(segment) else {
            throw Problem(.badRequest, "the path names a content id; a name is needed here")
        }
        guard !name.isKeyName else {
            throw Problem(
                .badRequest,
                "a name that ends in a public key is resolved from the DHT, never from the index"
            )
        }
        return name
    }

    /// A part of a name, folded: every character that a name may have, in any order.
    private static func parsePart(_ text: String, _ parameter: String) throws(Problem) -> String {
        let folded = text.lowercased()
        let punctuation = Array("-_+.".utf8)
        guard folded.utf8.count <= Name.maximumLength,
            folded.utf8.allSatisfy({ $0.isASCIILowercaseOrDigit || punctuation.contains($0) })
        else {
            throw Problem(.badRequest, "\(parameter) may have only a-z 0-9 - _ + and dots")
        }
        return folded
    }
}

extension NameRecord {
    fileprivate func write(to json: inout JSONWriter) {
        json.field("name", name.text)
        json.field("manifest_cid", manifestID.description)
        if let ttl { json.field("ttl_s", ttl) }
        json.field("version", version)
        json.field("updated_at", updatedAt.description)
    }
}

extension Problem {
    /// What the parsing of a body's fields may throw.
    init(anyOf error: any Error) {
        switch error {
        case let error as KeyError: self.init(error)
        case let error as FieldError: self.init(error)
        case let error as JSONError: self.init(error)
        case let error as Problem: self = error
        default: self.init(.internal, "the request could not be read")
        }
    }
}
