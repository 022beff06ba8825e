import Randomness
import DHTCore
import DHTSimulator
import Testing

/// A network that goes away shows at once, does no lasting harm, and shows at once when it is back.
///
/// The times are those of the verdict, which the service asks for every quarter of a second: with
/// it a fall and a return have to show within two seconds.
struct OutageTests {
    static let bound = TimeSpan.milliseconds(1_500)

    /// A client with a canary in a network of others.
    struct Scene {
        let network: SimulatedNetwork
        let client: Int
        /// What readiness asks for: of good contacts, and of good and questionable ones.
        let bar: (good: Int, known: Int)

        var status: DHTStatus { network.nodes[client].status(at: network.now) }

        /// The verdict of the service, as `MainlineStatus.obstacle` comes to it.
        var isReady: Bool {
            let status = status
            guard let lastAnswer = status.lastAnswer else { return false }
            return status.good >= bar.good && status.good + status.questionable >= bar.known
                && network.now.since(lastAnswer) <= DHTSettings().silenceLimit
                && status.responseRatio ?? 0 >= 0.1
        }

        /// Whether the client can reach anybody.
        func connect(_ isConnected: Bool) {
            network.traits[client].partition = isConnected ? 0 : 1
        }

        /// How long the verdict took to become this; nil when it did not.
        func wait(_ limit: TimeSpan, untilReady isWanted: Bool) -> TimeSpan? {
            let start = network.now
            while network.now.since(start) <= limit {
                if isReady == isWanted { return network.now.since(start) }
                network.run(for: .milliseconds(10))
            }
            return nil
        }
    }

    /// A fifth of the nodes is slow by 800 ms and a twentieth silent, unless told otherwise.
    func makeScene(
        nodes: Int = 60,
        seed: UInt64 = 1,
        slow: Double = 0.2,
        silent: Double = 0.05,
        _ change: (inout NetworkOptions) -> Void = { _ in }
    ) -> Scene {
        var options = NetworkOptions()
        options.nodes = nodes
        options.seed = seed
        options.roundTrip = 20...60
        options.silentFraction = silent
        options.extendsFirstBuckets = true
        change(&options)
        let network = SimulatedNetwork(options)
        network.fillTables()
        for number in network.nodes.indices where network.random.happens(slow) {
            network.traits[number].roundTrip += 800_000_000
        }
        var settings = options.settings
        settings.answersQueries = false
        settings.canaryInterval = .milliseconds(500)
        let client = network.addNode(settings)
        let known = network.traits.prefix(nodes).filter { !$0.isSilent }.prefix(8).map(\.endpoint)
        network.withNode(client) { $0.setBootstrapNodes(Array(known), at: network.now) }
        network.run(for: .seconds(60))
        let bar = (good: min(4, (nodes + 1) / 2), known: min(30, (nodes + 1) / 2))
        return Scene(network: network, client: client, bar: bar)
    }

    @Test(
        arguments: [(60, 1), (60, 2), (200, 3), (4, 4), (4, 5), (4, 6), (1, 7)] as [(Int, UInt64)]
    )
    func aNetworkThatIsThereNeverSeemsGone(nodes: Int, seed: UInt64) {
        let scene = makeScene(nodes: nodes, seed: seed, silent: nodes > 4 ? 0.05 : 0)
        let sent = scene.status.counters.queriesSent
        for _ in 0..<36_000 {
            scene.network.run(for: .milliseconds(100))
            guard scene.isReady else {
                Issue.record("not ready at \(scene.network.now)")
                return
            }
        }
        let perSecond = Double(scene.status.counters.queriesSent - sent) / 3_600
        #expect(perSecond <= 3, "it is asked politely")
    }

    @Test(arguments: [0, 1] as [Double])
    func aSingleNodeIsEnoughWhetherSlowOrNot(slow: Double) {
        let scene = makeScene(nodes: 1, slow: slow, silent: 0)
        for _ in 0..<36_000 {
            scene.network.run(for: .milliseconds(100))
            guard scene.isReady else {
                Issue.record("not ready at \(scene.network.now)")
                return
            }
        }
    }

    @Test func lostDatagramsAreNoOutage() {
        let scene = makeScene(nodes: 60, seed: 8) { $0.loss = 0.03 }
        for _ in 0..<36_000 {
            scene.network.run(for: .milliseconds(100))
            guard scene.isReady else {
                Issue.record("not ready at \(scene.network.now)")
                return
            }
        }
    }

    @Test(arguments: [3, 30, 600, 3_000], [1, 2, 3] as [UInt64])
    func anOutageShowsAndPassesWithoutHarm(seconds: Int, seed: UInt64) throws {
        let scene = makeScene(seed: seed)
        let network = scene.network
        #expect(scene.isReady)
        let before = scene.status
        scene.connect(false)
        _ = try #require(scene.wait(Self.bound, untilReady: false))
        let asked = scene.status.counters.queriesSent
        network.run(for: .seconds(seconds))
        #expect(!scene.isReady)
        let perSecond = Double(scene.status.counters.queriesSent - asked) / Double(seconds)
        #expect(perSecond <= 8, "it is asked politely")
        #expect(scene.status.good + scene.status.questionable >= before.good)
        scene.connect(true)
        _ = try #require(scene.wait(Self.bound, untilReady: true))
        network.run(for: .seconds(10))
        #expect(scene.isReady)
        #expect(scene.status.good >= before.good - 2)
    }

    @Test func lookupsDuringAnOutageDoNoHarmEither() throws {
        let scene = makeScene()
        let network = scene.network
        let before = scene.status.good
        scene.connect(false)
        for _ in 0..<300 {
            network.withNode(scene.client) { node in
                _ = try? node.start(
                    .peers(.random(using: &network.random), .init()),
                    deadline: network.now + .milliseconds(1_200),
                    at: network.now
                )
            }
            network.run(for: .milliseconds(100))
        }
        #expect(network.results.allSatisfy { $0.result.verdict == .unknown })
        #expect(scene.status.good >= before - 2)
        scene.connect(true)
        _ = try #require(scene.wait(Self.bound, untilReady: true))
    }

    /// Each contact is asked when it has been silent for fifteen minutes (BEP 5).
    @Test func theDeathOfSomeIsNoticedWhileOthersLive() {
        let scene = makeScene(silent: 0)
        let network = scene.network
        let before = scene.status.good
        for number in 0..<20 { network.kill(number) }
        network.run(for: .minutes(20))
        #expect(scene.isReady)
        #expect(scene.status.good <= before - 18)
        #expect(scene.status.good >= before - 22)
    }

    @Test func aNetworkStartedAnewUnderOtherIDsIsTakenOver() throws {
        let scene = makeScene(slow: 0, silent: 0)
        let network = scene.network
        let endpoints = (0..<60).map { network.traits[$0].endpoint }
        for number in 0..<60 { network.kill(number) }
        _ = try #require(scene.wait(Self.bound, untilReady: false))
        network.run(for: .seconds(20))
        for endpoint in endpoints {
            _ = network.addNode(.random(using: &network.random), at: endpoint)
        }
        _ = try #require(scene.wait(Self.bound, untilReady: true))
        network.run(for: .seconds(5))
        #expect(scene.status.good >= 50)
        let ids = Set(network.nodes.suffix(60).map(\.id))
        let held = network.nodes[scene.client].goodContacts(at: network.now)
        #expect(held.allSatisfy { ids.contains($0.id) })
    }

    /// Only the nodes to join by are where they were.
    @Test func aNetworkThatHasMovedIsJoinedAnew() throws {
        let scene = makeScene(slow: 0, silent: 0)
        let network = scene.network
        let endpoints = (0..<8).map { network.traits[$0].endpoint }
        for number in 0..<60 { network.kill(number) }
        network.run(for: .seconds(20))
        let first = network.nodes.count
        for endpoint in endpoints {
            _ = network.addNode(.random(using: &network.random), at: endpoint)
        }
        for _ in 0..<52 { _ = network.addNode() }
        for number in first..<network.nodes.count {
            for other in first..<network.nodes.count where other != number {
                let contact = Contact(
                    id: network.nodes[other].id,
                    endpoint: network.traits[other].endpoint,
                    lastAnswered: network.now
                )
                _ = network.nodes[number].seed(contact, at: network.now)
            }
        }
        _ = try #require(scene.wait(.seconds(5), untilReady: true))
        network.run(for: .seconds(60))
        #expect(scene.status.good >= 40)
    }

    @Test func aClientThatStartsWithoutANetworkJoinsAsSoonAsThereIsOne() throws {
        let scene = makeScene(slow: 0, silent: 0)
        let network = scene.network
        var settings = network.options.settings
        settings.answersQueries = false
        settings.canaryInterval = .milliseconds(500)
        let late = Scene(network: network, client: network.addNode(settings), bar: (1, 1))
        late.connect(false)
        let known = (0..<8).map { network.traits[$0].endpoint }
        network.withNode(late.client) { $0.setBootstrapNodes(known, at: network.now) }
        network.run(for: .minutes(20))
        late.connect(true)
        _ = try #require(late.wait(Self.bound, untilReady: true))
        network.run(for: .seconds(3))
        #expect(late.status.good >= 8)
    }
}
