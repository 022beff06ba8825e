import Randomness
import Foundation
import GRDB
import Testing

@testable import IndexService

/// Whatever stands in the database file, the store answers or throws: it never traps.
@Suite struct DamageTests {
    /// Records that the schema forbids, which a flipped bit in a record's header can make.
    @Test(
        arguments: [
            "INSERT INTO names VALUES ('a', 'text', 'text', 'text', 'text')",
            "INSERT INTO names VALUES ('a', x'00', NULL, 1, 1)",
            "INSERT INTO names VALUES ('a', 1, NULL, 1, 1)",
            "INSERT INTO names VALUES ('a', randomblob(32), NULL, NULL, 1)",
            "INSERT INTO names VALUES ('a', randomblob(32), NULL, 1, NULL)",
            "INSERT INTO names VALUES ('a', randomblob(32), 1e300, 1e300, 1e300)",
            "INSERT INTO manifests VALUES (1, zeroblob(32), NULL, x'00')",
            "INSERT INTO manifests VALUES (1, zeroblob(32), 1.5, NULL)",
            "INSERT INTO manifests VALUES (1, zeroblob(32), x'FF', 'text')",
            "INSERT INTO providers VALUES (zeroblob(32), NULL, 'x:1', NULL, 1, NULL)",
            "INSERT INTO providers VALUES (zeroblob(32), 'p', NULL, NULL, 1, NULL)",
            "INSERT INTO providers VALUES (zeroblob(32), 'p', 'no address', NULL, 1, NULL)",
            "INSERT INTO providers VALUES (zeroblob(32), 'p', 'x:1', 'NO REGION', 1, NULL)",
            "INSERT INTO providers VALUES (zeroblob(32), 'p', 'x:1', x'FF', 1, NULL)",
            "INSERT INTO providers VALUES (zeroblob(32), 'p', 'x:1', NULL, NULL, NULL)",
            "INSERT INTO providers VALUES (zeroblob(32), 'p', 'x:1', NULL, 'text', 'text')",
            "INSERT INTO pins VALUES ('no key')",
            "INSERT INTO pins VALUES (x'FF')",
        ]
    )
    func aRecordThatCannotBeIsAnError(_ statement: String) async throws {
        try await withTemporaryDirectory { path in
            try await makeLooseDatabase(at: path, statement)
            try await withStore(at: path) { store in
                let id = try #require(ContentID(bytes: [UInt8](repeating: 0, count: 32)))
                let name = try makeName("a")
                let errors = [
                    failure { _ = try store.name(name) },
                    failure { _ = try store.names(prefix: "", after: nil, limit: 9) },
                    failure { _ = try store.manifest(id) },
                    failure { _ = try store.lookUp(.contentID(id), at: .testNow) },
                    failure { _ = try store.pins(limit: 9) },
                ].compactMap { $0 }
                #expect(!errors.isEmpty)
                for error in errors {
                    guard case .corrupt = error else {
                        #expect(error == .integrity(id))
                        continue
                    }
                }
            }
        }
    }

    @Test(arguments: 0..<30 as Range<UInt64>)
    func flippedBitsAnywhereAreAnswersOrErrors(_ seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        try await withTemporaryDirectory { path in
            try await withStore(at: path) { try fill($0) }
            let file = URL(filePath: path + "/index.sqlite")
            var content = try Data(contentsOf: file)
            for _ in 0..<random.int(in: 1...20) {
                content[random.int(in: 0...content.count - 1)] ^= 1 << random.int(in: 0...7)
            }
            try content.write(to: file)
            _ = try? await withStore(at: path) { useEverything(of: $0) }
        }
    }

    @Test(arguments: [0, 1, 99, 100, 4095, 4096, 5000, 20_000])
    func aFileCutShortIsAnswersOrErrors(_ length: Int) async throws {
        try await withTemporaryDirectory { path in
            try await withStore(at: path) { try fill($0) }
            let file = URL(filePath: path + "/index.sqlite")
            try Data(contentsOf: file).prefix(length).write(to: file)
            _ = try? await withStore(at: path) { useEverything(of: $0) }
        }
    }
}

/// Every operation once; whether it succeeds does not matter here.
private func useEverything(of store: IndexStore) {
    func tried(_ body: () throws -> Void) { try? body() }
    tried { _ = try Exporter(store: store).run { _ in } }
    tried { _ = try store.names(prefix: "n1", after: "n10", limit: 9) }
    for number in 0..<20 {
        tried { _ = try store.lookUp(.name(makeName("n\(number)")), at: .testNow) }
        tried { _ = try store.manifest(makeManifest("\(number)").id) }
    }
    tried { _ = try store.pins(limit: 9) }
    tried {
        _ = try store.importBatch([makeEntry("n1", providers: [makeProvider()])], at: .testNow)
    }
    tried { _ = try store.removeName(makeName("n2"), precondition: .none, at: .testNow) }
    tried { _ = try store.removeExpiredProviders(at: .testNow) }
    _ = store.probe(at: .testNow)
}

private func fill(_ store: IndexStore) throws {
    let entries = try (0..<20).map { (number: Int) in
        try makeEntry(
            "n\(number)",
            manifest: makeManifest("\(number)"),
            ttl: number,
            providers: [makeProvider("p", region: "eu"), makeProvider("q", expiresAt: 9_000_000)]
        )
    }
    _ = try store.importBatch(entries, at: .testNow)
    try store.pin([.name(makeName())], limit: 10)
}

private func failure(_ body: () throws -> Void) -> StoreError? {
    do {
        try body()
        return nil
    } catch {
        return StoreError(error)
    }
}

/// A database with the same tables and none of their constraints, and one record in it.
private func makeLooseDatabase(at path: String, _ statement: String) async throws {
    let queue = try DatabaseQueue(path: path + "/index.sqlite")
    try await queue.write { database in
        for sql in [
            "CREATE TABLE names (name, manifest_cid, ttl_s, version, updated_at)",
            "CREATE TABLE manifests (id, cid, media_type, bytes)",
            "CREATE TABLE providers (cid, id, addr, region, last_seen, expires_at)",
            "CREATE TABLE pins (key)", "CREATE TABLE probe (id, at)",
            "CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY)",
            statement,
        ] {
            try database.execute(sql: sql)
        }
        for migration in IndexSchema.migrator.migrations {
            try database.execute(
                sql: "INSERT INTO grdb_migrations VALUES (?)",
                arguments: [migration]
            )
        }
    }
    try queue.close()
}
