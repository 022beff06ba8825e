import Cache
import DHTClient
import DHTCore
import Testing

@testable import IndexService

/// The DHT behind the index: real nodes on loopback, real sockets.
@Suite(.serialized) struct DiscoveryTests {
    /// A resolver that asks a network of its own nodes, some of which announce `id`.
    private func withDiscovery(
        nodes: Int = 24,
        announcing ports: [UInt16] = [],
        of id: ContentID,
        policy: Resolver.Policy = .init(),
        metrics: Metrics = Metrics(),
        _ body: (IndexStore, Resolver, LoopbackNetwork) async throws -> Void
    ) async throws {
        try await withDHTNetwork(nodes: nodes) { client, network in
            for (node, port) in zip(network.nodes, ports) {
                _ = try await node.publish(
                    .peer(infoHash: id.infoHash, port: port),
                    deadline: .now + .seconds(5)
                )
            }
            let discovery = Discovery(client: client, budget: 1_200_000_000)
            try await discovery.running { discovery in
                try await withStore { store in
                    let resolver = makeResolver(store, policy: policy, metrics: metrics)
                    resolver.join(discovery)
                    try await body(store, resolver, network)
                }
            }
        }
    }

    private func addresses(_ outcome: Outcome) throws -> [String] {
        let json = try #require(try outcome.answer?.json())
        guard case .array(let providers)? = json["providers"] else { throw TestFailure() }
        return providers.compactMap { provider in
            guard case .object(let fields) = provider, case .string(let text)? = fields["addr"]
            else { return nil }
            return text
        }
    }

    @Test func whatTheIndexLacksIsFoundInTheDHT() async throws {
        let id = makeContentID("announced")
        try await withDiscovery(announcing: [9001], of: id) { _, resolver, _ in
            let query = AnswerQuery(.providers, .contentID(id))
            let resolved = try await resolver.resolve(query)
            #expect(resolved.source == .dht)
            #expect(try addresses(resolved.outcome) == ["127.0.0.1:9001"])
            let json = try #require(try resolved.outcome.answer?.json())
            guard case .object(let lookup)? = json["lookup"] else { throw TestFailure() }
            #expect(lookup["queried"] != nil && lookup["winner"] != nil)
            #expect(resolver.cachedOutcome(for: query, at: .now())?.answer != nil)
        }
    }

    @Test func aThoroughLookupFindsAllProviders() async throws {
        let id = makeContentID("popular")
        let ports: [UInt16] = [9001, 9002, 9003]
        try await withDiscovery(announcing: ports, of: id) { _, resolver, _ in
            let query = AnswerQuery(.providers, .contentID(id))
            let resolved = try await resolver.resolve(query, for: .refresh)
            #expect(try addresses(resolved.outcome).sorted() == ports.map { "127.0.0.1:\($0)" })
        }
    }

    @Test func whatWasFoundEarlyIsLookedUpAgainUntilAThoroughLookupSucceeds() async throws {
        let id = makeContentID("followed up")
        try await withDiscovery(announcing: [9001, 9002], of: id) { _, resolver, _ in
            let query = AnswerQuery(.providers, .contentID(id))
            func isDueSoon() throws -> Bool {
                let soon = MonotonicInstant.now().advanced(bySeconds: 6)
                return try #require(resolver.cachedOutcome(for: query, at: soon)).wantsRefresh
            }
            let early = try await resolver.resolve(query, for: .caller)
            #expect(early.outcome.answer?.isProvisional == true)
            for _ in 1...3 {
                resolver.refreshFailed(query, until: .now().advanced(bySeconds: 5))
                #expect(try isDueSoon())
            }
            _ = try await resolver.resolve(query, for: .refresh)
            #expect(try !isDueSoon())
        }
    }

    /// Anybody may ask past the cache, and everybody else is answered out of it.
    @Test func anEarlyAnswerToOneCallerReplacesNoThoroughOneForAll() async throws {
        let id = makeContentID("known to the end")
        try await withDiscovery(announcing: [9001, 9002], of: id) { store, resolver, _ in
            try store.point(at: id)
            let keys = [ResolveKey.contentID(id), .name(try makeName())]
            for query in keys.map({ AnswerQuery(.resolution, $0) }) {
                let thorough = try await resolver.resolve(query, for: .refresh).outcome.answer
                #expect(thorough?.isProvisional == false)
                let early = try await resolver.resolve(query, for: .bypass).outcome.answer
                #expect(early?.isProvisional == true)
                #expect(resolver.cachedOutcome(for: query, at: .now())?.answer == thorough)
            }
        }
    }

    /// A lookup that ends with the first provider says nothing about the others.
    @Test func otherProvidersAreCountedOnceHoweverManyQuestionsFindThem() async throws {
        let (id, metrics) = (makeContentID("changing"), Metrics())
        try await withDiscovery(announcing: [9001], of: id, metrics: metrics) {
            _,
            resolver,
            network in
            func ask() async throws -> Double? {
                for limit in 1...3 {
                    let query = AnswerQuery(.providers, .contentID(id), limit: limit)
                    _ = try await resolver.resolve(query)
                    _ = try await resolver.resolve(query, for: .refresh)
                }
                return try Exposition(metrics.exposition())
                    .value("index_provider_set_changes_total")
            }
            #expect(try await ask() == 0)
            _ = try await network.nodes[1].publish(
                .peer(infoHash: id.infoHash, port: 9002),
                deadline: .now + .seconds(5)
            )
            #expect(try await ask() == 1)
            #expect(try await ask() == 1)
        }
    }

    @Test func askedEverywhereAndNotThereIsAbsent() async throws {
        let id = makeContentID("nowhere")
        try await withDiscovery(of: id) { _, resolver, _ in
            let query = AnswerQuery(.resolution, .contentID(id))
            let resolved = try await resolver.resolve(query)
            #expect(resolved.outcome.isAbsent && resolved.source == .dht)
            #expect(resolver.cachedOutcome(for: query, at: .now())?.isAbsent == true)
        }
    }

    /// The difference between "not there" and "could not look" is what callers rely on.
    @Test func aNetworkThatIsGoneIsUnknownAndNeverRemembered() async throws {
        let id = makeContentID("unreachable")
        try await withDiscovery(announcing: [9001], of: id) { _, resolver, network in
            await network.stop()
            let query = AnswerQuery(.resolution, .contentID(id))
            let error = await #expect(throws: ResolveError.self) {
                try await resolver.resolve(query)
            }
            #expect(error == .discoveryUnreachable)
            #expect(resolver.cachedOutcome(for: query, at: .now()) == nil)
        }
    }

    @Test func aManifestThatIsHeldIsAnsweredThoughTheDHTIsGone() async throws {
        let manifest = makeManifest()
        try await withDiscovery(of: manifest.id) { store, resolver, network in
            _ = try store.importBatch([try makeEntry(manifest: manifest)], at: .testNow)
            await network.stop()
            let query = AnswerQuery(.resolution, .name(try makeName()))
            let resolved = try await resolver.resolve(query)
            let answer = try #require(resolved.outcome.answer)
            #expect(try answer.json()["complete"] == .bool(false))
            #expect(answer.life <= Resolver.Policy.partialTTL)
        }
    }

    /// What was found before is worth more than that nothing can be found now.
    @Test func anOutageDoesNotEraseWhatIsKnown() async throws {
        let manifest = makeManifest()
        let id = manifest.id
        try await withDiscovery(announcing: [9001], of: id) { store, resolver, network in
            _ = try store.importBatch([try makeEntry(manifest: manifest)], at: .testNow)
            let query = AnswerQuery(.resolution, .name(try makeName()))
            _ = try await resolver.resolve(query)
            await network.stop()
            await #expect(throws: ResolveError.discoveryUnreachable) {
                try await resolver.resolve(query, for: .refresh)
            }
            let meanwhile = try await resolver.resolve(query)
            #expect(meanwhile.source == .ram)
            #expect(try addresses(meanwhile.outcome) == ["127.0.0.1:9001"])
            let kept = try #require(resolver.cachedOutcome(for: query, at: .now()))
            #expect(try addresses(kept.outcome) == ["127.0.0.1:9001"])
        }
    }

    /// A name that comes to point elsewhere while the DHT is asked.
    @Test func anAnswerNamesTheProvidersOfItsOwnManifestOnly() async throws {
        let ids = [makeContentID("one"), makeContentID("two")]
        try await withDiscovery(announcing: [9001], of: ids[0]) { store, resolver, network in
            _ = try await network.nodes[1].publish(
                .peer(infoHash: ids[1].infoHash, port: 9002),
                deadline: .now + .seconds(5)
            )
            let query = AnswerQuery(.resolution, .name(try makeName()))
            let point: @Sendable (Int) throws -> Void = { turn in
                try store.point(at: ids[turn % 2])
                resolver.cache.invalidate([query.key])
            }
            try point(0)
            let isOver = SharedCount()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    var turn = 0
                    while isOver.add(0) == 0 {
                        turn += 1
                        try point(turn)
                        for _ in 0..<100 { await Task.yield() }
                    }
                }
                for _ in 0..<100 {
                    let outcome = try await resolver.resolve(query).outcome
                    let names = try #require(try outcome.answer?.json()["manifest_cid"])
                    let own = names == .string(ids[0].description) ? 9001 : 9002
                    #expect(try addresses(outcome) == ["127.0.0.1:\(own)"])
                }
                _ = isOver.add(1)
                try await group.waitForAll()
            }
        }
    }

    @Test func providersOfTheIndexSpareTheLookup() async throws {
        let manifest = makeManifest()
        try await withDiscovery(announcing: [9001], of: manifest.id) { store, resolver, _ in
            let entry = try makeEntry(manifest: manifest, providers: [makeProvider("own")])
            _ = try store.importBatch([entry], at: .testNow)
            let query = AnswerQuery(.providers, .contentID(manifest.id))
            let resolved = try await resolver.resolve(query)
            #expect(resolved.source == .index)
            #expect(try resolved.outcome.answer?.json()["lookup"] == nil)
        }
    }

    /// A list that is empty helps nobody while the DHT has some.
    @Test func providersOfTheIndexThatMayNotBeAnsweredSpareNoLookup() async throws {
        let manifest = makeManifest()
        var policy = Resolver.Policy()
        policy.ranking.denied = [try AddressPattern(parsing: "192.0.2.0/24")]
        try await withDiscovery(announcing: [9001], of: manifest.id, policy: policy) {
            store,
            resolver,
            _ in
            let own = try makeProvider("own", address: "192.0.2.1:80")
            let entry = try makeEntry(manifest: manifest, providers: [own])
            _ = try store.importBatch([entry], at: .testNow)
            let query = AnswerQuery(.providers, .contentID(manifest.id))
            let resolved = try await resolver.resolve(query)
            #expect(resolved.source == .dht)
            #expect(try addresses(resolved.outcome) == ["127.0.0.1:9001"])
        }
    }

    /// Likewise those that the question itself leaves out.
    @Test func providersOfTheIndexThatWereNotSeenLatelySpareNoLookup() async throws {
        let manifest = makeManifest()
        try await withDiscovery(announcing: [9001], of: manifest.id) { store, resolver, _ in
            let entry = try makeEntry(manifest: manifest, providers: [makeProvider("own")])
            _ = try store.importBatch([entry], at: .testNow)
            let key = ResolveKey.contentID(manifest.id)
            let query = AnswerQuery(.providers, key, minimumFreshness: 60)
            let resolved = try await resolver.resolve(query)
            #expect(try addresses(resolved.outcome) == ["127.0.0.1:9001"])
        }
    }
}
