internal import Cache
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
            // A pin promises an answer in RAM.
            _ = refresher.enqueue(keys.filter(pins.contains))
            return Self.response(.ok, keys)
        case .reindex:
            try refuseUnanswerable(keys)
            try refresh(keys)
            return Self.response(.accepted, keys)
        case .pin:
            try refuseUnanswerable(keys)
            // All sets change on the store's one writing thread, so that they agree whatever else
            // is pinned and unpinned at the same time. No answer ends: it may be the last there is.
            let limit = min(PinnedKeys.maximumCount, cache.pinCapacity)
            try await write(invalidating: []) { [pins, cache] store in
                try store.pin(keys, limit: limit)
                pins.insert(keys)
                cache.setPinned(true, keys)
            }
            // The pins stand; where no place is left to refresh them now, their turn comes later.
            _ = refresher.enqueue(keys)
            return Self.response(.ok, keys)
        case .unpin:
            try await write(invalidating: []) { [pins, cache] store in
                try store.unpin(keys)
                pins.remove(keys)
                cache.setPinned(false, keys)
            }
            return Self.response(.ok, keys)
        }
    }

    /// What could not be looked up is neither refreshed nor kept fresh.
    private func refuseUnanswerable(_ keys: [ResolveKey]) throws(Problem) {
        for key in keys {
            do {
                try resolver.refuseUnanswerable(key)
            } catch {
                throw Problem(error)
            }
        }
    }

    /// Has keys looked up again, and the providers of content ids that were asked for by
    /// themselves.
    ///
    /// What RAM has is given out until then, and stays when nothing can be found out.
    private func refresh(_ keys: [ResolveKey]) throws(Problem) {
        let now = MonotonicInstant.now()
        let providers = keys.filter { key in
            key.kind == .contentID
                && cache.outcome(for: AnswerQuery(.providers, key), at: now) != nil
        }
        guard refresher.enqueue(keys, andProvidersOf: providers) else {
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
