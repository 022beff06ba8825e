import DHTClient
import DHTCore
import NIOPosix
import Testing

/// A client of a loopback network whose own rates stand in nobody's way.
func makeConfiguration(joiningBy bootstrap: [BootstrapAddress] = []) -> MainlineConfiguration {
    var configuration = MainlineConfiguration()
    configuration.node = LoopbackNetwork.nodeSettings
    configuration.node.pacing.queriesPerSecond = 100_000
    configuration.node.pacing.queryBurst = 100_000
    configuration.node.pacing.queryBurstToOneNode = 1_000
    configuration.binds = [Endpoint(127, 0, 0, 1, port: 0)]
    configuration.bootstrap = bootstrap
    return configuration
}

/// Starts a client of a loopback network, in client mode unless changed.
func makeClient(
    joiningBy bootstrap: [BootstrapAddress] = [],
    bind: Endpoint = Endpoint(127, 0, 0, 1, port: 0),
    change: (inout MainlineConfiguration) -> Void = { _ in }
) async throws -> MainlineClient {
    var configuration = makeConfiguration(joiningBy: bootstrap)
    configuration.binds = [bind]
    change(&configuration)
    return try await MainlineClient.start(configuration)
}

/// A network and a client, both stopped afterwards whatever happens.
func withClient(
    nodes count: Int = 24,
    change: (inout MainlineConfiguration) -> Void = { _ in },
    _ body: (LoopbackNetwork, MainlineClient) async throws -> Void
) async throws {
    let network = try await LoopbackNetwork.start(count: count, settings: openSettings)
    do {
        let client = try await makeClient(joiningBy: network.bootstrap, change: change)
        do {
            #expect(await client.hasContacts(3, by: soon))
            try await body(network, client)
        } catch {
            await client.stop()
            throw error
        }
        await client.stop()
    } catch {
        await network.stop()
        throw error
    }
    await network.stop()
}

/// Settings of a loopback network whose rates stand in nobody's way.
var openSettings: DHTSettings {
    var settings = LoopbackNetwork.nodeSettings
    settings.pacing.repliesPerSecond = 100_000
    settings.pacing.repliesPerSecondToOneAddress = 100_000
    return settings
}

/// A deadline that only a fault reaches.
var soon: DHTInstant { .now + .seconds(10) }

func makeID(_ number: UInt8) -> NodeID {
    NodeID([UInt8](repeating: number, count: 20)) ?? .zero
}

extension LookupGoal {
    /// One provider from one node is enough.
    static func anyPeer(of infoHash: NodeID) -> LookupGoal {
        .peers(infoHash, Enough())
    }
}
