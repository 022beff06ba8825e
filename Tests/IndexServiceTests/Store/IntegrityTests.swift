import Randomness
import Cache
import Foundation
import Testing

@testable import IndexService

/// A flipped bit in a stored manifest: never served, always noticed, mended by storing it again.
@Suite struct IntegrityTests {
    /// A manifest within one page of the file, and one on a chain of overflow pages.
    @Test(arguments: [300, 20_000], 0..<3 as Range<UInt64>)
    func aFlippedBitIsNoticedAndNeverServed(_ size: Int, _ seed: UInt64) async throws {
        try await withDamagedStore(size: size, seed: seed) { store, manifest in
            let error = StoreError.integrity(manifest.id)
            #expect(throws: error) { try store.manifest(manifest.id) }
            #expect(throws: error) { try store.lookUp(.name(makeName()), at: .testNow) }
            #expect(throws: error) { try store.lookUp(.contentID(manifest.id), at: .testNow) }
            // The rest of the store is as well as before.
            #expect(store.probe(at: .testNow) == nil)
            let other = try store.lookUp(.name(makeName("other")), at: .testNow)
            #expect(other.isHeld)
        }
    }

    @Test func theResolverCountsTheDamageAndAnswersNothingMadeFromIt() async throws {
        try await withDamagedStore(size: 300, seed: 7) { store, manifest in
            let metrics = Metrics()
            let resolver = makeResolver(store, metrics: metrics)
            let keys: [ResolveKey] = [.name(try makeName()), .contentID(manifest.id)]
            for (count, key) in keys.enumerated() {
                let query = AnswerQuery(.resolution, key)
                await #expect(throws: ResolveError.integrity(manifest.id)) {
                    try await resolver.resolve(query)
                }
                #expect(resolver.cachedOutcome(for: query, at: .now()) == nil)
                let line = "index_integrity_fail_total \(count + 1)\n"
                #expect(String(decoding: metrics.exposition(), as: UTF8.self).contains(line))
            }
            let other = AnswerQuery(.resolution, .name(try makeName("other")))
            guard case .found = try await resolver.resolve(other).outcome else {
                throw TestFailure()
            }
        }
    }

    @Test func storingItAgainMendsIt() async throws {
        try await withDamagedStore(size: 300, seed: 8) { store, manifest in
            try store.putManifest(manifest)
            #expect(try store.manifest(manifest.id) == manifest)
        }
        try await withDamagedStore(size: 20_000, seed: 9) { store, manifest in
            let resolver = makeResolver(store)
            let query = AnswerQuery(.resolution, .name(try makeName()))
            await #expect(throws: ResolveError.self) { try await resolver.resolve(query) }
            _ = try store.importBatch([try makeEntry(manifest: manifest)], at: .testNow)
            #expect(try store.manifest(manifest.id) == manifest)
            guard case .found = try await resolver.resolve(query).outcome else {
                throw TestFailure()
            }
        }
    }
}

/// A store in which one bit of the manifest of `libc6` has flipped while it was closed.
private func withDamagedStore(
    size: Int,
    seed: UInt64,
    _ body: (IndexStore, Manifest) async throws -> Void
) async throws {
    var random = SeededRandom(seed: seed)
    let bytes = random.bytes(count: size)
    let manifest = Manifest(bytes: bytes, mediaType: .octets)
    try await withTemporaryDirectory { path in
        try await withStore(at: path) { store in
            let entries = [try makeEntry(manifest: manifest), try makeEntry("other")]
            #expect(try store.importBatch(entries, at: .testNow) == [nil, nil])
        }
        // A piece of the bytes: the whole is cut up over the pages of the file.
        let start = random.int(in: 0...size - 64)
        let file = URL(filePath: path + "/index.sqlite")
        var content = try Data(contentsOf: file)
        let piece = try #require(content.range(of: Data(bytes[start..<start + 32])), "seed \(seed)")
        content[piece.lowerBound + random.int(in: 0...31)] ^= 1 << random.int(in: 0...7)
        try content.write(to: file)
        try await withStore(at: path) { try await body($0, manifest) }
    }
}
