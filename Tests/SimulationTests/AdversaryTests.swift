import Randomness
import DHTCore
import DHTSimulator
import Testing

/// Liars cost time and packets; they change no result and fill no memory.
struct AdversaryTests {
    static let provider = Endpoint(v4: 0x5000_0001, port: 4_000)

    func makeNetwork(
        seed: UInt64 = 1,
        nodes: Int = 400,
        liars fraction: Double = 0,
        _ liar: Liar = .wrongNodes,
        _ change: (inout NetworkOptions) -> Void = { _ in }
    ) -> SimulatedNetwork {
        var options = NetworkOptions()
        options.nodes = nodes
        options.seed = seed
        change(&options)
        let network = SimulatedNetwork(options)
        network.fillTables()
        for number in network.nodes.indices where network.random.happens(fraction) {
            network.traits[number].liar = liar
        }
        return network
    }

    /// Runs lookups for provided info-hashes one after the other.
    func lookUp(
        _ network: SimulatedNetwork,
        count: Int = 60,
        enough: LookupGoal.Enough = .init(),
        deadline: TimeSpan = .milliseconds(1_200)
    ) -> [LookupResult] {
        var results: [LookupResult] = []
        for _ in 0..<count {
            let target = NodeID.random(using: &network.random)
            for number in network.closestNodes(to: target, count: 8) {
                _ = network.nodes[number].seed(peer: Self.provider, for: target, at: network.now)
            }
            network.withNode(network.randomClient()) { node in
                _ = try? node.start(
                    .peers(target, enough),
                    deadline: network.now + deadline,
                    at: network.now
                )
            }
            network.run(for: .seconds(2))
            results += network.results.map(\.result)
            network.results.removeAll()
        }
        return results
    }

    func foundShare(_ results: [LookupResult]) -> Double {
        let found = results.count { result in
            result.providers.contains { $0.endpoint == Self.provider }
        }
        return Double(found) / Double(max(1, results.count))
    }

    /// No lookup went on for longer, asked more or kept more than it may.
    func expectBounds(_ results: [LookupResult], deadline: TimeSpan = .milliseconds(1_200)) {
        let settings = LookupSettings()
        for result in results {
            #expect(result.report.elapsed <= deadline)
            #expect(result.report.queried <= settings.packetBudget)
            #expect(result.providers.count <= settings.providersLimit)
        }
    }

    /// Contacts that no node of the network answers to.
    func inventedContacts(_ network: SimulatedNetwork) -> Int {
        network.nodes.reduce(0) { count, node in
            count
                + node.goodContacts(at: network.now).count {
                    network.number(of: $0.endpoint) == nil
                }
        }
    }

    @Test func silentAndSlowNodesHideNoProviders() {
        let network = makeNetwork {
            $0.silentFraction = 0.2
            $0.tailFraction = 0.3
        }
        let results = lookUp(network, deadline: .seconds(3))
        #expect(results.count == 60)
        #expect(foundShare(results) >= 0.98)
        expectBounds(results, deadline: .seconds(3))
    }

    @Test func aTenthOfWrongNodesDoesNotHideProviders() {
        let network = makeNetwork(liars: 0.1, .wrongNodes)
        let results = lookUp(network)
        #expect(results.count == 60)
        #expect(foundShare(results) >= 0.98)
        expectBounds(results)
        #expect(inventedContacts(network) == 0)
    }

    @Test func lookupsOfIPv6NodesSucceedAmongSilentOnes() throws {
        let network = makeNetwork {
            $0.family = .v6
            $0.silentFraction = 0.1
        }
        let provider = Endpoint(v6: 0x2A01 << 48, 5, port: 4_000)
        for _ in 0..<20 {
            let target = NodeID.random(using: &network.random)
            for number in network.closestNodes(to: target, count: 8) {
                _ = network.nodes[number].seed(peer: provider, for: target, at: network.now)
            }
            network.withNode(network.randomClient()) { node in
                _ = try? node.start(
                    .peers(target, .init()),
                    options: LookupOptions(family: .v6),
                    deadline: network.now + .seconds(3),
                    at: network.now
                )
            }
            network.run(for: .seconds(4))
        }
        #expect(network.results.count == 20)
        for outcome in network.results {
            #expect(outcome.result.providers.map(\.endpoint) == [provider])
        }
    }

    @Test func inventedPeersDoNotHideRealOnes() {
        let network = makeNetwork(liars: 0.1, .randomPeers)
        let results = lookUp(network, enough: .init(providers: .max), deadline: .seconds(3))
        #expect(foundShare(results) >= 0.98)
        for result in results {
            // What several nodes name stands out from what one liar invents.
            let best = result.providers.max { $0.sightings < $1.sightings }
            if foundShare([result]) == 1 { #expect(best?.endpoint == Self.provider) }
            #expect(result.providers.count <= 256)
        }
    }

    @Test func spamIsDroppedAndCounted() {
        let network = makeNetwork(nodes: 150, liars: 0.2, .spammer) { $0.checksInvariants = true }
        let results = lookUp(network, count: 30)
        #expect(foundShare(results) >= 0.98)
        expectBounds(results)
        let unsolicited = network.nodes.reduce(0) { $0 + $1.counters[.unsolicited] }
        let garbage = network.nodes.reduce(0) { $0 + $1.counters[.badBencode] }
        #expect(unsolicited > 100 && garbage > 100)
        #expect(network.violation == nil)
    }

    /// Those that keep silent give way to others, but three of a network are enough.
    @Test func deadOnesOfOneNetworkHaveThreeTurns() throws {
        let subnet: UInt32 = 0x4D00_0000
        let network = makeNetwork(liars: 0.1, .sybil(subnet: subnet))
        let results = lookUp(network)
        #expect(foundShare(results) >= 0.98)
        let target = NodeID.random(using: &network.random)
        network.withNode(network.randomClient()) { node in
            _ = try? node.start(
                .nodes(target),
                options: LookupOptions(isTraced: true),
                deadline: network.now + .seconds(5),
                at: network.now
            )
        }
        network.run(for: .seconds(6))
        let trace = try #require(network.results.first).result.trace
        let sybils = trace.count { ($0.endpoint.v4Address ?? 0) >> 8 == subnet >> 8 }
        #expect(sybils <= 3)
    }

    /// A whole /24 around one target, whose nodes answer well and name each other only.
    @Test func sybilsOfOneNetworkTakeTheirShareAndNoMore() {
        let network = makeNetwork()
        let honest = network.nodes.indices
        let target = NodeID.random(using: &network.random)
        let holders = network.closestNodes(to: target, count: 8)
        let members = (1...200).map { host in
            Liar.Member(
                id: target.randomNeighbour(sharing: 40, using: &network.random),
                endpoint: Endpoint(77, 7, 7, UInt8(host), port: 6_881)
            )
        }
        for member in members {
            _ = network.addNode(member.id, at: member.endpoint, liar: .accomplice(of: members))
        }
        for number in honest {
            for member in members {
                let contact = Contact(
                    id: member.id,
                    endpoint: member.endpoint,
                    lastAnswered: network.now
                )
                _ = network.nodes[number].seed(contact, at: network.now)
            }
        }
        for number in holders {
            _ = network.nodes[number].seed(peer: Self.provider, for: target, at: network.now)
        }
        for client in honest.prefix(40) {
            network.withNode(client) { node in
                _ = try? node.start(
                    .peers(target, .init()),
                    options: LookupOptions(isTraced: true),
                    deadline: network.now + .milliseconds(1_200),
                    at: network.now
                )
            }
        }
        network.run(for: .seconds(20))
        let results = network.results.map(\.result)
        #expect(results.count == 40)
        #expect(foundShare(results) == 1)
        func isSybil(_ endpoint: Endpoint) -> Bool { members.contains { $0.endpoint == endpoint } }
        for result in results { #expect(result.trace.count { isSybil($0.endpoint) } <= 1) }
        for number in honest {
            let contacts = network.nodes[number].goodContacts(at: network.now)
            #expect(contacts.count { isSybil($0.endpoint) } <= RoutingSettings().perNetworkInTable)
        }
    }

    @Test func theNewestItemWinsAgainstOldAndForgedOnes() {
        let network = makeNetwork(nodes: 300)
        let key = SimulatedCryptography.makeKey(42)
        let newest = SimulatedCryptography.makeItem(key, sequence: 7)
        let target = newest.target(SimulatedCryptography.functions)
        var forged = SimulatedCryptography.makeItem(key, sequence: 99)
        forged.mutable?.signature[0] ^= 1
        let old = SimulatedCryptography.makeItem(key, sequence: 3)
        for (rank, number) in network.closestNodes(to: target, count: 8).enumerated() {
            switch rank % 4 {
            case 0: network.traits[number].liar = .forgedItem(forged)
            case 1: network.traits[number].liar = .oldItem(old)
            default: _ = network.nodes[number].seed(newest, at: network.now)
            }
        }
        askForItem(of: key, in: network)
        #expect(network.results.count == 20)
        for outcome in network.results { #expect(outcome.result.item == newest) }
        #expect(network.results.contains { $0.result.report.forged > 0 })
    }

    /// Twenty lookups of a key's item, one after another, each by some client.
    private func askForItem(of key: PublicKey, in network: SimulatedNetwork) {
        for _ in 0..<20 {
            network.withNode(network.randomClient()) { node in
                _ = try? node.start(
                    .mutable(key, salt: []),
                    deadline: network.now + .seconds(5),
                    at: network.now
                )
            }
            network.run(for: .seconds(6))
        }
    }

    /// A third of the network, and half of those that should hold the item, replay an old one or
    /// forge a newer one.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func poisonedItemsCostPacketsWithinTheBudgetAndNothingElse(seed: UInt64) {
        let network = makeNetwork(seed: seed, nodes: 300)
        let key = SimulatedCryptography.makeKey(42)
        let newest = SimulatedCryptography.makeItem(key, sequence: 7)
        let target = newest.target(SimulatedCryptography.functions)
        var forged = SimulatedCryptography.makeItem(key, sequence: 99)
        forged.mutable?.signature[0] ^= 1
        let poisons = [
            Liar.forgedItem(forged), .oldItem(SimulatedCryptography.makeItem(key, sequence: 3)),
        ]
        for number in network.nodes.indices where network.random.happens(0.33) {
            network.traits[number].liar = poisons[number % 2]
        }
        for (rank, number) in network.closestNodes(to: target, count: 8).enumerated() {
            network.traits[number].liar = rank % 2 == 0 ? poisons[rank / 2 % 2] : nil
            if rank % 2 == 1 { _ = network.nodes[number].seed(newest, at: network.now) }
        }
        askForItem(of: key, in: network)
        let results = network.results.map(\.result)
        #expect(results.count == 20)
        for result in results {
            #expect(result.item == newest, "seed \(seed)")
            #expect(result.report.end == .complete, "seed \(seed)")
        }
        expectBounds(results, deadline: .seconds(5))
    }

    @Test func silenceToBEP44DelaysNobody() {
        let network = makeNetwork(nodes: 500, liars: 0.3, .deafToItems)
        let key = SimulatedCryptography.makeKey(1)
        network.withNode(network.randomClient()) { node in
            _ = try? node.publish(
                .item(SimulatedCryptography.makeItem(key, sequence: 1)),
                deadline: network.now + .seconds(10),
                at: network.now
            )
        }
        network.run(for: .seconds(11))
        #expect(network.results.first?.result.write?.stored ?? 0 >= 6)
        network.results.removeAll()
        askForItem(of: key, in: network)
        for outcome in network.results {
            #expect(outcome.result.item?.mutable?.sequence == 1)
            #expect(outcome.result.report.elapsed < .milliseconds(2_500))
        }
    }

    @Test func aPartitionHealsWithoutARestart() {
        let network = makeNetwork(nodes: 200)
        let target = NodeID.random(using: &network.random)
        let holders = network.closestNodes(to: target, count: 8)
        for number in holders {
            _ = network.nodes[number].seed(peer: Self.provider, for: target, at: network.now)
            network.traits[number].partition = 1
        }
        let client = network.nodes.indices.first { !holders.contains($0) } ?? 0
        func run() -> LookupResult? {
            network.withNode(client) { node in
                _ = try? node.start(
                    .peers(target, .init()),
                    deadline: network.now + .seconds(3),
                    at: network.now
                )
            }
            network.run(for: .seconds(4))
            defer { network.results.removeAll() }
            return network.results.first?.result
        }
        #expect(run()?.providers.isEmpty == true)
        for number in holders { network.traits[number].partition = 0 }
        #expect(run()?.providers.isEmpty == false)
    }

    @Test func aSilencedNetworkIsUnknownNotAbsent() {
        let network = makeNetwork(nodes: 100)
        for number in network.nodes.indices.dropFirst() { network.traits[number].isSilent = true }
        network.withNode(0) { node in
            _ = try? node.start(
                .peers(.zero, .init()),
                deadline: network.now + .seconds(3),
                at: network.now
            )
        }
        network.run(for: .seconds(4))
        #expect(network.results.first?.result.verdict == .unknown)
    }
}
