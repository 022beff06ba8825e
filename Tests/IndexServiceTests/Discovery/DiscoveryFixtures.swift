import Cache
import DHTClient
import DHTCore
import Testing

@testable import IndexService

/// A network of its own nodes on loopback and a client of it, which has joined.
func withDHTClient(
    nodes: Int = 24,
    contacts: Int = 8,
    change: (inout MainlineConfiguration) -> Void = { _ in },
    _ body: (MainlineClient) async throws -> Void
) async throws {
    try await withDHTNetwork(nodes: nodes, contacts: contacts, change: change) { client, _ in
        try await body(client)
    }
}

/// The same, for a test that has something to do with the network's nodes.
func withDHTNetwork(
    nodes: Int = 24,
    contacts: Int = 8,
    change: (inout MainlineConfiguration) -> Void = { _ in },
    _ body: (MainlineClient, LoopbackNetwork) async throws -> Void
) async throws {
    let network = try await LoopbackNetwork.start(count: nodes)
    var configuration = MainlineConfiguration()
    configuration.node = LoopbackNetwork.nodeSettings
    configuration.binds = [DHTCore.Endpoint(127, 0, 0, 1, port: 0)]
    configuration.bootstrap = network.bootstrap
    change(&configuration)
    let client = try await MainlineClient.start(configuration)
    #expect(await client.hasContacts(contacts, by: .now + .seconds(5)))
    try await body(client, network)
    await client.stop()
    await network.stop()
}

/// A client of an IPv4 network, and of an IPv6 network that falls silent after `prepare`.
func withSilentIPv6(
    change: (inout MainlineConfiguration) -> Void = { _ in },
    prepare: (MainlineClient) async throws -> Void,
    _ body: (MainlineClient) async throws -> Void
) async throws {
    let silent = try await LoopbackNetwork.start(count: 8, family: .v6)
    try await withDHTClient(
        // More than one family has.
        contacts: 26,
        change: { configuration in
            configuration.binds.append(DHTCore.Endpoint(v6: 0, 1, port: 0))
            configuration.bootstrap += silent.bootstrap
            change(&configuration)
        },
        { client in
            try await prepare(client)
            await silent.stop()
            try await body(client)
        }
    )
}

extension Discovery {
    /// Where a key name points, whether it is news or not.
    func record(
        of name: KeyName,
        _ effort: Effort = .first,
        by deadline: MonotonicInstant
    ) async -> FoundRecord {
        var isNews = false
        return await record(of: name, effort: effort, isNews: &isNews, by: deadline)
    }

    /// Does lookups until the task that is returned is cancelled.
    func start() -> Task<Void, Never> {
        Task { await run() }
    }

    /// Does lookups for as long as `body` runs.
    func running<Output>(_ body: (Discovery) async throws -> Output) async rethrows -> Output {
        let runner = start()
        defer { runner.cancel() }
        return try await body(self)
    }
}
