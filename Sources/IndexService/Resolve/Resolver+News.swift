internal import Cache

// What a miss shows to have changed since somebody looked before.

extension Resolver {
    /// Tells where a key name leads now, and the providers, where this look saw all of them.
    func note(
        _ resolved: Resolved,
        about query: AnswerQuery,
        _ entry: IndexEntry,
        _ found: Discovered
    ) {
        // What a write has overtaken is no news.
        guard isCurrent(resolved) else { return }
        if case .name(let name) = query.key, name.isKeyName {
            news.keyName(name, leadsTo: entry.manifestID)
        }
        guard let id = entry.manifestID, found.isComplete, !found.isEarly else { return }
        let known = Set(entry.providers.map(\.address))
        let others = found.providers.filter { !known.contains($0.address) }
        news.providers(of: id, are: Set((entry.providers + others).map(\.id)))
    }
}
