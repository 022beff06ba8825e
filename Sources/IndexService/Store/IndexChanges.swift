/// What a write has changed in the index, for those who want to follow it.
package struct IndexChanges: Sendable, Equatable {
    /// Names that lead somewhere else now, or nowhere.
    package var names: Set<Name> = []
    /// Content ids whose providers are not the same as before.
    package var providerSets: Set<ContentID> = []
}

extension NameWriteOutcome {
    /// A change of the life of its answers leaves a name where it led.
    var changes: IndexChanges {
        switch self {
        case .created(let record), .removed(let record): IndexChanges(names: [record.name])
        case .changed(let record, let former):
            IndexChanges(names: record.manifestID == former ? [] : [record.name])
        case .notFound, .preconditionFailed: IndexChanges()
        }
    }
}

extension ProviderWriteOutcome {
    func changes(of id: ContentID) -> IndexChanges {
        switch self {
        case .created, .changed: IndexChanges(providerSets: [id])
        case .renewed: IndexChanges()
        }
    }
}
