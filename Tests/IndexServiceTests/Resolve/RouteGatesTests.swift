import Cache
import Testing

@testable import IndexService

/// What the gates tell of those who wait in front of them.
@Suite(.timeLimit(.minutes(1))) struct RouteGatesTests {
    /// How a wait may come to its end.
    enum End: CaseIterable, Sendable {
        case admitted, displaced, expired, cancelled, closed

        var error: MissGateError? {
            switch self {
            case .admitted: nil
            case .displaced: .displaced
            case .expired: .expired
            case .cancelled: .cancelled
            case .closed: .closed
            }
        }
    }

    @Test(arguments: End.allCases) func everyWaitIsMeasuredWhateverItsEnd(end: End) async throws {
        let (gates, metrics) = makeGates(running: 1, waiting: 2)
        #expect(await gates.refusal(from: 1) == nil)
        let deadline = MonotonicInstant.now().advanced(by: 500_000_000)
        let waiter = Task {
            await gates.refusal(from: 1, by: end == .expired ? deadline : .distantFuture)
        }
        await becomesTrue { gates.load(of: .providers).waiting == 1 }
        var others: [Task<MissGateError?, Never>] = []
        switch end {
        case .admitted: gates.leave(.providers)
        case .displaced:
            others.append(Task { await gates.refusal(from: 1) })
            await becomesTrue { gates.load(of: .providers).waiting == 2 }
            others.append(Task { await gates.refusal(from: 2) })
        case .expired:
            await becomesTrue { MonotonicInstant.now() > deadline }
            gates.leave(.providers)
        case .cancelled: waiter.cancel()
        case .closed: gates.close()
        }
        #expect(await waiter.value == end.error)
        // The first one, who got in at once, and the one who waited.
        #expect(try waits(metrics) == 2)
        gates.close()
        for other in others { #expect(await other.value == .closed) }
        #expect(try waits(metrics) == 2 + Double(others.count))
    }

    @Test func whoIsRefusedAtOnceHasNotWaited() async throws {
        let (gates, metrics) = makeGates(running: 1, waiting: 0)
        #expect(await gates.refusal(from: 1) == nil)
        #expect(await gates.refusal(from: 1) == .full)
        #expect(await gates.refusal(from: 1, by: .milliseconds(0)) == .expired)
        gates.close()
        #expect(await gates.refusal(from: 1) == .closed)
        #expect(try waits(metrics) == 1)
    }

    private func makeGates(running: Int, waiting: Int) -> (RouteGates, Metrics) {
        var limits = RouteGates.Limits()
        limits.running = running
        limits.waiting = waiting
        let metrics = Metrics()
        return (RouteGates(limits, metrics: metrics), metrics)
    }

    private func waits(_ metrics: Metrics) throws -> Double? {
        let name = "miss_gate_wait_seconds_count"
        return try Exposition(metrics.exposition()).value(name, "route=providers")
    }
}

extension RouteGates {
    /// Why entering failed; nil when it did not.
    fileprivate func refusal(
        from address: UInt32,
        by deadline: MonotonicInstant = .distantFuture
    ) async -> MissGateError? {
        do {
            try await enter(.providers, from: .four(address), by: deadline)
            return nil
        } catch {
            return error
        }
    }
}
