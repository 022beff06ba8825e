internal import BLAKE3
internal import GRDB

/// Stores one batch of import lines within a transaction.
///
/// What hangs off a content id is stored in the order of the ids, since neighbours share pages of
/// the tables, and in the order of the lines where lines share an id: refusals fall on the same
/// lines, and the last line wins, as if the lines were stored one by one. Names come last, in the
/// order of the lines.
struct ImportTransaction {
    /// What became of the batch.
    struct Outcome {
        /// Entry by entry, why nothing of it was stored; nil for the stored ones.
        var refusals: [StoreError?]
        var changes = IndexChanges()
    }

    let entries: [ImportEntry]
    /// The most providers of one content id.
    let limit: Int
    let now: UnixTime
    /// Whether to find out what changes, which takes longer.
    let tellsChanges: Bool
    let database: Database

    private var outcome: Outcome
    private var row = StatementRow()

    init(
        of entries: [ImportEntry],
        limit: Int,
        at now: UnixTime,
        tellingChanges: Bool,
        in database: Database
    ) {
        (self.entries, self.limit, self.now) = (entries, limit, now)
        (self.tellsChanges, self.database) = (tellingChanges, database)
        outcome = Outcome(refusals: Array(repeating: nil, count: entries.count))
    }

    /// Stores the batch; blocks.
    mutating func run() throws -> Outcome {
        let order = orderByContentID()
        try storeProviders(in: order)
        try storeManifests(in: order)
        try storeNames()
        return outcome
    }

    private func orderByContentID() -> [Int] {
        let keys = entries.indices.map { (digest: entries[$0].manifestID.digest, index: $0) }
        let sorted = keys.sorted {
            $0.digest == $1.digest ? $0.index < $1.index : $0.digest < $1.digest
        }
        return sorted.map(\.index)
    }

    /// Providers first: it is they that an entry can be refused for.
    private mutating func storeProviders(in order: [Int]) throws {
        let upsert = try database.cachedStatement(.upsertProvider)
        let count = try database.cachedStatement(.countProviders)
        for index in order {
            // No copies of entries here: out of their order each part of one is a line of memory
            // that the processor has not got.
            let id = entries[index].manifestID
            let providers = entries[index].providers
            if providers.isEmpty { continue }
            guard try hasRoom(for: providers, of: id, count) else {
                outcome.refusals[index] = .tooManyProviders(limit: limit)
                continue
            }
            if tellsChanges { try notify(of: providers, of: id) }
            for provider in providers {
                row.begin()
                row.append(id)
                row.append(provider.id.description)
                row.append(provider.address.description)
                row.append(provider.region?.description)
                row.append(provider.lastSeen.seconds)
                row.append(provider.expiresAt?.seconds)
                _ = try row.run(upsert, in: database)
            }
        }
    }

    private mutating func storeManifests(in order: [Int]) throws {
        let upsert = try database.cachedStatement(.upsertManifest)
        for index in order where outcome.refusals[index] == nil {
            guard let manifest = entries[index].manifest else { continue }
            row.begin()
            row.append(manifest.id)
            row.append(manifest.mediaType.description)
            row.append(blob: manifest.bytes)
            _ = try row.run(upsert, in: database)
        }
    }

    private mutating func storeNames() throws {
        let upsert = try database.cachedStatement(.importName)
        for (index, entry) in entries.enumerated() where outcome.refusals[index] == nil {
            if tellsChanges {
                let former = try IndexStore.selectName(entry.name, in: database)
                if former?.manifestID != entry.manifestID {
                    outcome.changes.names.insert(entry.name)
                }
            }
            row.begin()
            row.append(entry.name.text)
            row.append(entry.manifestID)
            row.append(entry.ttl.map(Int64.init))
            row.append(now.seconds)
            _ = try row.run(upsert, in: database)
        }
    }

    private mutating func notify(of providers: [Provider], of id: ContentID) throws {
        for provider in providers {
            let put = try IndexStore.outcome(ofPutting: provider, of: id, in: database)
            outcome.changes.providerSets.formUnion(put.changes(of: id).providerSets)
        }
    }

    /// Whether an entry's providers fit, once those whose announcements ended have made room; looks
    /// at the stored ones only where it could matter.
    private mutating func hasRoom(
        for providers: [Provider],
        of id: ContentID,
        _ count: Statement
    ) throws -> Bool {
        row.begin()
        row.append(id)
        let known = Int(try row.run(count, in: database) ?? 0)
        guard known + providers.count > limit else { return true }
        try IndexStore.removeExpired(of: id, at: now, in: database)
        let stored = try IndexStore.providerCount(of: id, in: database)
        let new = try providers.filter {
            try !IndexStore.hasProvider($0.id, of: id, in: database)
        }
        return stored + Set(new.map(\.id)).count <= limit
    }
}
