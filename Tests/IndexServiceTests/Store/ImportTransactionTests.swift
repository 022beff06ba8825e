import Randomness
import BLAKE3
import GRDB
import Testing

@testable import IndexService

@Suite struct ImportTransactionTests {
    /// A batch is stored in another order than that of its lines, which nobody may notice.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func aBatchIsStoredAsIfLineByLine(_ seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        let entries = try (0..<80).map { _ in try random.entry() }
        let expired = try makeProvider("gone", expiresAt: UnixTime.testNow.seconds - 1)
        let known = try (0..<4).map { number in
            try makeEntry("known", manifest: makeManifest("\(number)"), providers: [expired])
        }
        try await withStore(makeConfiguration(maximumProviders: 3)) { batched in
            try await withStore(makeConfiguration(maximumProviders: 3)) { single in
                _ = try batched.importBatch(known, at: .testNow)
                _ = try single.importBatch(known, at: .testNow)
                let outcome = try batched.importBatchTellingChanges(entries, at: .testNow)
                let outcomes = try entries.map {
                    try single.importBatchTellingChanges([$0], at: .testNow)
                }
                #expect(outcome.refusals == outcomes.flatMap(\.refusals), "seed \(seed)")
                #expect(try batched.dump() == single.dump(), "seed \(seed)")
                let names = Set(outcomes.flatMap(\.changes.names))
                #expect(outcome.changes.names == names, "seed \(seed)")
                let sets = Set(outcomes.flatMap(\.changes.providerSets))
                #expect(outcome.changes.providerSets == sets, "seed \(seed)")
            }
        }
    }

    @Test func aRowTakesEveryKindOfValueAndNothingOfTheOneBefore() throws {
        let queue = try DatabaseQueue()
        let digest = makeContentID()
        try queue.write { database in
            try database.execute(sql: "CREATE TABLE t (a, b, c, d)")
            let insert = try database.cachedStatement(sql: "INSERT INTO t VALUES (?, ?, ?, ?)")
            var row = StatementRow()
            row.append("long enough for a place of its own: é" as String?)
            row.append(-7)
            row.append(digest)
            row.append(blob: [0, 1, 0])
            #expect(try row.run(insert, in: database) == nil)
            row.begin()
            row.append(nil as String?)
            row.append(nil as Int64?)
            row.append(blob: [])
            row.append("" as String?)
            #expect(try row.run(insert, in: database) == nil)
            let rows = try Row.fetchAll(database, sql: "SELECT a, b, hex(c), hex(d), d FROM t")
            let hex = digest.digest.hex.uppercased()
            #expect(
                rows.map(\.description) == [
                    "[a:\"long enough for a place of its own: é\" b:-7 hex(c):\"\(hex)\" "
                        + "hex(d):\"000100\" d:Data(3 bytes)]",
                    "[a:NULL b:NULL hex(c):\"\" hex(d):\"\" d:\"\"]",
                ]
            )
            let count = try database.cachedStatement(sql: "SELECT count(*) FROM t WHERE c IS ?")
            row.begin()
            row.append(digest)
            #expect(try row.run(count, in: database) == 1)
            // Whoever takes the statement from the cache next finds it as if it were new.
            #expect(try Int.fetchOne(count, arguments: [nil]) == 0)
        }
    }

    @Test func aRowThatDoesNotFitItsStatementIsAnErrorOfTheDatabase() throws {
        let queue = try DatabaseQueue()
        try queue.write { database in
            try database.execute(sql: "CREATE TABLE t (a INTEGER NOT NULL) STRICT")
            let insert = try database.cachedStatement(sql: "INSERT INTO t VALUES (?)")
            var row = StatementRow()
            #expect(throws: DatabaseError.self) { try row.run(insert, in: database) }
            row.append(nil as Int64?)
            let error = #expect(throws: DatabaseError.self) { try row.run(insert, in: database) }
            #expect(error?.resultCode == .SQLITE_CONSTRAINT)
            #expect(error?.message?.contains("NOT NULL") == true)
            row.begin()
            row.append(1)
            #expect(try row.run(insert, in: database) == nil)
        }
    }
}

extension SeededRandom {
    /// A line about one of few names and of few manifests, so that lines of a batch meet.
    fileprivate mutating func entry() throws -> ImportEntry {
        let providers = Set((0..<int(in: 0...3)).map { _ in int(in: 0...4) })
        return try makeEntry(
            "name-\(int(in: 0...9))",
            manifest: makeManifest(
                "\(int(in: 0...5))",
                mediaType: oneIn(4) ? .octets : .json
            ),
            isHeld: !oneIn(3),
            ttl: pick([nil, 60, 61]),
            providers: providers.sorted().map { number in
                try makeProvider("p\(number)", address: "192.0.2.\(int(in: 1...2)):80")
            }
        )
    }
}
