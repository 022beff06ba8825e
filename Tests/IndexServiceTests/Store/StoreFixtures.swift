import Foundation
import GRDB

@testable import IndexService

/// A directory of its own that is there while `body` runs.
@discardableResult
func withTemporaryDirectory<Result>(
    _ body: (String) async throws -> Result
) async throws -> Result {
    let url = FileManager.default.temporaryDirectory.appending(path: "store-\(UUID())")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: url) }
    return try await body(url.path)
}

/// A store that is open while `body` runs; without a path it is in memory.
@discardableResult
func withStore<Result>(
    at path: String? = nil,
    _ configuration: IndexStore.Configuration = makeConfiguration(),
    _ body: (IndexStore) async throws -> Result
) async throws -> Result {
    let store = try IndexStore(path: path, configuration: configuration)
    do {
        let result = try await body(store)
        try await store.close()
        return result
    } catch {
        try? await store.close()
        throw error
    }
}

extension IndexStore {
    /// Has a name point at a content id.
    func point(_ name: String = "libc6", at id: ContentID) throws {
        _ = try putName(
            makeName(name),
            manifestID: id,
            ttl: nil,
            precondition: .none,
            at: .testNow
        )
    }
}

func makeConfiguration(
    durability: IndexStore.Durability = .normal,
    maximumProviders: Int = 1000
) -> IndexStore.Configuration {
    var configuration = IndexStore.Configuration()
    configuration.durability = durability
    configuration.maximumProvidersPerContentID = maximumProviders
    return configuration
}

func makeEntry(
    _ name: String = "libc6",
    manifest: Manifest = makeManifest(),
    isHeld: Bool = true,
    ttl: Int? = nil,
    providers: [Provider] = []
) throws -> ImportEntry {
    ImportEntry(
        name: try Name(parsing: name),
        manifestID: manifest.id,
        manifest: isHeld ? manifest : nil,
        ttl: ttl,
        providers: providers
    )
}

extension IndexStore {
    /// One SQL statement on the writing connection, past everything that guards the tables.
    func execute(_ sql: String) throws {
        try write { try $0.execute(sql: sql) }
    }

    /// Everything in the tables as text, `last_seen` apart, in order: equal for equal stores.
    func dump() throws -> [String] {
        let queries = [
            "SELECT 'name', name, hex(manifest_cid), ttl_s, version, updated_at FROM names",
            "SELECT 'manifest', hex(cid), media_type, hex(bytes) FROM manifests",
            "SELECT 'provider', hex(cid), id, addr, region, expires_at FROM providers",
            "SELECT 'pin', key FROM pins",
        ]
        return try read { database in
            try queries.flatMap { try Row.fetchAll(database, sql: $0).map(\.description).sorted() }
        }
    }
}

extension UnixTime {
    /// A time that the tests call now.
    static let testNow = UnixTime(seconds: 2_000_000)
}
