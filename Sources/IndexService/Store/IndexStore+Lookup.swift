internal import GRDB

/// All that the index knows about one key, read in one consistent view.
package struct IndexEntry: Sendable, Equatable {
    /// The content id asked about, or the one the name points at; nil when the name is unknown.
    package var manifestID: ContentID?
    /// Life of the name's answers in seconds, when the name has one of its own.
    package var ttl: Int?
    /// Whether the manifest's bytes are held.
    package var isHeld = false
    /// Size and media type, when the manifest was asked for and is held (and was checked).
    package var manifest: ManifestSummary?
    /// Every provider whose announcement has not ended, in no particular order.
    package var providers: [Provider] = []
    /// What proves where a key name points.
    package var proof: KeyNameRecord.Proof?
    /// Whether there may be a newer record of the key name that could not be asked for.
    package var isOutdated = false
}

extension IndexStore {
    /// Looks a key up: name to content id, then the manifest's summary and the providers.
    ///
    /// - Throws: `StoreError.integrity` when the manifest's bytes are not those of its content id:
    ///   nothing derived from them is answered.
    package func lookUp(
        _ key: ResolveKey,
        withManifest: Bool = true,
        at now: UnixTime
    ) throws(StoreError) -> IndexEntry {
        let limit = configuration.maximumProvidersPerContentID
        return try read { database in
            var entry = IndexEntry()
            switch key {
            case .contentID(let id):
                entry.manifestID = id
            case .name(let name):
                let record = try Self.selectName(name, in: database)
                entry.manifestID = record?.manifestID
                entry.ttl = record?.ttl
            }
            guard let id = entry.manifestID else { return entry }
            if withManifest {
                entry.manifest = try Self.selectManifestSummary(id, in: database)
                entry.isHeld = entry.manifest != nil
            } else {
                let statement = try database.cachedStatement(.selectManifestExists)
                entry.isHeld = try Row.fetchOne(statement, arguments: [id.databaseValue]) != nil
            }
            entry.providers = try Self.selectProviders(of: id, limit: limit, at: now, in: database)
            return entry
        }
    }
}
