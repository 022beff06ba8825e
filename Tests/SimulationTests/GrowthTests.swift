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

    /// Readiness wants 30 nodes, and nobody wants to wait for it.
    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func aClientKnowsMostOfASmallNetworkSoon(seed: UInt64) {
        var options = NetworkOptions()
        options.nodes = 40
        options.seed = seed
        options.extendsFirstBuckets = true
        let network = SimulatedNetwork(options)
        network.fillTables()
        var settings = options.settings
        settings.answersQueries = false
        let client = network.addNode(settings)
        let known = network.traits.prefix(8).map(\.endpoint)
        network.withNode(client) { $0.setBootstrapNodes(known, at: network.now) }
        network.run(for: .seconds(8))
        let good = network.nodes[client].status(at: network.now).good
        #expect(good >= 30, "seed \(seed)")
    }

    /// Joining finds one node, and the others come to know each other only then.
    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func aClientOfANetworkThatJustBeginsKnowsItSoon(seed: UInt64) {
        var options = NetworkOptions()
        options.nodes = 40
        options.seed = seed
        options.extendsFirstBuckets = true
        let network = SimulatedNetwork(options)
        var settings = options.settings
        settings.answersQueries = false
        let client = network.addNode(settings)
        let first = network.traits[0].endpoint
        for number in 1..<40 {
            network.withNode(number) { $0.setBootstrapNodes([first], at: network.now) }
        }
        network.withNode(client) { $0.setBootstrapNodes([first], at: network.now) }
        network.run(for: .seconds(10))
        let good = network.nodes[client].status(at: network.now).good
        #expect(good >= 30, "seed \(seed)")
    }

    @Test(arguments: 1...2 as ClosedRange<UInt64>)
    func aClientKnowsMostOfALargeNetworkWithinAMinute(seed: UInt64) {
        var options = NetworkOptions()
        options.nodes = 1_000
        options.seed = seed
        options.extendsFirstBuckets = true
        let network = SimulatedNetwork(options)
        network.fillTables()
        var settings = options.settings
        settings.answersQueries = false
        let client = network.addNode(settings)
        let known = network.traits.prefix(8).map(\.endpoint)
        network.withNode(client) { $0.setBootstrapNodes(known, at: network.now) }
        network.run(for: .seconds(60))
        let good = network.nodes[client].status(at: network.now).good
        #expect(good >= 600, "seed \(seed)")
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
