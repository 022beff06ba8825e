internal import BLAKE3
internal import GRDB
internal import GRDBSQLite

/// The values of one row on their way into a statement that runs for every line of an import.
///
/// They lie in memory that is used again for the next row, and SQLite reads them there: arguments
/// in boxes of their own, as for statements that run once, cost as much as half of SQLite's work.
struct StatementRow {
    private enum Value {
        case null
        case integer(Int64)
        case text(Range<Int>)
        case blob(Range<Int>)
    }

    private var values: [Value] = []
    /// All texts and blobs; never empty, since SQLite takes a missing address for a null.
    private var bytes: [UInt8] = [0]

    /// Forgets the row before.
    mutating func begin() {
        values.removeAll(keepingCapacity: true)
        bytes.removeSubrange(1...)
    }

    mutating func append(_ integer: Int64?) {
        values.append(integer.map { .integer($0) } ?? .null)
    }

    mutating func append(_ text: String?) {
        guard let text else { return values.append(.null) }
        let start = bytes.count
        bytes.append(contentsOf: text.utf8)
        values.append(.text(start..<bytes.count))
    }

    mutating func append(_ id: ContentID) {
        let start = bytes.count
        id.digest.withUnsafeBytes { bytes.append(contentsOf: $0) }
        values.append(.blob(start..<bytes.count))
    }

    mutating func append(blob: [UInt8]) {
        let start = bytes.count
        bytes.append(contentsOf: blob)
        values.append(.blob(start..<bytes.count))
    }

    /// Runs a statement on the values; the number in its first column, where it has a row.
    ///
    /// - Throws: `DatabaseError`, also when there are more or fewer values than the statement has.
    func run(_ statement: Statement, in database: Database) throws -> Int64? {
        let handle = statement.sqliteStatement
        // What it is bound to lies in memory that is not the statement's.
        defer {
            sqlite3_reset(handle)
            sqlite3_clear_bindings(handle)
        }
        return try bytes.withUnsafeBytes { memory in
            sqlite3_reset(handle)
            guard sqlite3_bind_parameter_count(handle) == values.count else {
                throw DatabaseError(resultCode: .SQLITE_MISUSE, sql: statement.sql)
            }
            for index in values.indices {
                let code = bind(index, in: memory, to: handle)
                guard code == SQLITE_OK else { throw error(code, of: statement, in: database) }
            }
            switch sqlite3_step(handle) {
            case SQLITE_DONE: return nil
            case SQLITE_ROW: return sqlite3_column_int64(handle, 0)
            case let code: throw error(code, of: statement, in: database)
            }
        }
    }

    private func bind(
        _ index: Int,
        in memory: UnsafeRawBufferPointer,
        to handle: SQLiteStatement
    ) -> Int32 {
        let place = Int32(index + 1)
        // No destructor: SQLite neither copies nor frees what it is bound to.
        switch values[index] {
        case .null: return sqlite3_bind_null(handle, place)
        case .integer(let integer): return sqlite3_bind_int64(handle, place, integer)
        case .text(let range):
            let text = memory[range].withMemoryRebound(to: CChar.self) { $0.baseAddress }
            return sqlite3_bind_text(handle, place, text, Int32(range.count), nil)
        case .blob(let range):
            let blob = UnsafeRawBufferPointer(rebasing: memory[range]).baseAddress
            return sqlite3_bind_blob(handle, place, blob, Int32(range.count), nil)
        }
    }

    private func error(_ code: Int32, of statement: Statement, in database: Database)
        -> DatabaseError
    {
        DatabaseError(
            resultCode: ResultCode(rawValue: code),
            message: database.lastErrorMessage,
            sql: statement.sql
        )
    }
}
