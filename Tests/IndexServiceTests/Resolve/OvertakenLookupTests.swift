import Cache
import DHTClient
import DHTCore
import Dispatch
import Testing

@testable import IndexService

/// What the DHT said is overtaken while its answer is still being made: by a newer record that
/// somebody else has seen, or by a purge.
@Suite(.serialized, .timeLimit(.minutes(1))) struct OvertakenLookupTests {
    /// A key, its names, and how to publish under it.
    private struct Key {
        let signer: ItemSigner
        var name: String { "\(KeyName(signer.publicKey))" }

        init() throws {
            signer = try #require(ItemSigner(seed: [UInt8](repeating: 9, count: 32)))
        }

        func query(_ label: String? = nil, limit: Int = 8) throws -> AnswerQuery {
            let text = label.map { "\($0).\(name)" } ?? name
            return AnswerQuery(.resolution, .name(try Name(parsing: text)), limit: limit)
        }

        func publish(_ target: String, _ sequence: Int64, by node: MainlineClient) async throws {
            let item = try makeSignedItem(target, sequence: sequence, by: signer)
            _ = try await node.publish(.item(item), deadline: .now + .seconds(5))
        }
    }

    /// All reading threads of a store, busy until they are let go.
    private final class HeldReaders: Sendable {
        private let go = DispatchSemaphore(value: 0)
        private let count: Int

        /// Returns when every one of them is busy.
        init(of store: IndexStore) async throws {
            count = store.configuration.readers
            let (begun, go, count) = (DispatchSemaphore(value: 0), go, count)
            for _ in 0..<count {
                Task {
                    try await store.reading(within: .seconds(60)) { _ in
                        begun.signal()
                        go.wait()
                    }
                }
            }
            try await onOwnThread { for _ in 0..<count { begun.wait() } }
        }

        func release() {
            for _ in 0..<count { go.signal() }
        }
    }

    private func target(_ outcome: Outcome?) throws -> String? {
        guard case .string(let text)? = try outcome?.answer?.json()["manifest_cid"] else {
            return nil
        }
        return text
    }

    private func makeDiscovery(_ client: MainlineClient) -> Discovery {
        Discovery(client: client, budget: 5_000_000_000)
    }

    @Test func aNewerRecordThatSomebodyElseSawEndsAllAnswersMadeFromTheOlderOne() async throws {
        let key = try Key()
        try await withDHTNetwork { client, network in
            try await key.publish("first", 1, by: network.nodes[0])
            try await makeDiscovery(client).running { discovery in
                try await withStore { store in
                    let resolver = makeResolver(store)
                    resolver.join(discovery)
                    let queries = [try key.query(), try key.query(limit: 3)]
                    for query in queries {
                        let outcome = try await resolver.resolve(query).outcome
                        #expect(try target(outcome) == makeContentID("first").description)
                        #expect(resolver.cachedOutcome(for: query, at: .now()) != nil)
                    }
                    try await key.publish("second", 2, by: network.nodes[0])
                    // Of the same key, and not in its item.
                    #expect(try await resolver.resolve(key.query("other")).outcome.isAbsent)
                    for query in queries {
                        #expect(resolver.cachedOutcome(for: query, at: .now()) == nil)
                    }
                    // What shows the newer record is cached at once.
                    _ = try await resolver.resolve(queries[0])
                    let cached = resolver.cachedOutcome(for: queries[0], at: .now())?.outcome
                    #expect(try target(cached) == makeContentID("second").description)
                }
            }
        }
    }

    @Test(arguments: [Resolver.Purpose.refresh, .bypass])
    func anAnswerFromAnOlderRecordIsMadeAgain(purpose: Resolver.Purpose) async throws {
        let key = try Key()
        var configuration = makeConfiguration()
        configuration.readPatience = .seconds(60)
        try await withDHTNetwork { client, network in
            try await key.publish("first", 1, by: network.nodes[0])
            let discovery = makeDiscovery(client)
            try await withStore(configuration) { store in
                let resolver = makeResolver(store)
                resolver.join(discovery)
                let held = try await HeldReaders(of: store)
                let query = try key.query()
                async let overtaken = resolver.resolve(query, for: purpose)
                await becomesTrue { discovery.load == (1, 1) }
                let runner = discovery.start()
                defer { runner.cancel() }
                // It has the older record, and waits for the index.
                await becomesTrue { discovery.load == (0, 0) }
                try await key.publish("second", 2, by: network.nodes[0])
                #expect(try await resolver.resolve(key.query("other")).outcome.isAbsent)
                held.release()
                let second = makeContentID("second").description
                #expect(try target(await overtaken.outcome) == second)
                let cached = resolver.cachedOutcome(for: query, at: .now())?.outcome
                #expect(try target(cached) == second)
            }
        }
    }

    @Test(arguments: [true, false])
    func whatAPurgeOvertakesIsLookedUpAgain(byName: Bool) async throws {
        let id = makeContentID("announced meanwhile")
        let key = byName ? ResolveKey.name(try makeName()) : .contentID(id)
        let query = AnswerQuery(.resolution, key)
        // In the first network nobody has it, in the second somebody does.
        try await withDHTClient { before in
            try await withDHTNetwork { after, network in
                let peer = Publication.peer(infoHash: id.infoHash, port: 9001)
                _ = try await network.nodes[0].publish(peer, deadline: .now + .seconds(5))
                let (first, second) = (makeDiscovery(before), makeDiscovery(after))
                try await withStore { store in
                    try store.point(at: id)
                    let resolver = makeResolver(store)
                    resolver.join(first)
                    async let resolved = resolver.resolve(query)
                    await becomesTrue { first.load == (1, 1) }
                    resolver.join(second)
                    resolver.cache.invalidate([key, .contentID(id)])
                    let runners = [first.start(), second.start()]
                    defer { for runner in runners { runner.cancel() } }
                    #expect(try await resolved.outcome.answer != nil)
                    let cached = resolver.cachedOutcome(for: query, at: .now())?.outcome
                    let json = try #require(try cached?.answer?.json())
                    guard case .array(let providers)? = json["providers"] else {
                        throw TestFailure()
                    }
                    #expect(providers.count == 1)
                }
            }
        }
    }
}
