import Cache
import DHTClient
import DHTCore
import Testing

@testable import IndexService

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
                        let resolver = makeResolver(store)
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
            #expect(newest.take(second, of: signer.publicKey, at: .now()))
            let after = try await resolver.resolve(query, for: .refresh).outcome
            #expect(try manifestID(after) == makeContentID("second").description)
            let cached = resolver.cachedOutcome(for: query, at: .now())
            #expect(try manifestID(cached?.outcome) == makeContentID("second").description)
            #expect(try cached?.answer?.json()["complete"] == .bool(false))
            #expect(cached?.answer?.life == Resolver.Policy.partialTTL)
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

    /// Those that it did not come to are providers still, as far as anybody knows.
    @Test(arguments: [2, 1])
    func aRefreshThatWasCutShortReplacesNoFullerAnswer(known: Int) async throws {
        let id = makeContentID("half of it")
        let query = AnswerQuery(.providers, .contentID(id))
        let peer = Publication.peer(infoHash: id.infoHash, port: 9001)
        try await withResolver(publishing: peer) { resolver in
            let now = MonotonicInstant.now()
            let answer = makeAnswer(
                #"{"cid":"\#(id)","providers":[],"providers_total":\#(known)}"#,
                to: query,
                madeAt: now,
                freshUntil: now,
                staleUntil: now.advanced(bySeconds: 3600),
                subjects: resolver.cache.stamps(for: query.key)
            )
            resolver.cache.insert(.found(answer), for: query, pinned: false, at: now)
            let isFuller = known > 1
            let refreshed = try? await resolver.resolve(query, for: .refresh)
            #expect((refreshed == nil) == isFuller)
            let cached = try #require(resolver.cachedOutcome(for: query, at: .now()))
            #expect((cached.answer == answer) == isFuller)
            // Soon, but not by everybody who asks.
            #expect(!cached.wantsRefresh)
        }
    }
}
