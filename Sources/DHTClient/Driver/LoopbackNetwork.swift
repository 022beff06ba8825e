package import DHTCore
internal import Glibc
package import NIOCore
internal import NIOPosix

/// A DHT of our own nodes on loopback, in this process: for `testnet`, `demo` and tests.
///
/// Every node is a whole server with its own socket. The tables are filled directly, so that the
/// network is there at once, however many nodes it has.
package struct LoopbackNetwork: Sendable {
    package let nodes: [MainlineClient]
    /// Nodes that others may join by, at most eight.
    package var bootstrap: [BootstrapAddress] {
        nodes.prefix(8).compactMap { node in
            node.endpoints.first.flatMap { try? BootstrapAddress($0.description) }
        }
    }

    /// What `testnet` prints first: the bootstrap list as `--dht-bootstrap` takes it.
    package var bootstrapLine: String {
        bootstrap.map(\.description).joined(separator: ",")
    }

    /// Settings for a node of a network whose nodes share one address.
    package static var nodeSettings: DHTSettings {
        var settings = DHTSettings()
        settings.allowsPrivateAddresses = true
        settings.allowsSharedNetworks = true
        settings.adoptsSecureID = false
        return settings
    }

    /// Nodes that hold their replies back.
    package struct Late: Sendable {
        package var count: Int
        package var delay: TimeSpan

        package init(count: Int, delay: TimeSpan) {
            self.count = count
            self.delay = delay
        }
    }

    /// Starts `count` servers on 127.0.0.1 or ::1, at ports from `firstPort` on; 0 takes any free
    /// ports.
    ///
    /// - Parameter late: so many of them, the last ones, answer late.
    package static func start(
        count: Int,
        firstPort: UInt16 = 0,
        family: AddressFamily = .v4,
        settings: DHTSettings = nodeSettings,
        late: Late? = nil,
        on group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) async throws(MainlineError) -> LoopbackNetwork {
        guard count >= 1, firstPort == 0 || Int(firstPort) + count <= 65_536 else {
            throw .badBinds(reason: "\(count) nodes do not fit into the ports from \(firstPort) on")
        }
        raiseDescriptorLimit(to: count + 256)
        var configuration = MainlineConfiguration()
        configuration.node = settings
        configuration.node.answersQueries = true
        // One node of many gets little traffic; large buffers would only cost memory.
        configuration.socket.datagramsPerRead = 4
        configuration.socket.receiveBufferBytes = 256 << 10
        configuration.socket.sendBufferBytes = 256 << 10
        var nodes: [MainlineClient] = []
        var ids: [NodeID] = []
        var random = SystemRandomNumberGenerator()
        for index in 0..<count {
            let port = firstPort == 0 ? 0 : firstPort + UInt16(index)
            let loopback = Endpoint(v6: 0, 1, port: port)
            configuration.binds = [family == .v4 ? Endpoint(127, 0, 0, 1, port: port) : loopback]
            configuration.id = NodeID.random(using: &random)
            configuration.replyDelay = late.flatMap { count - index <= $0.count ? $0.delay : nil }
            do throws(MainlineError) {
                nodes.append(try await .start(configuration, on: group.next()))
            } catch {
                for node in nodes { await node.stop() }
                throw error
            }
            ids.append(configuration.id ?? .zero)
        }
        let network = LoopbackNetwork(nodes: nodes)
        network.introduce(ids)
        return network
    }

    /// Every node has a descriptor, and the usual limit is 1024; best effort, as far as permitted.
    private static func raiseDescriptorLimit(to count: Int) {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < rlim_t(count) else { return }
        limit.rlim_cur = min(rlim_t(count), limit.rlim_max)
        setrlimit(resource, &limit)
    }

    package func stop() async {
        for node in nodes { await node.stop() }
    }

    /// Tells every node about its neighbours and about some others, as a network of long standing
    /// would have.
    private func introduce(_ ids: [NodeID]) {
        let now = DHTInstant.now
        let contacts = zip(ids, nodes).compactMap { id, node in
            node.endpoints.first.map { Contact(id: id, endpoint: $0, lastAnswered: now) }
        }
        for (id, node) in zip(ids, nodes) {
            let others = contacts.filter { $0.id != id }
            let near = others.map { ($0.id.distance(to: id), $0) }.sorted { $0.0 < $1.0 }
            node.seed(near.prefix(16).map(\.1) + others.shuffled().prefix(128))
        }
    }
}
