internal import HTTPTypes
internal import Hummingbird

// PUT and DELETE /admin/providers/{cid}.

extension IndexResponder {
    func changeProviders(
        of segment: String,
        _ request: Request
    ) async throws(Problem) -> Response {
        let id = try Question.parseContentID(segment)
        return request.method == .put
            ? try await putProvider(of: id, request) : try await removeProvider(of: id, request)
    }

    private func putProvider(of id: ContentID, _ request: Request) async throws(Problem) -> Response
    {
        let body = try await limits.object(of: request, fields: ["id", "addr", "region", "ttl_s"])
        let provider = try parseProvider(body, at: .now())
        let outcome = try await write(invalidating: [.contentID(id)]) { store in
            try store.putProvider(provider, of: id)
        }
        resolver.news.tell(outcome.changes(of: id))
        return Response(status: outcome == .created ? .created : .ok) { json in
            json.field("cid", id.description)
            json.field("id", provider.id.description)
            json.field("addr", provider.address.description)
            if let region = provider.region { json.field("region", region.description) }
            if let end = provider.expiresAt { json.field("expires_at", end.description) }
        }
    }

    private func parseProvider(
        _ body: JSONObjectReader,
        at now: UnixTime
    ) throws(Problem) -> Provider {
        do {
            let ttl = try body.integer("ttl_s", in: 1...31_536_000)
            return Provider(
                id: try ProviderID(parsing: try body.requiredString("id")),
                address: try ProviderAddress(parsing: try body.requiredString("addr")),
                region: try body.string("region").map { try Region(parsing: $0) },
                lastSeen: now,
                expiresAt: ttl.map(now.advanced(bySeconds:))
            )
        } catch {
            throw Problem(anyOf: error)
        }
    }

    private func removeProvider(
        of id: ContentID,
        _ request: Request
    ) async throws(Problem) -> Response {
        let provider = try await parseProviderID(request)
        let wasThere = try await write(invalidating: [.contentID(id)]) { store in
            try store.removeProvider(provider, of: id)
        }
        guard wasThere else {
            throw Problem(.notFound, "the content id has no provider with this id")
        }
        resolver.news.tell(IndexChanges(providerSets: [id]))
        return Response(status: .noContent, headers: [.cacheControl: "no-store"])
    }

    /// The provider to remove: `?id=`, or `id` in a JSON body.
    private func parseProviderID(_ request: Request) async throws(Problem) -> ProviderID {
        let parameters = QueryParameters(QueryParameters.split(request.head.path ?? "").query)
        if let text = try parameters.text("id") {
            do {
                return try ProviderID(parsing: text)
            } catch {
                throw Problem(error)
            }
        }
        let body = try await limits.object(of: request, fields: ["id"])
        do {
            return try ProviderID(parsing: try body.requiredString("id"))
        } catch {
            throw Problem(anyOf: error)
        }
    }
}
