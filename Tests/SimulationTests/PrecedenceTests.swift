import DHTCore
import DHTSimulator
import Testing

/// Lookups in the background share the packets that a node may be sent with those of callers, and
/// in a small network these are few.
struct PrecedenceTests {
    /// What came of a caller's lookups, and of those that followed them in the background.
    private struct Run {
        var callers = Distribution()
        var callersHeldBack = 0
        var callerVerdicts: [LookupVerdict: Int] = [:]
        var backgroundEnds: [LookupEnd: Int] = [:]
        var backgroundQueries = Distribution()
    }

    /// As the service does: a caller's lookup ends with the first provider, and all of the closest
    /// are asked afterwards, eight such lookups at once.
    private func run(priority: LookupPriority, seed: UInt64, count: Int = 400) throws -> Run {
        let scene = OutageTests().makeScene(nodes: 200, seed: seed) { $0.roundTrip = 20...21 }
        let network = scene.network
        var run = Run()
        var waiting: [NodeID] = []
        var background: Set<LookupID> = []
        func settle(_ outcome: SimulatedNetwork.Outcome) {
            let report = outcome.result.report
            if background.remove(outcome.result.id) != nil {
                run.backgroundEnds[report.end, default: 0] += 1
                run.backgroundQueries.add(Double(report.queried))
            } else {
                run.callers.add(report.elapsed.milliseconds)
                run.callersHeldBack += report.heldBack
                run.callerVerdicts[outcome.result.verdict, default: 0] += 1
                waiting.append(outcome.result.target)
            }
            while background.count < 8, !waiting.isEmpty {
                let goal = LookupGoal.peers(waiting.removeFirst(), .init(providers: .max))
                let id = network.withNode(scene.client) { node in
                    try? node.start(
                        goal,
                        options: LookupOptions(priority: priority),
                        deadline: network.now + .milliseconds(4_800),
                        at: network.now
                    )
                }
                if let id { background.insert(id) }
            }
        }
        func settleNext() throws {
            try #require(network.runToNextOutcome(until: network.now + .seconds(10)))
            let outcomes = network.results
            network.results.removeAll()
            for outcome in outcomes { settle(outcome) }
        }
        for number in 1...count {
            let target = NodeID.random(using: &network.random)
            for holder in network.closestNodes(to: target, count: 8) {
                let peer = AdversaryTests.provider
                _ = network.nodes[holder].seed(peer: peer, for: target, at: network.now)
            }
            network.withNode(scene.client) { node in
                _ = try? node.start(
                    .peers(target, .init()),
                    deadline: network.now + .milliseconds(1_200),
                    at: network.now
                )
            }
            while run.callers.count < number { try settleNext() }
        }
        while !background.isEmpty { try settleNext() }
        return run
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func noCallerWaitsForWhatNobodyWaitsFor(seed: UInt64) throws {
        let before = try run(priority: .caller, seed: seed)
        let after = try run(priority: .background, seed: seed)
        // As it was while all were equal: what nobody waited for took the packets of a second.
        #expect(before.callersHeldBack > 100)
        #expect(before.callers.summary.p99 > after.callers.summary.p99)
        #expect(after.callersHeldBack * 10 < before.callersHeldBack)
        #expect(after.callers.summary.p99 < 100)
        #expect(after.callerVerdicts == [.found: 400])
        // And they are done all the same, for no more queries.
        let complete = after.backgroundEnds[.complete] ?? 0
        #expect(complete >= 380, "\(after.backgroundEnds)")
        #expect(after.backgroundQueries.mean < before.backgroundQueries.mean * 1.1)
    }
}
