internal import GRDB

/// A name as the index holds it.
package struct NameRecord: Sendable, Equatable {
    package let name: Name
    package let manifestID: ContentID
    /// Life of answers made from this record, in seconds; nil: the configured default.
    package let ttl: Int?
    /// Counts up by one per change of the name, over its whole history.
    package let version: Int64
    package let updatedAt: UnixTime
}

/// What a writer demands of the current version of a name before it changes it (RFC 9110, 13.1.1).
package enum VersionPrecondition: Sendable, Equatable {
    case none
    /// The name exists, at this version.
    case version(Int64)
    /// The name exists, at one of these versions (`If-Match` may list several).
    case anyOf([Int64])
    /// The name exists, whatever its version (`If-Match: *`).
    case exists
    /// The name does not exist (`expected_version: 0`, `If-None-Match: *`).
    case absent

    func isMet(by current: NameRecord?) -> Bool {
        switch self {
        case .none: true
        case .version(let version): current?.version == version
        case .anyOf(let versions): current.map { versions.contains($0.version) } ?? false
        case .exists: current != nil
        case .absent: current == nil
        }
    }
}

/// What became of a write under a precondition.
package enum NameWriteOutcome: Sendable, Equatable {
    case created(NameRecord)
    /// The name led to `from` before, which may be where it leads now.
    case changed(NameRecord, from: ContentID)
    case removed(NameRecord)
    case notFound
    /// The precondition does not hold; the current version is given, nil where the name is absent.
    case preconditionFailed(current: Int64?)
}

extension IndexStore {
    package func name(_ name: Name) throws(StoreError) -> NameRecord? {
        try read { try Self.selectName(name, in: $0) }
    }

    package func putName(
        _ name: Name,
        manifestID: ContentID,
        ttl: Int?,
        precondition: VersionPrecondition,
        at now: UnixTime
    ) throws(StoreError) -> NameWriteOutcome {
        try write { database in
            let current = try Self.selectName(name, in: database)
            guard precondition.isMet(by: current) else {
                return .preconditionFailed(current: current?.version)
            }
            try database.cachedStatement(.upsertName).execute(
                arguments: [name.text, manifestID.databaseValue, ttl, now.seconds]
            )
            guard let record = try Self.selectName(name, in: database) else {
                throw StoreError.unavailable("a name just written is not there")
            }
            return current.map { .changed(record, from: $0.manifestID) } ?? .created(record)
        }
    }

    package func removeName(
        _ name: Name,
        precondition: VersionPrecondition,
        at now: UnixTime
    ) throws(StoreError) -> NameWriteOutcome {
        try write { database in
            let current = try Self.selectName(name, in: database)
            guard precondition.isMet(by: current) else {
                return .preconditionFailed(current: current?.version)
            }
            guard let current else { return .notFound }
            let noID: DatabaseValue = .null
            let noTTL: Int? = nil
            try database.cachedStatement(.upsertName).execute(
                arguments: [name.text, noID, noTTL, now.seconds]
            )
            return .removed(current)
        }
    }

    /// The names that begin with `prefix` and come after `cursor`, in byte order, at most `limit`.
    package func names(
        prefix: String,
        after cursor: String?,
        limit: Int
    ) throws(StoreError) -> [NameRecord] {
        // Names are ASCII, so a lower bound just before the prefix and an upper bound just after
        // all that begin with it turn the prefix into a range of the primary key.
        let lower = max(cursor ?? "", prefix.isEmpty ? "" : Self.predecessor(of: prefix))
        let upper = prefix + "\u{7f}"
        return try read { database in
            let statement = try database.cachedStatement(.listNames)
            return try Row.fetchAll(statement, arguments: [lower, upper, limit]).map { row in
                try Self.record(
                    name: try Self.storedName(row.decode(atIndex: 0)),
                    row: row,
                    offset: 1
                )
            }
        }
    }

    static func selectName(_ name: Name, in database: Database) throws -> NameRecord? {
        let statement = try database.cachedStatement(.selectName)
        guard let row = try Row.fetchOne(statement, arguments: [name.text]),
            !row.hasNull(atIndex: 0)
        else { return nil }
        return try record(name: name, row: row, offset: 0)
    }

    private static func record(name: Name, row: Row, offset: Int) throws -> NameRecord {
        NameRecord(
            name: name,
            manifestID: try ContentID(stored: try row.decode(atIndex: offset)),
            ttl: try row.decode(atIndex: offset + 1),
            version: try row.decode(atIndex: offset + 2),
            updatedAt: UnixTime(seconds: try row.decode(atIndex: offset + 3))
        )
    }

    private static func storedName(_ text: String) throws -> Name {
        do {
            return try Name(parsing: text)
        } catch {
            throw StoreError.corrupt("a stored name is malformed")
        }
    }

    /// A string that sorts before `prefix` itself and after everything smaller that is a name.
    private static func predecessor(of prefix: String) -> String {
        var bytes = Array(prefix.utf8)
        guard let last = bytes.popLast() else { return "" }
        if last > 0 { bytes.append(last - 1) }
        return String(decoding: bytes, as: UTF8.self) + "\u{7f}"
    }
}
