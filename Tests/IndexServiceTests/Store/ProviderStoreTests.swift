import Randomness
import Testing

@testable import IndexService

@Suite struct ProviderStoreTests {
    /// Random histories of adding, replacing, removing and ending, each beside a dictionary.
    @Test(arguments: 0..<4 as Range<UInt64>)
    func providersBehaveAsADictionaryWithALimit(_ seed: UInt64) async throws {
        let limit = 4
        try await withStore(makeConfiguration(maximumProviders: limit)) { store in
            var random = SeededRandom(seed: seed)
            let id = makeContentID()
            var model: [ProviderID: Provider] = [:]
            for step in 0..<400 as Range<Int64> {
                model = model.filter { $0.value.isThere(at: step) }
                let end = random.oneIn(3) ? step + Int64(random.int(in: 1...20)) : nil
                let provider = try makeProvider(
                    random.pick(["a", "b", "c", "d", "e", "f"]),
                    address: random.pick(["x:1", "y:2", "http://[::1]/"]),
                    region: random.pick([nil, "eu-west-1"]),
                    lastSeen: step,
                    expiresAt: end
                )
                switch random.int(in: 1...5) {
                case 1, 2, 3:
                    let put = Result { try store.putProvider(provider, of: id) }
                    if model[provider.id] == nil, model.count == limit {
                        #expect(put.error == .tooManyProviders(limit: limit), "step \(step)")
                    } else {
                        #expect(put.error == nil, "seed \(seed), step \(step)")
                        model[provider.id] = provider
                    }
                case 4:
                    // One that ended may or may not have been dropped yet: both are true answers.
                    let wasThere = model.removeValue(forKey: provider.id) != nil
                    let removed = try store.removeProvider(provider.id, of: id)
                    #expect(removed || !wasThere, "seed \(seed), step \(step)")
                default:
                    _ = try store.removeExpiredProviders(at: UnixTime(seconds: step))
                }
                let now = UnixTime(seconds: step)
                let stored = try store.lookUp(.contentID(id), at: now).providers
                #expect(stored.sorted { $0.id < $1.id } == model.values.sorted { $0.id < $1.id })
            }
        }
    }

    @Test func aProviderIsNewOnceAndThenReplaced() async throws {
        try await withStore { store in
            let id = makeContentID()
            #expect(try store.putProvider(makeProvider(), of: id) == .created)
            #expect(try store.putProvider(makeProvider(address: "x:1"), of: id) == .changed)
            #expect(try store.putProvider(makeProvider(), of: makeContentID("b")) == .created)
            let providers = try store.lookUp(.contentID(id), at: .testNow).providers
            #expect(try providers == [makeProvider(address: "x:1")])
            #expect(try store.removeProvider(makeProvider().id, of: id))
            #expect(try !store.removeProvider(makeProvider().id, of: id))
        }
    }

    @Test func onlyWhatCallersSeeIsAChangeOfAProvider() async throws {
        try await withStore { store async throws in
            let id = makeContentID()
            func put(
                _ address: String = "x:1",
                region: String? = nil,
                lastSeen: Int64,
                expiresAt: Int64? = nil
            ) throws -> ProviderWriteOutcome {
                let provider = try makeProvider(
                    address: address,
                    region: region,
                    lastSeen: lastSeen,
                    expiresAt: expiresAt
                )
                return try store.putProvider(provider, of: id)
            }
            #expect(try put(lastSeen: 1) == .created)
            #expect(try put(lastSeen: 2, expiresAt: 9) == .renewed)
            #expect(try put("x:2", lastSeen: 3, expiresAt: 9) == .changed)
            #expect(try put("x:2", region: "eu", lastSeen: 4, expiresAt: 9) == .changed)
            #expect(try put("x:2", region: "eu", lastSeen: 8, expiresAt: 20) == .renewed)
            #expect(try put("x:2", region: "eu", lastSeen: 20) == .changed)
        }
    }

    @Test func anAnnouncementStandsUntilTheSecondOfItsEnd() async throws {
        try await withStore { store in
            let id = makeContentID()
            _ = try store.putProvider(makeProvider(expiresAt: 100), of: id)
            func count(at second: Int64) throws -> Int {
                try store.lookUp(.contentID(id), at: UnixTime(seconds: second)).providers.count
            }
            #expect(try count(at: 99) == 1)
            #expect(try count(at: 100) == 0)
        }
    }

    @Test func announcementsThatEndedTakeNoRoomFromNewOnes() async throws {
        try await withStore(makeConfiguration(maximumProviders: 2)) { store in
            let manifest = makeManifest()
            func announce(_ id: String, lastSeen: Int64, expiresAt: Int64? = nil) throws -> Bool {
                let provider = try makeProvider(id, lastSeen: lastSeen, expiresAt: expiresAt)
                return try store.putProvider(provider, of: manifest.id) == .created
            }
            #expect(try announce("a", lastSeen: 50, expiresAt: 100))
            #expect(try announce("b", lastSeen: 50, expiresAt: 200))
            #expect(throws: StoreError.tooManyProviders(limit: 2)) {
                try announce("c", lastSeen: 99)
            }
            #expect(try announce("c", lastSeen: 100, expiresAt: 200))
            let entry = try makeEntry(providers: [makeProvider("b"), makeProvider("d")])
            let refusal = StoreError.tooManyProviders(limit: 2)
            #expect(try store.importBatch([entry], at: UnixTime(seconds: 199)) == [refusal])
            #expect(try store.importBatch([entry], at: UnixTime(seconds: 200)) == [nil])
            let ids = try store.lookUp(.contentID(manifest.id), at: .testNow).providers.map(\.id)
            #expect(Set(ids.map(\.description)) == ["b", "d"])
        }
    }

    @Test func droppingEndedAnnouncementsLeavesTheOthers() async throws {
        try await withStore(makeConfiguration(maximumProviders: 3000)) { store in
            let manifest = makeManifest()
            let providers = try (0..<2500).map { try makeProvider("p\($0)", expiresAt: 100) }
            let lasting = try makeProvider("lasting")
            let entry = try makeEntry(providers: providers + [lasting])
            #expect(try store.importBatch([entry], at: UnixTime(seconds: 1)) == [nil])
            var dropped: [Int] = []
            for _ in 0..<4 { dropped.append(try store.removeExpiredProviders(at: .testNow)) }
            #expect(dropped == [1000, 1000, 500, 0])
            let left = try store.lookUp(.contentID(manifest.id), at: UnixTime(seconds: 0)).providers
            #expect(left == [lasting])
        }
    }
}

extension Provider {
    fileprivate func isThere(at second: Int64) -> Bool {
        expiresAt.map { second < $0.seconds } ?? true
    }
}

extension Result where Failure == any Error {
    fileprivate var error: StoreError? {
        guard case .failure(let error) = self else { return nil }
        return error as? StoreError
    }
}
