import DHTCore
import DHTSimulator
import Testing

/// Liars that name dead addresses in the networks of the honest nodes closest to a target.
struct SquatterTests {
    /// Only the three closest have it, and those are the ones whose places are taken.
    @Test(arguments: [400, 2_000], [1, 2])
    func whoSquatsOnANetworkHidesNobodyInIt(nodes: Int, liars: Int) {
        var options = NetworkOptions()
        options.nodes = nodes
        options.seed = 3
        let network = SimulatedNetwork(options)
        network.fillTables()
        var verdicts: [LookupVerdict: Int] = [:]
        for _ in 0..<40 {
            let target = NodeID.random(using: &network.random)
            let closest = network.closestNodes(to: target, count: 8)
            let holders = closest.prefix(3)
            for holder in holders {
                let peer = AdversaryTests.provider
                _ = network.nodes[holder].seed(peer: peer, for: target, at: network.now)
            }
            let client = network.randomClient()
            let members = holders.map { makeFake(of: network.traits[$0].endpoint, target, network) }
            let chosen = chooseLiars(liars, near: target, known: client, closest, network)
            for liar in chosen { network.traits[liar].liar = .accomplice(of: members) }
            network.withNode(client) { node in
                _ = try? node.start(
                    .peers(target, .init()),
                    deadline: network.now + .milliseconds(1_200),
                    at: network.now
                )
            }
            network.run(for: .seconds(2))
            for outcome in network.results where outcome.node == client {
                verdicts[outcome.result.verdict, default: 0] += 1
            }
            network.results.removeAll()
            for liar in chosen { network.traits[liar].liar = nil }
        }
        #expect(verdicts == [.found: 40], "\(verdicts)")
    }

    /// A dead address in the /24 of an honest node, said to be close to the target.
    private func makeFake(
        of honest: Endpoint,
        _ target: NodeID,
        _ network: SimulatedNetwork
    ) -> Liar.Member {
        let bytes = honest.addressBytes
        return Liar.Member(
            id: target.randomNeighbour(sharing: 100, using: &network.random),
            endpoint: Endpoint(bytes[0], bytes[1], bytes[2], bytes[3] ^ 0x55, port: 6_881)
        )
    }

    /// The contacts of the client that it will ask first and that do not have it.
    private func chooseLiars(
        _ count: Int,
        near target: NodeID,
        known client: Int,
        _ holders: [Int],
        _ network: SimulatedNetwork
    ) -> [Int] {
        let numbers = network.nodes[client].goodContacts(at: network.now)
            .sorted { $0.id.distance(to: target) < $1.id.distance(to: target) }
            .compactMap { network.number(of: $0.endpoint) }
            .filter { !holders.contains($0) && !network.traits[$0].isSilent }
        return Array(numbers.prefix(count))
    }
}
