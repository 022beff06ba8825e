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
        try importBatch(entries, at: now, tellingChanges: false).refusals
    }

    /// Stores a batch, and finds out what that changes; it takes longer.
    func importBatchTellingChanges(
        _ entries: [ImportEntry],
        at now: UnixTime
    ) throws(StoreError) -> ImportTransaction.Outcome {
        try importBatch(entries, at: now, tellingChanges: true)
    }

    private func importBatch(
        _ entries: [ImportEntry],
        at now: UnixTime,
        tellingChanges: Bool
    ) throws(StoreError) -> ImportTransaction.Outcome {
        let limit = configuration.maximumProvidersPerContentID
        return try write { database in
            var transaction = ImportTransaction(
                of: entries,
                limit: limit,
                at: now,
                tellingChanges: tellingChanges,
                in: database
            )
            return try transaction.run()
        }
    }
}
