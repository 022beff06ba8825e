internal import Cache

/// Reads of the index that somebody waits for: within the store's time, and not at all while the
/// circuit breaker says that they keep failing.
struct IndexReads: Sendable {
    let store: IndexStore
    let breaker: CircuitBreaker
    let metrics: Metrics

    func read<Output: Sendable>(
        _ body: @escaping @Sendable (IndexStore) throws -> Output
    ) async throws(StoreError) -> Output {
        guard let permit = breaker.admit(at: .now()) else {
            throw .unavailable("its reads keep failing")
        }
        do {
            let output = try await store.reading(body)
            breaker.succeeded(permit, at: .now())
            return output
        } catch {
            if case .integrity = error { metrics.integrityFailed() }
            report(error, permit)
            throw error
        }
    }

    /// Bytes that are wrong are the store's failure as little as a caller who leaves, or one who
    /// found too many others there.
    private func report(_ error: StoreError, _ permit: CircuitBreaker.Permit) {
        if Task.isCancelled || error == .crowded {
            breaker.withdrawn(permit)
        } else if error.isStoreFailure {
            breaker.failed(permit, at: .now())
        } else {
            breaker.succeeded(permit, at: .now())
        }
    }

    /// What is wrong with the reads as far as callers have seen; nil when nothing is.
    ///
    /// After the breaker's pause it reads like a caller, so that a return shows without one, and an
    /// index that still fails does not look well in between.
    func obstacle() async -> String? {
        let reason = "most reads of the last seconds failed; the next try follows"
        switch breaker.phase(at: .now()) {
        case .closed: return nil
        case .open: return reason
        case .halfOpen:
            let unlikely = ResolveKey.contentID(ContentID(of: Array("readiness".utf8)))
            do {
                _ = try await read { try $0.lookUp(unlikely, at: .now()) }
                return nil
            } catch {
                return reason
            }
        }
    }
}
