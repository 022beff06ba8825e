import Cache
import Testing

@testable import IndexService

@Suite struct ResolverTests {
    @Test func theSecondQuestionIsAnsweredFromRAM() async throws {
        try await withStore { store in
            _ = try store.importBatch([try makeEntry()], at: .testNow)
            let (resolver, query) = (makeResolver(store), try makeQuery())
            #expect(resolver.cachedOutcome(for: query, at: .now()) == nil)
            let resolved = try await resolver.resolve(query)
            #expect(resolved.source == .index)
            let answer = try #require(resolved.outcome.answer)
            #expect(resolver.cachedOutcome(for: query, at: .now())?.answer == answer)
            let id = makeManifest().id.description
            #expect(try answer.json()["manifest_cid"] == .string(id))
        }
    }

    @Test func hitsAndMissesAreCounted() async throws {
        try await withStore { store in
            let metrics = Metrics()
            let (resolver, query) = (makeResolver(store, metrics: metrics), try makeQuery())
            _ = resolver.cachedOutcome(for: query, at: .now())
            _ = try await resolver.resolve(query)
            for _ in 0..<3 { _ = resolver.cachedOutcome(for: query, at: .now()) }
            let text = String(decoding: metrics.exposition(), as: UTF8.self)
            #expect(text.contains("index_cache_hits_total 3\n"))
            #expect(text.contains("index_cache_misses_total 1\n"))
            #expect(text.contains(#"index_resolve_latency_seconds_count{type="name"} 1"#))
        }
    }

    /// They take as long as they like, and nobody waits.
    @Test func refreshesDoNotCountInTheLatencyOfResolves() async throws {
        try await withStore { store in
            let metrics = Metrics()
            let (resolver, query) = (makeResolver(store, metrics: metrics), try makeQuery())
            for purpose in [Resolver.Purpose.refresh, .caller, .refresh, .bypass] {
                _ = try await resolver.resolve(query, for: purpose)
            }
            let exposition = try Exposition(metrics.exposition())
            #expect(exposition.value("index_resolve_latency_seconds_count", "type=name") == 2)
        }
    }

    @Test func notFoundIsRememberedUntilAPut() async throws {
        try await withStore { store in
            let cache = makeCache()
            let (resolver, query) = (makeResolver(store, cache: cache), try makeQuery())
            #expect(try await resolver.resolve(query).outcome.isAbsent)
            #expect(resolver.cachedOutcome(for: query, at: .now())?.isAbsent == true)
            #expect(cache.statistics.negativeEntries == 1)
            try store.point(at: makeContentID())
            cache.invalidate([query.key])
            #expect(resolver.cachedOutcome(for: query, at: .now()) == nil)
            #expect(try await !resolver.resolve(query).outcome.isAbsent)
        }
    }

    @Test func notFoundIsForgottenAfterItsOwnLife() async throws {
        try await withStore { store in
            var policy = Resolver.Policy()
            policy.negativeTTL = 7
            let (resolver, query) = (makeResolver(store, policy: policy), try makeQuery())
            let before = MonotonicInstant.now()
            _ = try await resolver.resolve(query)
            let after = MonotonicInstant.now()
            func isCached(at instant: MonotonicInstant) -> Bool {
                resolver.cachedOutcome(for: query, at: instant) != nil
            }
            #expect(isCached(at: before.advanced(bySeconds: 6)))
            #expect(!isCached(at: after.advanced(bySeconds: 7)))
        }
    }

    @Test(arguments: [(nil, 300), (10, 10), (3600, 3600), (100_000, 3600)] as [(Int?, Int)])
    func answersLiveAsLongAsTheNameSays(_ ttl: Int?, _ life: Int) async throws {
        try await withStore { store in
            _ = try store.importBatch([try makeEntry(ttl: ttl)], at: .testNow)
            let resolved = try await makeResolver(store).resolve(try makeQuery())
            let answer = try #require(resolved.outcome.answer)
            #expect(answer.life == life)
            #expect(try answer.json()["ttl_s"] == JSONNumber(Double(life)).map(JSONValue.number))
        }
    }

    @Test func noAnswerOutlivesAnAnnouncementItShows() async throws {
        try await withStore { store in
            let id = makeContentID()
            let end = UnixTime.now().advanced(bySeconds: 200)
            _ = try store.putProvider(makeProvider("lasting"), of: id)
            _ = try store.putProvider(makeProvider("ending", expiresAt: end.seconds), of: id)
            let query = AnswerQuery(.providers, .contentID(id))
            let before = UnixTime.now()
            let answer = try #require(try await makeResolver(store).resolve(query).outcome.answer)
            let longest = Int(end.seconds(since: before))
            let shortest = Int(end.seconds(since: .now()))
            #expect((shortest...longest).contains(answer.life))
        }
    }

    /// A provider that is fresh enough now must not be shown from RAM when it no longer is.
    @Test func noAnswerOutlivesTheFreshnessItWasAskedFor() async throws {
        try await withStore { store in
            let id = makeContentID()
            let lastSeen = UnixTime.now()
            _ = try store.putProvider(makeProvider("a", lastSeen: lastSeen.seconds), of: id)
            _ = try store.putProvider(makeProvider("b", lastSeen: lastSeen.seconds - 900), of: id)
            func answer(minimumFreshness: Int?) async throws -> Answer {
                let query = AnswerQuery(
                    .providers,
                    .contentID(id),
                    minimumFreshness: minimumFreshness
                )
                let resolved = try await makeResolver(store).resolve(query)
                return try #require(resolved.outcome.answer)
            }
            #expect(try await answer(minimumFreshness: nil).life == 300)
            let end = lastSeen.advanced(bySeconds: 201)
            let before = UnixTime.now()
            let life = try await answer(minimumFreshness: 200).life
            let longest = Int(end.seconds(since: before))
            #expect((Int(end.seconds(since: .now()))...longest).contains(life))
        }
    }

    @Test func aNameIsKnownWithoutProvidersAndAContentIDIsNot() async throws {
        try await withStore { store in
            _ = try store.importBatch([try makeEntry(isHeld: false)], at: .testNow)
            let resolver = makeResolver(store)
            #expect(try await !resolver.resolve(try makeQuery()).outcome.isAbsent)
            let query = AnswerQuery(.resolution, .contentID(makeManifest().id))
            #expect(try await resolver.resolve(query).outcome.isAbsent)
        }
        try await withStore { store in
            let id = makeContentID("served")
            _ = try store.putProvider(makeProvider(), of: id)
            try store.putManifest(makeManifest())
            for id in [id, makeManifest().id] {
                for document in [AnswerQuery.Document.resolution, .providers] {
                    let query = AnswerQuery(document, .contentID(id))
                    #expect(try await !makeResolver(store).resolve(query).outcome.isAbsent)
                }
            }
        }
    }

    @Test func keyNamesAreNeverAskedOfTheIndex() async throws {
        try await withStore { store in
            let text = "blog." + String(repeating: "y", count: 52)
            let name = try makeName(text)
            try store.point(text, at: makeContentID())
            let resolver = makeResolver(store)
            let query = AnswerQuery(.resolution, .name(name))
            await #expect(throws: ResolveError.discoveryDisabled) {
                try await resolver.resolve(query)
            }
            #expect(resolver.cachedOutcome(for: query, at: .now()) == nil)
        }
    }

    @Test func aStoreThatCannotBeReadIsNotANotFound() async throws {
        let store = try IndexStore(path: nil, configuration: makeConfiguration())
        try await store.close()
        let (resolver, query) = (makeResolver(store), try makeQuery())
        let error = await #expect(throws: ResolveError.self) { try await resolver.resolve(query) }
        guard case .storeUnavailable = error else { throw TestFailure() }
        #expect(resolver.cachedOutcome(for: query, at: .now()) == nil)
    }

    @Test func pinnedKeysAreCachedAsPinned() async throws {
        try await withStore { store in
            _ = try store.importBatch([try makeEntry()], at: .testNow)
            let (cache, pins, query) = (makeCache(), PinnedKeys(), try makeQuery())
            pins.insert([query.key])
            _ = try await makeResolver(store, cache: cache, pins: pins).resolve(query)
            #expect(cache.statistics.pinnedEntries == 1)
        }
    }
}

private func makeQuery() throws -> AnswerQuery {
    AnswerQuery(.resolution, .name(try makeName()))
}
