package import Cache
internal import ServiceLifecycle
internal import Synchronization

/// The way of a question that RAM could not answer: joined to others who ask the same, admitted,
/// then resolved.
///
/// Joining comes before admission: whoever joins costs a waiter, not a lookup. The work is this
/// service's and not a caller's, so that a caller who leaves harms nobody and what was found still
/// reaches the cache.
package final class Misses: Service {
    private struct Key: Hashable {
        let query: AnswerQuery
        let skipsCache: Bool
    }

    /// How often a caller asks again, when a write overtook the outcome or another caller's failure
    /// came instead of one.
    private static let rounds = 3
    /// Callers that wait for any of the misses under way.
    private static let maximumCallers = 16_384

    private let resolver: Resolver
    private let metrics: Metrics
    private let bus: EventBus
    private let flights: InFlightMisses<Key, Resolved, ResolveError>
    private let gates: RouteGates

    package init(resolver: Resolver, metrics: Metrics, bus: EventBus, gates: RouteGates) {
        self.resolver = resolver
        self.metrics = metrics
        self.bus = bus
        flights = InFlightMisses(
            maximumWaiters: Self.maximumCallers,
            // The gates say who is let in; here nobody is refused whom they might favour.
            maximumKeys: Self.maximumCallers
        )
        self.gates = gates
    }

    /// The outcome of `query`, from work that is under way for it or else from new work.
    ///
    /// - Parameters:
    ///   - client: who asks; places are shared out fairly between addresses.
    ///   - skipsCache: whether an answer in RAM will not do.
    ///   - deadline: when the caller is gone.
    package func resolve(
        _ query: AnswerQuery,
        from client: ClientAddress = .other,
        skippingCache skipsCache: Bool = false,
        by deadline: MonotonicInstant
    ) async throws(ResolveError) -> Resolved {
        let key = Key(query: query, skipsCache: skipsCache)
        var asked = 0
        while true {
            let role = Role()
            asked += 1
            do {
                let resolved = try await join(key, as: role, from: client, by: deadline)
                // The work may have begun before a write was acknowledged, which may be the
                // caller's own. A storm of writes ends after a few rounds.
                if resolver.isCurrent(resolved) || asked > Self.rounds { return resolved }
            } catch {
                // What another caller was refused, for its address or its time, says nothing yet.
                guard !role.leads, error.isAboutOneCaller, asked <= Self.rounds,
                    MonotonicInstant.now() < deadline
                else { throw ResolveError(error) }
            }
        }
    }

    private func join(
        _ key: Key,
        as role: Role,
        from client: ClientAddress,
        by deadline: MonotonicInstant
    ) async throws(JoinError<ResolveError>) -> Resolved {
        do {
            let resolved = try await flights.join(key) { [self] in
                role.lead()
                do throws(ResolveError) {
                    return .success(try await admit(key, from: client, by: deadline))
                } catch {
                    return .failure(error)
                }
            }
            if !role.leads { metrics.resolveCoalesced() }
            return resolved
        } catch {
            if case .failed = error, !role.leads { metrics.resolveCoalesced() }
            throw error
        }
    }

    /// Runs one miss as soon as there is a place for it.
    private func admit(
        _ key: Key,
        from client: ClientAddress,
        by deadline: MonotonicInstant
    ) async throws(ResolveError) -> Resolved {
        // Whoever was first may have ended just before this caller joined.
        if !key.skipsCache, let resolved = resolver.freshlyCached(key.query) { return resolved }
        let route: GatedRoute = key.query.document == .resolution ? .resolve : .providers
        do {
            try await gates.enter(route, from: client, by: deadline)
        } catch {
            throw ResolveError(error)
        }
        defer { gates.leave(route) }
        let resolved = try await resolver.resolve(
            key.query,
            for: key.skipsCache ? .bypass : .caller,
            by: deadline
        )
        bus.publish(.resolved(key: key.query.key, source: resolved.source))
        return resolved
    }

    /// Callers that wait, and misses that run and that wait for their turn.
    var load: (callers: Int, running: Int, waiting: Int) {
        let (resolve, providers) = (gates.load(of: .resolve), gates.load(of: .providers))
        return (
            flights.load.waiting,
            resolve.running + providers.running,
            resolve.waiting + providers.waiting
        )
    }

    /// Tells everybody who waits that the service shuts down, and cancels what they wait for.
    func giveUp() {
        gates.close()
        flights.close()
    }

    /// Works until the service shuts down; who still waits then is told so.
    package func run() async throws {
        await withGracefulShutdownHandler {
            await flights.run()
        } onGracefulShutdown: {
            self.giveUp()
        }
        // Whose turn to end has not come is taken for a service that failed.
        try? await gracefulShutdown()
    }

    /// Whether a caller's question was the first of its kind.
    private final class Role: Sendable {
        private let isLeader = Atomic(false)

        var leads: Bool { isLeader.load(ordering: .relaxed) }

        func lead() {
            isLeader.store(true, ordering: .relaxed)
        }
    }
}

extension ResolveError {
    init(_ error: MissGateError) {
        switch error {
        case .full, .displaced: self = .overCapacity
        case .expired, .cancelled: self = .timedOut
        case .closed: self = .closing
        }
    }
}

extension JoinError<ResolveError> {
    /// Whether it may come of who brought the work, and not of what was asked.
    fileprivate var isAboutOneCaller: Bool {
        switch self {
        case .failed(.overCapacity), .failed(.timedOut): true
        case .failed, .refused, .cancelled, .closed: false
        }
    }
}

extension ResolveError {
    fileprivate init(_ error: JoinError<ResolveError>) {
        switch error {
        case .failed(let error): self = error
        case .refused: self = .overCapacity
        case .cancelled: self = .timedOut
        case .closed: self = .closing
        }
    }
}
