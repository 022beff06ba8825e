internal import HTTPTypes
internal import Hummingbird

// POST /admin/reindex, /admin/pin, /admin/unpin, /admin/purge: {"keys": ["libc6", "b3:…"]}

extension IndexResponder {
    /// The most keys in one request.
    private static var maximumKeys: Int { 1000 }

    func act(_ action: Endpoint.KeyAction, _ request: Request) async throws(Problem) -> Response {
        let keys = try await parseKeys(request)
        switch action {
        case .purge:
            cache.invalidate(keys)
            return Self.response(.ok, keys)
        case .reindex:
            cache.invalidate(keys)
            try refresh(keys)
            return Self.response(.accepted, keys)
        case .pin:
            guard pins.hasRoom(for: keys) else {
                throw Problem(
                    .overCapacity,
                    "at most \(PinnedKeys.maximumCount) keys can be pinned; unpin some first"
                )
            }
            try await write(invalidating: keys) { try $0.pin(keys) }
            pins.insert(keys)
            try refresh(keys)
            return Self.response(.ok, keys)
        case .unpin:
            try await write(invalidating: keys) { try $0.unpin(keys) }
            pins.remove(keys)
            return Self.response(.ok, keys)
        }
    }

    private func refresh(_ keys: [ResolveKey]) throws(Problem) {
        guard refresher.enqueue(keys) else {
            throw Problem(
                .overCapacity,
                "too many keys are waiting to be refreshed; try again later"
            )
        }
    }

    private func parseKeys(_ request: Request) async throws(Problem) -> [ResolveKey] {
        let body = try await limits.object(of: request, fields: ["keys"])
        do {
            let texts = try body.requiredStrings("keys", count: 1...Self.maximumKeys)
            return try texts.map { try ResolveKey(parsing: $0) }
        } catch {
            throw Problem(anyOf: error)
        }
    }

    private static func response(
        _ status: HTTPResponse.Status,
        _ keys: [ResolveKey]
    ) -> Response {
        Response(status: status) { $0.field("keys", keys.count) }
    }
}
