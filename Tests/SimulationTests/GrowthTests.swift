import DHTCore
import DHTSimulator
import Testing

/// Networks that grow by themselves, from one node that the others know.
struct GrowthTests {
    func makeNetwork(nodes: Int, seed: UInt64) -> SimulatedNetwork {
        var options = NetworkOptions()
        options.nodes = nodes
        options.seed = seed
        let network = SimulatedNetwork(options)
        let first = network.traits[0].endpoint
        for number in network.nodes.indices.dropFirst() {
            network.withNode(number) { $0.setBootstrapNodes([first], at: network.now) }
            network.run(for: .milliseconds(100))
        }
        return network
    }

    @Test(arguments: [1, 2] as [UInt64])
    func aNetworkGrowsFromOneNode(seed: UInt64) throws {
        let network = makeNetwork(nodes: 40, seed: seed)
        network.run(for: .seconds(120))
        for number in network.nodes.indices {
            let status = network.nodes[number].status(at: network.now)
            #expect(status.good >= 8, "seed \(seed), node \(number): \(status.good)")
        }
        let target = NodeID.random(using: &network.random)
        network.withNode(3) { node in
            _ = try? node.publish(
                .peer(infoHash: target, port: 4_000),
                deadline: network.now + .seconds(5),
                at: network.now
            )
        }
        network.run(for: .seconds(6))
        let write = try #require(network.results.first?.result.write)
        #expect(write.stored == 8, "seed \(seed)")
        network.results.removeAll()
        for number in 10..<30 {
            network.withNode(number) { node in
                _ = try? node.start(
                    .peers(target, .init()),
                    deadline: network.now + .milliseconds(1_200),
                    at: network.now
                )
            }
        }
        network.run(for: .seconds(3))
        let provider = network.traits[3].endpoint.with(port: 4_000)
        #expect(network.results.count == 20)
        for outcome in network.results {
            #expect(outcome.result.providers.map(\.endpoint) == [provider], "seed \(seed)")
        }
    }

    private func makeOptions(nodes: Int, seed: UInt64) -> NetworkOptions {
        var options = NetworkOptions()
        options.nodes = nodes
        options.seed = seed
        options.extendsFirstBuckets = true
        return options
    }

    /// Good contacts of a client, so long after it has joined a network.
    private func contactsOfAClient(nodes: Int, seed: UInt64, after time: TimeSpan) -> Int {
        let options = makeOptions(nodes: nodes, seed: seed)
        let network = SimulatedNetwork(options)
        network.fillTables()
        var settings = options.settings
        settings.answersQueries = false
        let client = network.addNode(settings)
        let known = network.traits.prefix(8).map(\.endpoint)
        network.withNode(client) { $0.setBootstrapNodes(known, at: network.now) }
        network.run(for: time)
        return network.nodes[client].status(at: network.now).good
    }

    /// Readiness wants 30 nodes, and nobody wants to wait for it; nor may it be a matter of luck.
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func aClientKnowsMostOfASmallNetworkSoon(seed: UInt64) {
        #expect(contactsOfAClient(nodes: 40, seed: seed, after: .seconds(4)) >= 30)
    }

    /// Joining finds one node; the others come one by one, and none of them hears of a client that
    /// answers nobody.
    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func aClientOfANetworkThatGrowsKnowsItSoon(seed: UInt64) {
        let options = makeOptions(nodes: 40, seed: seed)
        let network = SimulatedNetwork(options)
        var settings = options.settings
        settings.answersQueries = false
        // As in the service.
        settings.canaryInterval = .milliseconds(500)
        let client = network.addNode(settings)
        let first = [network.traits[0].endpoint]
        for number in [client] + (1..<40) {
            network.withNode(number) { $0.setBootstrapNodes(first, at: network.now) }
            network.run(for: .milliseconds(500))
        }
        network.run(for: .seconds(15))
        #expect(network.nodes[client].status(at: network.now).good >= 30)
    }

    @Test(arguments: 1...2 as ClosedRange<UInt64>)
    func aClientKnowsMostOfALargeNetworkWithinAMinute(seed: UInt64) {
        #expect(contactsOfAClient(nodes: 1_000, seed: seed, after: .seconds(60)) >= 600)
    }

    @Test func anIdleNetworkIsQuiet() {
        let network = makeNetwork(nodes: 40, seed: 7)
        network.run(for: .seconds(300))
        let before = network.statistics.sent
        network.run(for: .seconds(600))
        let perNodeAndSecond = Double(network.statistics.sent - before) / 40 / 600
        #expect(perNodeAndSecond < 1, "\(perNodeAndSecond) datagrams")
    }
}
