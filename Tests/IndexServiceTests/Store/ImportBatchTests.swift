import Randomness
import Testing

@testable import IndexService

@Suite struct ImportBatchTests {
    @Test(arguments: 0..<5 as Range<UInt64>)
    func importingTheSameAgainChangesNothing(_ seed: UInt64) async throws {
        try await withStore { store in
            var random = SeededRandom(seed: seed)
            // Each name once: a batch that says two things of one name swings at every import.
            let names = Set(try (0..<60).map { _ in try random.name() })
            let entries = try names.map { name in
                try makeEntry(
                    name.text,
                    manifest: makeManifest(random.text(of: "0123456789", count: 2)),
                    isHeld: random.oneIn(2),
                    ttl: random.pick([nil, 60]),
                    providers: random.oneIn(2) ? [makeProvider(random.pick(["p", "q"]))] : []
                )
            }
            #expect(try store.importBatch(entries, at: .testNow).allSatisfy { $0 == nil })
            let once = try store.dump()
            let later = UnixTime(seconds: UnixTime.testNow.seconds + 60)
            #expect(try store.importBatch(entries.reversed(), at: later).allSatisfy { $0 == nil })
            #expect(try store.dump() == once, "seed \(seed)")
        }
    }

    @Test func theLastEntryOfANameWins() async throws {
        try await withStore { store in
            let entries = try (0..<3).map { try makeEntry(manifest: makeManifest("\($0)")) }
            _ = try store.importBatch(entries, at: .testNow)
            #expect(try store.name(makeName())?.manifestID == makeManifest("2").id)
            #expect(try store.name(makeName())?.version == 3)
        }
    }

    @Test func aRefusedEntryLeavesNothingAndTheOthersStay() async throws {
        try await withStore(makeConfiguration(maximumProviders: 2)) { store in
            let providers = try ["a", "b", "c"].map { try makeProvider($0) }
            let entries = [
                try makeEntry("a", manifest: makeManifest("1"), providers: [providers[0]]),
                try makeEntry("b", manifest: makeManifest("2"), providers: providers),
                try makeEntry("c", manifest: makeManifest("3"), providers: Array(providers[1...])),
                // Two that are stored already and a new one.
                try makeEntry(
                    "d",
                    manifest: makeManifest("3"),
                    isHeld: false,
                    providers: providers
                ),
                // The same id three times is one provider.
                try makeEntry(
                    "e",
                    manifest: makeManifest("4"),
                    providers: [providers[0], providers[0], providers[0], providers[1]]
                ),
            ]
            let refusal = StoreError.tooManyProviders(limit: 2)
            let outcome = try store.importBatch(entries, at: .testNow)
            #expect(outcome == [nil, refusal, nil, refusal, nil])
            let listed = try store.names(prefix: "", after: nil, limit: 9).map(\.name.text)
            #expect(listed == ["a", "c", "e"])
            #expect(try store.manifest(makeManifest("2").id) == nil)
            let known = try store.lookUp(.contentID(makeManifest("2").id), at: .testNow)
            #expect(known.providers.isEmpty && !known.isHeld)
        }
    }

    @Test func aManifestThatIsGivenByItsIDNeedNotBeHeld() async throws {
        try await withStore { store in
            _ = try store.importBatch([try makeEntry(isHeld: false)], at: .testNow)
            let entry = try store.lookUp(.name(makeName()), at: .testNow)
            #expect(entry.manifestID == makeManifest().id)
            #expect(entry.manifest == nil && !entry.isHeld)
        }
    }

    @Test func aHeldManifestIsLookedUpWithSizeAndType() async throws {
        try await withStore { store in
            let manifest = makeManifest("12345", mediaType: .octets)
            _ = try store.importBatch([try makeEntry(manifest: manifest, ttl: 9)], at: .testNow)
            let entry = try store.lookUp(.name(makeName()), at: .testNow)
            #expect(entry.manifest == ManifestSummary(size: 5, mediaType: .octets))
            #expect(entry.isHeld && entry.ttl == 9)
            #expect(try store.manifest(manifest.id) == manifest)
            let quick = try store.lookUp(.contentID(manifest.id), withManifest: false, at: .testNow)
            #expect(quick.isHeld && quick.manifest == nil)
        }
    }

    @Test func pinsAreRememberedOnceAndForgotten() async throws {
        try await withTemporaryDirectory { path in
            let keys: [ResolveKey] = [.name(try makeName()), .contentID(makeContentID())]
            try await withStore(at: path) { store in
                try store.pin(keys, limit: 10)
                try store.pin(keys, limit: 10)
                #expect(Set(try store.pins(limit: 9)) == Set(keys))
                #expect(try store.pins(limit: 1).count == 1)
            }
            try await withStore(at: path) { store in
                #expect(Set(try store.pins(limit: 9)) == Set(keys))
                try store.unpin([keys[0], .name(try makeName("never-pinned"))])
                #expect(try store.pins(limit: 9) == [keys[1]])
            }
        }
    }
}
