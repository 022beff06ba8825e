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
        try Row.fetchAll(self, sql: "EXPLAIN QUERY PLAN " + statement.rawValue).map { $0["detail"] }
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
