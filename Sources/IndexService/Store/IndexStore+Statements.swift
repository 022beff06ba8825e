internal import BLAKE3
internal import Foundation
internal import GRDB

extension Database {
    /// The prepared statement of this connection; prepared once, then reused.
    func cachedStatement(_ statement: IndexStatement) throws -> Statement {
        try cachedStatement(sql: statement.rawValue)
    }

    /// SQLite's plan for a statement, one line a step; the tests refuse full scans.
    func queryPlan(of statement: IndexStatement) throws -> [String] {
        let explanation = try makeStatement(sql: "EXPLAIN QUERY PLAN " + statement.rawValue)
        // A plan needs no values for the statement's parameters.
        explanation.setUncheckedArguments([])
        return try Row.fetchAll(explanation).map { try $0.decode(forColumn: "detail") }
    }
}

extension ContentID {
    /// The 32 bytes as a blob.
    var databaseValue: DatabaseValue {
        digest.withUnsafeBytes { Data($0) }.databaseValue
    }

    init(stored data: Data) throws {
        guard let id = ContentID(bytes: data) else {
            throw StoreError.corrupt("a stored content id has \(data.count) bytes")
        }
        self = id
    }
}
