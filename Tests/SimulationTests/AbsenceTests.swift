import DHTCore
import DHTSimulator
import Testing

/// What is there is never said not to be, and what is not there is.
struct AbsenceTests {
    /// Looks up one info-hash after the other, with so much time; `disturb` comes in between.
    private func lookUp(
        _ scene: OutageTests.Scene,
        count: Int = 100,
        deadline: Int = 1_200,
        holders holderCount: Int,
        disturb: (Int) -> Void = { _ in }
    ) -> [LookupVerdict: Int] {
        let network = scene.network
        var verdicts: [LookupVerdict: Int] = [:]
        for number in 0..<count {
            let target = NodeID.random(using: &network.random)
            let closest = network.closestNodes(to: target, count: 8)
            for holder in closest.shuffled(using: &network.random).prefix(holderCount) {
                let peer = AdversaryTests.provider
                _ = network.nodes[holder].seed(peer: peer, for: target, at: network.now)
            }
            network.withNode(scene.client) { node in
                _ = try? node.start(
                    .peers(target, .init()),
                    deadline: network.now + .milliseconds(deadline),
                    at: network.now
                )
            }
            disturb(number)
            network.run(for: .seconds(6))
            for outcome in network.results { verdicts[outcome.result.verdict, default: 0] += 1 }
            network.results.removeAll()
        }
        return verdicts
    }

    /// The network falls silent at every stage of a lookup.
    @Test(arguments: [200, 700, 5_000], [1_200, 5_000])
    func aSilenceInTheMiddleOfALookupIsNotAbsence(silence: Int, deadline: Int) {
        let scene = OutageTests().makeScene(nodes: 400, slow: 0, silent: 0)
        let verdicts = lookUp(scene, deadline: deadline, holders: 8) { number in
            scene.network.run(for: .milliseconds(number * 2))
            scene.connect(false)
            scene.network.run(for: .milliseconds(silence))
            scene.connect(true)
        }
        #expect(verdicts[.absent] == nil, "\(verdicts)")
        #expect(verdicts[.found] ?? 0 > 0)
    }

    /// Slow and silent nodes are the rule, and no reason not to know.
    @Test(arguments: [(0.05, 100), (0.3, 95)])
    func whatIsNotThereIsSaidToBeAbsentAmongSilentNodes(silent: Double, percent: Int) {
        let scene = OutageTests().makeScene(nodes: 400, silent: silent)
        let verdicts = lookUp(scene, holders: 0)
        #expect(verdicts[.absent] ?? 0 >= percent, "\(verdicts)")
    }

    /// Most of those who had it are gone or have forgotten it.
    @Test(arguments: [(2, 98), (3, 99), (5, 100)])
    func whatFewHaveIsWaitedFor(holders: Int, percent: Int) {
        let scene = OutageTests().makeScene(nodes: 400, silent: 0)
        let verdicts = lookUp(scene, holders: holders)
        #expect(verdicts[.found] ?? 0 >= percent, "\(verdicts)")
    }
}
