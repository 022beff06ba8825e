internal import GRDB

/// One import line, validated: a name, the manifest it points at, and where its bytes are.
package struct ImportEntry: Sendable, Equatable {
    package let name: Name
    package let manifestID: ContentID
    /// The manifest's bytes; nil when the line gave only its content id.
    package let manifest: Manifest?
    package let ttl: Int?
    package let providers: [Provider]
}

extension IndexStore {
    /// Stores a batch in one transaction; importing the same again changes nothing but `last_seen`.
    ///
    /// Returns, entry by entry, why nothing of it was stored; nil for the stored ones.
    package func importBatch(
        _ entries: [ImportEntry],
        at now: UnixTime
    ) throws(StoreError) -> [StoreError?] {
        try importBatch(entries, at: now) { _, _ in }
    }

    /// Stores a batch, and finds out what that changes; it takes longer.
    func importBatchTellingChanges(
        _ entries: [ImportEntry],
        at now: UnixTime
    ) throws(StoreError) -> (refusals: [StoreError?], changes: IndexChanges) {
        var changes = IndexChanges()
        let refusals = try importBatch(entries, at: now) { entry, database in
            let former = try Self.selectName(entry.name, in: database)
            if former?.manifestID != entry.manifestID { changes.names.insert(entry.name) }
            for provider in entry.providers {
                let id = entry.manifestID
                let outcome = try Self.outcome(ofPutting: provider, of: id, in: database)
                changes.providerSets.formUnion(outcome.changes(of: id).providerSets)
            }
        }
        return (refusals, changes)
    }

    /// - Parameter willStore: called for each entry that fits, before it is stored.
    private func importBatch(
        _ entries: [ImportEntry],
        at now: UnixTime,
        willStore: (ImportEntry, Database) throws -> Void
    ) throws(StoreError) -> [StoreError?] {
        let limit = configuration.maximumProvidersPerContentID
        return try write { database in
            try entries.map { entry in
                guard try Self.hasRoom(for: entry, limit: limit, at: now, in: database) else {
                    return .tooManyProviders(limit: limit)
                }
                try willStore(entry, database)
                try Self.store(entry, at: now, in: database)
                return nil
            }
        }
    }

    private static func store(_ entry: ImportEntry, at now: UnixTime, in database: Database) throws
    {
        if let manifest = entry.manifest {
            try upsertManifest(manifest, in: database)
        }
        try database.cachedStatement(.importName).execute(
            arguments: [entry.name.text, entry.manifestID.databaseValue, entry.ttl, now.seconds]
        )
        for provider in entry.providers {
            try upsertProvider(provider, of: entry.manifestID, in: database)
        }
    }

    /// Whether the entry's providers fit, once those whose announcements ended have made room;
    /// counts the stored ones only where it could matter.
    private static func hasRoom(
        for entry: ImportEntry,
        limit: Int,
        at now: UnixTime,
        in database: Database
    ) throws -> Bool {
        guard !entry.providers.isEmpty else { return true }
        let known = try providerCount(of: entry.manifestID, in: database)
        guard known + entry.providers.count > limit else { return true }
        try removeExpired(of: entry.manifestID, at: now, in: database)
        let stored = try providerCount(of: entry.manifestID, in: database)
        let new = try entry.providers.filter {
            try !hasProvider($0.id, of: entry.manifestID, in: database)
        }
        return stored + Set(new.map(\.id)).count <= limit
    }
}
