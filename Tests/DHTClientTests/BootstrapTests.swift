import DHTClient
import DHTCore
import Synchronization
import Testing

@Suite struct BootstrapTests {
    @Test(arguments: [
        ("router.example:6881", "router.example", 6881), ("192.0.2.1:1", "192.0.2.1", 1),
        ("[2001:db8::1]:65535", "2001:db8::1", 65535), ("localhost:80", "localhost", 80),
    ])
    func hostAndPortAreRead(text: String, host: String, port: UInt16) throws {
        let address = try BootstrapAddress(text)
        #expect(address.host == host)
        #expect(address.port == port)
        #expect(address.description == text)
    }

    @Test(arguments: [
        "", "router.example", "router.example:", "router.example:0", "router.example:65536",
        "router.example:http", ":6881", "2001:db8::1:6881", "[router.example]:6881", "[]:1",
        "a..b:1", "a b:1", "ä:1", "x/y:1", String(repeating: "a", count: 64) + ":1",
    ])
    func whatIsWrongIsSaidInOneSentence(text: String) {
        let error = #expect(throws: MainlineError.self) { try BootstrapAddress(text) }
        #expect(error?.description.hasPrefix("bootstrap node \"\(text)\": ") == true)
    }

    @Test func aLongListIsRefused() {
        let list = (1...17).map { "192.0.2.\($0):6881" }
        #expect(throws: MainlineError.self) { try BootstrapAddress.list(list) }
    }

    @Test func aNameIsResolvedAndJoinedBy() async throws {
        let network = try await LoopbackNetwork.start(count: 8, settings: openSettings)
        let port = try #require(network.nodes.first?.endpoints.first?.port)
        let client = try await makeClient(joiningBy: network.bootstrap) {
            $0.bootstrap = (try? BootstrapAddress.list(["localhost:\(port)"])) ?? []
        }
        #expect(await client.hasContacts(3, by: soon))
        await client.stop()
        await network.stop()
    }

    @Test func aNameThatMovesIsFoundAgain() async throws {
        let network = try await LoopbackNetwork.start(count: 8, settings: openSettings)
        let port = try #require(network.nodes.first?.endpoints.first?.port)
        let answers = Answers(count: 2)
        let client = try await makeClient(joiningBy: try BootstrapAddress.list(["moving:1"])) {
            $0.node.lookup.queryTimeout = .milliseconds(100)
            $0.retry.resolvePause = .milliseconds(10)
            // Nobody is at the first address.
            $0.lookUpName = { _, _ in [Endpoint(127, 0, 0, 1, port: answers.isOld ? 1 : port)] }
        }
        #expect(await client.hasContacts(3, by: soon))
        await client.stop()
        await network.stop()
    }

    /// Tells the first few questions from the later ones.
    private final class Answers: Sendable {
        private let left: Mutex<Int>

        init(count: Int) { left = Mutex(count) }

        var isOld: Bool {
            left.withLock { left in
                left -= 1
                return left >= 0
            }
        }
    }

    @Test func anUnresolvableNameIsReportedAndStopsNothing() async throws {
        let (events, continuation) = AsyncStream.makeStream(of: MainlineEvent.self)
        var configuration = makeConfiguration()
        configuration.bootstrap = [try BootstrapAddress("name.invalid:6881")]
        let client = try await MainlineClient.start(configuration) { continuation.yield($0) }
        for await event in events {
            guard case .bootstrapUnresolved(let failures) = event else { continue }
            #expect(failures.map(\.address) == ["name.invalid:6881"])
            break
        }
        let status = await client.status()
        #expect(status.bootstrap.map(\.problem) != [nil])
        #expect(status.obstacle()?.contains("; bootstrap node name.invalid:6881: ") == true)
        #expect(!status.canLookUp())
        await client.stop()
    }

    /// What `dht.allow_private_addresses = auto` means for names.
    @Test(arguments: ["localhost", "127.0.0.1"], [true, false])
    func aPrivateBootstrapNodeMakesThePrivateNetworkAllowed(host: String, first: Bool) async throws
    {
        let network = try await LoopbackNetwork.start(count: 12, settings: openSettings)
        let port = try #require(network.nodes.first?.endpoints.first?.port)
        let strangers = ["name.invalid:6881", "192.0.2.1:6881"]
        let named = first ? ["\(host):\(port)"] + strangers : strangers + ["\(host):\(port)"]
        let list = try BootstrapAddress.list(named)
        let client = try await makeClient(joiningBy: list) {
            $0.node.allowsPrivateAddresses = false
            $0.node.allowsSharedNetworks = false
            $0.onPrivateNetwork.privateAddresses = true
            $0.onPrivateNetwork.sharedNetworks = true
        }
        #expect(await client.hasContacts(8, by: soon))
        await client.stop()
        await network.stop()
    }

    @Test func aNamedPrivateNodeIsAskedThoughPrivateAddressesAreNotAllowed() async throws {
        let network = try await LoopbackNetwork.start(count: 4, settings: openSettings)
        let port = try #require(network.nodes.first?.endpoints.first?.port)
        let list = try BootstrapAddress.list(["localhost:\(port)"])
        let client = try await makeClient(joiningBy: list) {
            $0.node.allowsPrivateAddresses = false
        }
        #expect(await client.hasContacts(1, by: soon))
        #expect(await client.status().node.good == 1)
        await client.stop()
        await network.stop()
    }

    @Test(arguments: [
        ("[::1]:6881", "no IPv6 address is bound"), ("255.255.255.255:6881", "no node can be at"),
        ("name.invalid:6881", ""),
    ])
    func whyABootstrapNodeCannotBeAskedIsSaid(node: String, reason: String) async throws {
        let (events, continuation) = AsyncStream.makeStream(of: MainlineEvent.self)
        var configuration = makeConfiguration()
        let names = node.hasPrefix("name") ? [node] : [node, "other.invalid:1"]
        configuration.bootstrap = try BootstrapAddress.list(names)
        let client = try await MainlineClient.start(configuration) { continuation.yield($0) }
        // What is numeric is known by the time that a name has failed.
        for await event in events { if case .bootstrapUnresolved = event { break } }
        let status = await client.status()
        let obstacle = try #require(status.bootstrapObstacle)
        #expect(obstacle.contains("\(node): \(reason)"))
        #expect(!obstacle.contains("does not answer"))
        #expect(status.obstacle()?.contains("bootstrap node \(node): \(reason)") == true)
        await client.stop()
    }

    @Test func pausesDoubleUpToTheirLimit() {
        let retry = RetrySettings()
        for attempt in 0..<40 {
            let whole = min(TimeSpan.seconds(1 << min(attempt, 20)), retry.resolvePauseLimit)
            let pause = retry.pause(.seconds(1), limit: retry.resolvePauseLimit, attempt: attempt)
            #expect(pause <= whole)
            #expect(pause >= whole.scaled(by: 1 - retry.jitter))
        }
    }
}
