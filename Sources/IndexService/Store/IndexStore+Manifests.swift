internal import BLAKE3
internal import Foundation
internal import GRDB

/// What is known of a manifest without its bytes.
package struct ManifestSummary: Sendable, Equatable {
    /// Size in bytes.
    package let size: Int
    package let mediaType: MediaType
}

extension IndexStore {
    /// Stores a manifest, or mends the stored one when its bytes were damaged.
    package func putManifest(_ manifest: Manifest) throws(StoreError) {
        try write { try Self.upsertManifest(manifest, in: $0) }
    }

    /// The manifest of `id`, after its bytes were checked against it.
    ///
    /// - Throws: `StoreError.integrity` when the stored bytes have another BLAKE3.
    package func manifest(_ id: ContentID) throws(StoreError) -> Manifest? {
        try read { database in
            let statement = try database.cachedStatement(.selectManifest)
            guard let row = try Row.fetchOne(statement, arguments: [id.databaseValue]) else {
                return nil
            }
            let mediaType = Self.storedMediaType(try row.decode(atIndex: 0))
            let bytes = try row.withUnsafeData(atIndex: 1) { [UInt8]($0 ?? Data()) }
            guard let manifest = Manifest(verifying: bytes, as: id, mediaType: mediaType) else {
                throw StoreError.integrity(id)
            }
            return manifest
        }
    }

    /// Size and media type of the manifest of `id`, after its bytes were checked, without copying
    /// them.
    static func selectManifestSummary(
        _ id: ContentID,
        in database: Database
    ) throws -> ManifestSummary? {
        let statement = try database.cachedStatement(.selectManifest)
        let rows = try Row.fetchCursor(statement, arguments: [id.databaseValue])
        guard let row = try rows.next() else { return nil }
        let size = try row.withUnsafeData(atIndex: 1) { data in
            let data = data ?? Data()
            let digest = data.withUnsafeBytes { Digest(hashing: $0) }
            guard digest == id.digest else { throw StoreError.integrity(id) }
            return data.count
        }
        return ManifestSummary(size: size, mediaType: storedMediaType(try row.decode(atIndex: 0)))
    }

    static func upsertManifest(_ manifest: Manifest, in database: Database) throws {
        try database.cachedStatement(.upsertManifest).execute(
            arguments: [
                manifest.id.databaseValue, manifest.mediaType.description, Data(manifest.bytes),
            ]
        )
    }

    /// A media type that does not parse any more only loses its name, never the document.
    private static func storedMediaType(_ text: String) -> MediaType {
        do {
            return try MediaType(parsing: text)
        } catch {
            return .octets
        }
    }
}
