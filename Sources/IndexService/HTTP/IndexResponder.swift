internal import Cache
internal import HTTPTypes
internal import Hummingbird
internal import Logging

/// Answers what the event loop could not: one call per endpoint, in one place.
///
/// Requests arrive here accepted and complete (`ExchangeHandler`): the method fits the endpoint,
/// the admin token was right, the body is within its cap.
struct IndexResponder: HTTPResponder {
    typealias Context = IndexRequestContext

    let resolver: Resolver
    let gates: RouteGates
    let misses: Misses
    let rates: ClientRates
    let store: IndexStore
    let reads: IndexReads
    let cache: AnswerCache
    let pins: PinnedKeys
    let refresher: Refresher
    let readiness: Readiness
    let upstreams: Upstreams
    let metrics: Metrics
    let limits: BodyReader
    let tuning: ExchangeTuning
    let logger: Logger

    func respond(to request: Request, context: Context) async throws -> Response {
        let correlationID = request.headers[.correlationID] ?? ""
        do throws(Problem) {
            return try await answer(request, from: context.client)
        } catch {
            // Whatever else fails has its line as a request; its cause is told by readiness.
            if error.code == .internal {
                logger.error(
                    "a request failed",
                    metadata: ["corr_id": "\(correlationID)", "detail": "\(error.detail)"]
                )
            }
            return Response(error, correlationID: correlationID)
        }
    }

    private func answer(
        _ request: Request,
        from client: ClientAddress
    ) async throws(Problem) -> Response {
        let target = request.head.path ?? "/"
        guard let path = Screening.path(of: target), let endpoint = Endpoint(path: path) else {
            throw Problem(.notFound, "no such path")
        }
        if endpoint.route != .ops { try checkRate(of: client) }
        guard let route = endpoint.gatedRoute else {
            return try await answer(endpoint, request, from: client)
        }
        let deadline = MonotonicInstant.now().advanced(by: tuning.patience)
        do {
            try await gates.enter(route, from: client, by: deadline)
        } catch {
            throw Problem(error)
        }
        defer { gates.leave(route) }
        return try await answer(endpoint, request, from: client)
    }

    private func answer(
        _ endpoint: Endpoint,
        _ request: Request,
        from client: ClientAddress
    ) async throws(Problem) -> Response {
        switch endpoint {
        case .resolve, .providers:
            return try await answerQuestion(endpoint, request, from: client)
        case .manifest(let id): return try await manifest(id, request)
        case .adminName(let name): return try await changeName(name, request)
        case .adminNames: return try await listNames(request)
        case .adminManifest(let id): return try await storeManifest(id, request)
        case .adminProviders(let id): return try await changeProviders(of: id, request)
        case .adminKeys(let action): return try await act(action, request)
        case .adminImport: return try await importLines(request)
        case .health: return Response { $0.field("status", "ok") }
        case .readiness: return readinessReport()
        case .version: return Response(json: BuildInformation.current.write(to:))
        case .metrics: return exposition()
        }
    }

    /// What RAM answers never comes here, and is free.
    private func checkRate(of client: ClientAddress) throws(Problem) {
        let now = MonotonicInstant.now()
        guard !rates.admit(client, at: now) else { return }
        let wait = rates.nextFree(for: client, at: now).seconds(since: now) + 1
        throw Problem(
            .overCapacity,
            "this address asks too often; ask less often",
            retryAfter: wait
        )
    }

    /// Runs a store write and ends the cached answers it touches before it is acknowledged.
    ///
    /// They are ended after a failed write too: it may have been committed before it failed. What
    /// it changed is for the caller to tell (`Resolver.news`).
    func write<Output: Sendable>(
        invalidating keys: [ResolveKey],
        _ body: @escaping @Sendable (IndexStore) throws -> Output
    ) async throws(Problem) -> Output {
        defer { cache.invalidate(keys) }
        do {
            return try await store.writing(unless: Withdrawal.current, body)
        } catch {
            throw Problem(error)
        }
    }

    /// Runs a store read, with its errors as callers see them.
    func read<Output: Sendable>(
        _ body: @escaping @Sendable (IndexStore) throws -> Output
    ) async throws(Problem) -> Output {
        do {
            return try await reads.read(body)
        } catch {
            throw Problem(error)
        }
    }
}
