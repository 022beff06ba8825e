internal import GRDB

extension IndexStore {
    /// Remembers keys as pinned: kept fresh, never evicted, also after a restart.
    ///
    /// - Throws: `StoreError.tooManyPins`, and pins none, when there would be more than `limit`.
    package func pin(_ keys: [ResolveKey], limit: Int) throws(StoreError) {
        try write { database in
            let statement = try database.cachedStatement(.insertPin)
            for key in keys { try statement.execute(arguments: [key.description]) }
            let listing = try database.cachedStatement(.listPins)
            let count = try String.fetchAll(listing, arguments: ["", limit + 1]).count
            guard count <= limit else { throw StoreError.tooManyPins(limit: limit) }
        }
    }

    /// Forgets pinned keys; keys that are not pinned are passed over.
    package func unpin(_ keys: [ResolveKey]) throws(StoreError) {
        try write { database in
            let statement = try database.cachedStatement(.deletePin)
            for key in keys { try statement.execute(arguments: [key.description]) }
        }
    }

    /// The pinned keys, at most `limit`.
    package func pins(limit: Int) throws(StoreError) -> [ResolveKey] {
        try read { database in
            let statement = try database.cachedStatement(.listPins)
            return try String.fetchAll(statement, arguments: ["", limit]).map { text in
                do {
                    return try ResolveKey(parsing: text)
                } catch {
                    throw StoreError.corrupt("a stored pin is malformed")
                }
            }
        }
    }
}
