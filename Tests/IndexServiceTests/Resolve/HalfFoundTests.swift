import Cache
import DHTClient
import DHTCore
import Testing

@testable import IndexService
@testable import Spill

/// What is found out anew while not everybody could be asked, beside what is known from before: the
/// nodes of one address family are silent.
@Suite(.serialized, .timeLimit(.minutes(1))) struct HalfFoundTests {
    private let signer: ItemSigner
    private let newest = NewestRecords()
    /// Where the signer's key points.
    private let query: AnswerQuery

    init() throws {
        signer = try #require(ItemSigner(seed: [UInt8](repeating: 11, count: 32)))
        let name = try Name(parsing: KeyName(signer.publicKey).keyText)
        query = AnswerQuery(.resolution, .name(name))
    }

    private func withResolver(
        publishing publication: Publication,
        cache: AnswerCache = makeCache(),
        policy: Resolver.Policy = .init(),
        _ body: (Resolver) async throws -> Void
    ) async throws {
        try await withSilentIPv6(
            prepare: { client in
                let deadline = DHTInstant.now + .seconds(5)
                _ = try await client.publish(publication, deadline: deadline)
            },
            { client in
                let discovery = Discovery(client: client, budget: 1_000_000_000, newest: newest)
                try await discovery.running { discovery in
                    try await withStore { store in
                        let resolver = makeResolver(store, cache: cache, policy: policy)
                        resolver.join(discovery)
                        try await body(resolver)
                    }
                }
            }
        )
    }

    private func manifestID(_ outcome: Outcome?) throws -> String? {
        guard case .string(let text)? = try outcome?.answer?.json()["manifest_cid"] else {
            return nil
        }
        return text
    }

    /// The other family may have a still newer one, but that is no reason to go back.
    @Test func aNewerRecordReplacesTheAnswerThoughNotAllCouldBeAsked() async throws {
        let first = try makeSignedItem("first", sequence: 1, by: signer)
        try await withResolver(publishing: .item(first)) { resolver in
            let before = try await resolver.resolve(query).outcome
            #expect(try manifestID(before) == makeContentID("first").description)
            let second = try makeSignedItem("second", sequence: 2, by: signer)
            #expect(newest.take(second, of: signer.publicKey, at: .now()) == .newer)
            let after = try await resolver.resolve(query, for: .refresh).outcome
            #expect(try manifestID(after) == makeContentID("second").description)
            let cached = resolver.cachedOutcome(for: query, at: .now())
            #expect(try manifestID(cached?.outcome) == makeContentID("second").description)
            #expect(try cached?.answer?.json()["complete"] == .bool(false))
            #expect(cached?.answer?.life == 2 * Resolver.Policy.partialTTL)
        }
    }

    /// It says nothing new, and what was known of providers is worth more than nothing.
    @Test func theSameRecordDoesNotReplaceTheAnswerWhileProvidersAreUnknown() async throws {
        let first = try makeSignedItem("first", sequence: 1, by: signer)
        try await withResolver(publishing: .item(first)) { resolver in
            _ = try await resolver.resolve(query)
            let before = try #require(resolver.cachedOutcome(for: query, at: .now())?.answer)
            await #expect(throws: ResolveError.self) {
                try await resolver.resolve(query, for: .refresh)
            }
            let after = try #require(resolver.cachedOutcome(for: query, at: .now())?.answer)
            #expect(after.madeAt == before.madeAt)
        }
    }

    /// The item that is known to be the newest says that it is gone, whoever may have a newer one.
    @Test func aNameThatANewerRecordHasNoMoreIsNotAnswered() async throws {
        let first = try makeSignedItem("first", sequence: 1, by: signer)
        try await withResolver(publishing: .item(first)) { resolver in
            #expect(try await resolver.resolve(query).outcome.answer != nil)
            let second = try makeSignedItem("second", in: "blog", sequence: 2, by: signer)
            #expect(newest.take(second, of: signer.publicKey, at: .now()) == .newer)
            await #expect(throws: ResolveError.self) {
                try await resolver.resolve(query, for: .refresh)
            }
            #expect(resolver.cachedOutcome(for: query, at: .now()) == nil)
        }
    }

    private let contentID = makeContentID("half of it")
    private var providers: AnswerQuery { AnswerQuery(.providers, .contentID(contentID)) }

    private func makeKnown(
        _ addresses: [String],
        coverage: Answer.Coverage = .full,
        life: Int = 60,
        in resolver: Resolver
    ) -> Answer {
        let shown = addresses.map { #"{"addr":"\#($0)","source":"dht"}"# }
            .joined(separator: ",")
        let fields = #""cid":"\#(contentID)","providers_total":\#(addresses.count)"#
        let now = MonotonicInstant.now()
        return makeAnswer(
            #"{\#(fields),"providers":[\#(shown)]}"#,
            to: providers,
            madeAt: now,
            freshUntil: now.advanced(bySeconds: life),
            staleUntil: now.advanced(bySeconds: 3600),
            coverage: coverage,
            subjects: resolver.cache.stamps(for: providers.key)
        )
    }

    private func withKnown(
        _ addresses: [String],
        coverage: Answer.Coverage = .full,
        life: Int = 60,
        cache: AnswerCache = makeCache(),
        policy: Resolver.Policy = .init(),
        _ body: (Resolver, Answer) async throws -> Void
    ) async throws {
        let peer = Publication.peer(infoHash: contentID.infoHash, port: 9001)
        try await withResolver(publishing: peer, cache: cache, policy: policy) { resolver in
            let known = makeKnown(addresses, coverage: coverage, life: life, in: resolver)
            if let spill = cache.spill {
                spill.keep(known)
            } else {
                cache.insert(.found(known), for: providers, pinned: false, at: .now())
            }
            try await body(resolver, known)
        }
    }

    /// Those whom it could not ask about are providers still, as far as anybody knows.
    @Test func aRefreshThatWasCutShortReplacesNoFullerAnswer() async throws {
        try await withKnown(["127.0.0.1:9001", "[::1]:9002"]) { resolver, known in
            await #expect(throws: ResolveError.self) {
                try await resolver.resolve(providers, for: .refresh)
            }
            let cached = try #require(resolver.cachedOutcome(for: providers, at: .now()))
            #expect(cached.answer == known)
            // Soon, but not by everybody who asks.
            #expect(!cached.wantsRefresh)
        }
    }

    @Test(arguments: [
        (["127.0.0.1:9001"], 60),
        // One is gone: everybody was asked who would know it.
        (["127.0.0.1:9001", "127.0.0.1:9002"], 60),
        // One is new.
        (["[::1]:9002", "[::1]:9003"], 60),
        // However much it has, it has had its life.
        (["127.0.0.1:9001", "[::1]:9002"], 0),
    ])
    func whatItFoundReplacesAnAnswerThatHasNoMore(addresses: [String], life: Int) async throws {
        try await withKnown(addresses, life: life) { resolver, _ in
            _ = try await resolver.resolve(providers, for: .refresh)
            let cached = resolver.cachedOutcome(for: providers, at: .now())
            let said = try #require(cached?.answer.flatMap(AnswerSummary.init))
            #expect(said.providers == 1)
            #expect(cached?.answer?.coverage == .partial)
        }
    }

    /// Anybody may ask past the cache, and everybody else is answered out of it.
    @Test(arguments: [(Answer.Coverage.partial, 60), (.full, 0), (.partial, 0)])
    func anEarlyAnswerToOneCallerReplacesNoFullerOne(
        coverage: Answer.Coverage,
        life: Int
    ) async throws {
        let addresses = ["127.0.0.1:9001", "[::1]:9002"]
        try await withKnown(addresses, coverage: coverage, life: life) { resolver, known in
            let early = try await resolver.resolve(providers, for: .bypass).outcome.answer
            #expect(try #require(early.flatMap(AnswerSummary.init)).providers == 1)
            #expect(resolver.cachedOutcome(for: providers, at: .now())?.answer == known)
        }
    }

    /// It was driven out of RAM, and is worth no less for that.
    @Test(arguments: [Resolver.Purpose.refresh, .bypass])
    func whatTheSpillHasIsKnownAsWell(purpose: Resolver.Purpose) async throws {
        let directory = try TemporaryDirectory()
        let store = SpillStore(
            directory: directory.path,
            configuration: SpillConfiguration(maximumBytes: 16 << 20)
        )
        let cache = AnswerCache(
            limits: CacheLimits(entries: 10, bytes: 16 << 20),
            shards: 1,
            spill: AnswerSpill(store: store, breaker: CircuitBreaker())
        )
        let addresses = ["127.0.0.1:9001", "[::1]:9002"]
        try await withKnown(addresses, cache: cache) { resolver, known in
            let new = try? await resolver.resolve(providers, for: purpose).outcome.answer
            #expect((new == nil) == (purpose == .refresh))
            let cached = resolver.cachedOutcome(for: providers, at: .now())?.answer
            #expect(cached?.bodyBytes == known.bodyBytes)
        }
        await store.close()
    }

    /// The rule by which it is compared with what the answer shows is the answer's own.
    @Test func providersThatMayNotBeAnsweredDoNotCount() async throws {
        var policy = Resolver.Policy()
        policy.ranking.denied = [try AddressPattern(parsing: "127.0.0.1")]
        try await withKnown(["[::1]:9002", "[::1]:9003"], policy: policy) { resolver, known in
            _ = try? await resolver.resolve(providers, for: .refresh)
            #expect(resolver.cachedOutcome(for: providers, at: .now())?.answer == known)
        }
    }

    /// As of a content id: what is known from before is more than nothing.
    @Test func aKeyNameThatCannotBeLookedUpIsAnsweredFromBefore() async throws {
        let first = try makeSignedItem("first", sequence: 1, by: signer)
        let stranger = try #require(ItemSigner.random())
        let key = try Name(parsing: KeyName(stranger.publicKey).keyText)
        let query = AnswerQuery(.resolution, .name(key))
        try await withResolver(publishing: .item(first)) { resolver in
            let known = makeAnswer(to: query, subjects: resolver.cache.stamps(for: query.key))
            resolver.cache.insert(.found(known), for: query, pinned: false, at: .now())
            let resolved = try await resolver.resolve(query, for: .bypass)
            #expect(resolved.outcome.answer == known && resolved.source == .ram)
            await #expect(throws: ResolveError.self) {
                try await resolver.resolve(query, for: .refresh)
            }
        }
    }

    /// A family that is silent for good is asked about less and less often.
    @Test(arguments: [(nil, 5), (5, 10), (40, 60), (60, 60)])
    func theLifeOfAnswersThatCannotBeCompletedGrows(before: Int?, after: Int) async throws {
        let addresses = before == nil ? [] : ["127.0.0.1:9001"]
        try await withKnown(addresses, coverage: .partial, life: before ?? 0) { resolver, _ in
            let refreshed = try await resolver.resolve(providers, for: .refresh)
            #expect(refreshed.outcome.answer?.life == after)
        }
    }
}
