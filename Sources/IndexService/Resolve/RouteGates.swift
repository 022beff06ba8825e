internal import Cache

/// The gates in front of what RAM cannot answer: one for each route, all of the same size.
package struct RouteGates: Sendable {
    /// How much of one route may be under way.
    package struct Limits: Sendable {
        /// Requests that run at once.
        package var running = 512
        /// Requests that wait behind them; beyond that they are refused.
        package var waiting = 512

        package init() {}
    }

    private let gates: [MissGate]
    private let metrics: Metrics

    package init(_ limits: Limits = Limits(), metrics: Metrics) {
        gates = GatedRoute.allCases.map { _ in
            MissGate(running: limits.running, waiting: limits.waiting)
        }
        self.metrics = metrics
    }

    /// Returns with a place of the route, which is given back with `leave`.
    ///
    /// Every wait is measured, whatever its end: a gate is at its worst when nobody gets in.
    /// Whoever is refused at once has not waited.
    ///
    /// - Parameters:
    ///   - client: who asks; places are shared out fairly between addresses.
    ///   - deadline: when the caller is gone.
    func enter(
        _ route: GatedRoute,
        from client: ClientAddress,
        by deadline: MonotonicInstant
    ) async throws(MissGateError) {
        let arrived = MonotonicInstant.now()
        do throws(MissGate.Refusal) {
            try await gates[route.rawValue].enter(from: client, deadline: deadline, at: arrived)
            recordWait(for: route, since: arrived)
        } catch {
            if error.hasWaited { recordWait(for: route, since: arrived) }
            throw error.reason
        }
    }

    private func recordWait(for route: GatedRoute, since arrived: MonotonicInstant) {
        let wait = MonotonicInstant.now().nanoseconds(since: arrived)
        metrics.gateWaitEnded(route, afterNanoseconds: Int64(clamping: wait))
    }

    func leave(_ route: GatedRoute) {
        gates[route.rawValue].leave(at: .now())
    }

    /// Changes how much may be under way; nobody who is in is turned away for it.
    func change(to limits: Limits, at now: MonotonicInstant) {
        for gate in gates { gate.resize(running: limits.running, waiting: limits.waiting, at: now) }
    }

    /// Refuses everybody who waits or comes, because the service shuts down.
    func close() {
        for gate in gates { gate.close() }
    }

    /// Requests of the route that hold a place, and that wait for one.
    func load(of route: GatedRoute) -> (running: Int, waiting: Int) {
        gates[route.rawValue].load
    }
}
