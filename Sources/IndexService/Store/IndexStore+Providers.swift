internal import GRDB

/// What became of a provider that was put.
package enum ProviderWriteOutcome: Sendable, Equatable {
    case created
    /// It took the place of another address or region, or of an announcement that had ended.
    case changed
    /// It was known just so; only its times are new.
    case renewed
}

extension IndexStore {
    /// The most providers that one call of `removeExpiredProviders` drops.
    static let expiredProvidersPerCall = 1000

    /// Adds or replaces a provider of `id`.
    ///
    /// Where the limit is reached, providers whose announcements ended before this one was made
    /// make room.
    package func putProvider(
        _ provider: Provider,
        of id: ContentID
    ) throws(StoreError) -> ProviderWriteOutcome {
        let limit = configuration.maximumProvidersPerContentID
        return try write { database in
            let outcome = try Self.outcome(ofPutting: provider, of: id, in: database)
            if outcome == .created, try Self.providerCount(of: id, in: database) >= limit {
                try Self.removeExpired(of: id, at: provider.lastSeen, in: database)
                guard try Self.providerCount(of: id, in: database) < limit else {
                    throw StoreError.tooManyProviders(limit: limit)
                }
            }
            try Self.upsertProvider(provider, of: id, in: database)
            return outcome
        }
    }

    /// Removes a provider of `id`; false when there was none.
    package func removeProvider(
        _ provider: ProviderID,
        of id: ContentID
    ) throws(StoreError) -> Bool {
        try write { database in
            try database.cachedStatement(.deleteProvider).execute(
                arguments: [id.databaseValue, provider.description]
            )
            return database.changesCount > 0
        }
    }

    /// Drops providers whose announcements ended before `now`, at most `expiredProvidersPerCall`.
    ///
    /// Reads skip them anyway; this gives the room back. Returns how many were dropped.
    package func removeExpiredProviders(at now: UnixTime) throws(StoreError) -> Int {
        try write { database in
            try database.cachedStatement(.deleteExpiredProviders).execute(
                arguments: [now.seconds, Self.expiredProvidersPerCall]
            )
            return database.changesCount
        }
    }

    /// Drops the providers of one content id whose announcements have ended.
    static func removeExpired(of id: ContentID, at now: UnixTime, in database: Database) throws {
        try database.cachedStatement(.deleteExpiredProvidersOfOne).execute(
            arguments: [id.databaseValue, now.seconds]
        )
    }

    static func selectProviders(
        of id: ContentID,
        limit: Int,
        at now: UnixTime,
        in database: Database
    ) throws -> [Provider] {
        let statement = try database.cachedStatement(.selectProviders)
        let rows = try Row.fetchAll(statement, arguments: [id.databaseValue, limit])
        return try rows.map(provider).filter { $0.expiresAt.map { now < $0 } ?? true }
    }

    static func upsertProvider(
        _ provider: Provider,
        of id: ContentID,
        in database: Database
    ) throws {
        try database.cachedStatement(.upsertProvider).execute(
            arguments: [
                id.databaseValue, provider.id.description, provider.address.description,
                provider.region?.description, provider.lastSeen.seconds,
                provider.expiresAt?.seconds,
            ]
        )
    }

    /// What a put of `provider` would come to, at the time at which it was seen.
    static func outcome(
        ofPutting provider: Provider,
        of id: ContentID,
        in database: Database
    ) throws -> ProviderWriteOutcome {
        let statement = try database.cachedStatement(.selectProvider)
        let arguments: StatementArguments = [id.databaseValue, provider.id.description]
        guard let row = try Row.fetchOne(statement, arguments: arguments) else { return .created }
        let (address, region): (String, String?) = try (
            row.decode(atIndex: 0), row.decode(atIndex: 1)
        )
        let end: Int64? = try row.decode(atIndex: 2)
        let isSame =
            address == provider.address.description && region == provider.region?.description
            && end.map { provider.lastSeen.seconds < $0 } ?? true
        return isSame ? .renewed : .changed
    }

    static func hasProvider(
        _ provider: ProviderID,
        of id: ContentID,
        in database: Database
    ) throws -> Bool {
        let statement = try database.cachedStatement(.selectProviderExists)
        let arguments: StatementArguments = [id.databaseValue, provider.description]
        return try Row.fetchOne(statement, arguments: arguments) != nil
    }

    static func providerCount(of id: ContentID, in database: Database) throws -> Int {
        let statement = try database.cachedStatement(.countProviders)
        return try Int.fetchOne(statement, arguments: [id.databaseValue]) ?? 0
    }

    private static func provider(row: Row) throws -> Provider {
        let (id, address): (String, String) = try (row.decode(atIndex: 0), row.decode(atIndex: 1))
        let region: String? = try row.decode(atIndex: 2)
        let lastSeen: Int64 = try row.decode(atIndex: 3)
        let expiresAt: Int64? = try row.decode(atIndex: 4)
        do {
            return Provider(
                id: try ProviderID(parsing: id),
                address: try ProviderAddress(parsing: address),
                region: try region.map { text throws(FieldError) in try Region(parsing: text) },
                lastSeen: UnixTime(seconds: lastSeen),
                expiresAt: expiresAt.map(UnixTime.init(seconds:))
            )
        } catch {
            throw StoreError.corrupt("a stored provider is malformed: \(error)")
        }
    }
}
