import Foundation
import GRDB
import Testing

@testable import IndexService

/// Whose files a store opens, and who may read those it makes.
@Suite struct StoreFilesTests {
    private static let files = ["index.sqlite", "index.sqlite-wal", "lock"]

    /// What is mapped from a file ends the process when the file is cut short.
    @Test func noFileIsShared() async throws {
        try await withTemporaryDirectory { path in
            let shared = path + "/index.sqlite-shm"
            try Data(repeating: 0, count: 32_768).write(to: URL(filePath: shared))
            try await withStore(at: path) { store in
                _ = try store.importBatch([makeEntry()], at: .testNow)
                #expect(try store.name(makeName()) != nil)
                let files = try FileManager.default.contentsOfDirectory(atPath: path)
                #expect(files.sorted() == Self.files.sorted())
                let maps = try String(contentsOfFile: "/proc/self/maps", encoding: .utf8)
                #expect(!maps.contains(path))
            }
        }
    }

    /// A log that begins anew keeps so much of its file: to write over that is cheap.
    @Test(arguments: [0, 1 << 20])
    func theLogKeepsNoMoreOfItsFileThanItMay(_ keptBytes: Int) async throws {
        var configuration = makeConfiguration()
        configuration.checkpointPages = 1
        configuration.keptLogBytes = keptBytes
        let entries = try (0..<500).map { number in
            try makeEntry("name-\(number)", manifest: makeManifest("\(number)"))
        }
        try await withTemporaryDirectory { path in
            try await withStore(at: path, configuration) { store in
                _ = try store.importBatch(entries, at: .testNow)
                let grown = try size(path + "/index.sqlite-wal")
                _ = try store.importBatch([makeEntry("one-more")], at: .testNow)
                let kept = try size(path + "/index.sqlite-wal")
                #expect(grown > 64 << 10)
                #expect(keptBytes == 0 ? kept < grown / 2 : kept == grown)
            }
        }
    }

    @Test func everyFileIsForItsOwnerOnly() async throws {
        try await withTemporaryDirectory { path in
            let store = path + "/store"
            try await withStore(at: store) { open async throws in
                _ = try open.importBatch([try makeEntry()], at: .testNow)
                for file in Self.files { #expect(try mode(store + "/" + file) == 0o600, "\(file)") }
                #expect(!open.isOpenToOthers)
            }
        }
    }

    @Test func filesThatOthersCouldReadAreMended() async throws {
        try await withTemporaryDirectory { path in
            try await withStore(at: path) { _ = try $0.importBatch([makeEntry()], at: .testNow) }
            for file in ["index.sqlite", "lock"] { try setMode(0o644, path + "/" + file) }
            try setMode(0o755, path)
            try await withStore(at: path) { open async throws in
                for file in Self.files { #expect(try mode(path + "/" + file) == 0o600, "\(file)") }
                // The directory is the operator's: it is only told of.
                #expect(try mode(path) == 0o755)
                #expect(open.isOpenToOthers)
                #expect(try open.name(makeName()) != nil)
            }
        }
    }

    @Test func aDirectoryOpenToOthersIsWarnedOfOnce() async throws {
        for (mode, warnings) in [(0o755, 1), (0o700, 0)] {
            let log = RecordedLog()
            let directory = try TemporaryDirectory()
            try setMode(mode, directory.path)
            let settings: @Sendable (inout Settings) -> Void = { [path = directory.path] in
                $0.database.path = path
            }
            try await withService(settings: settings, log: log) { _ in }
            let found = log.records.filter { $0.message.contains("chmod 700") }
            #expect(found.count == warnings)
        }
    }

    @Test func aStoreThatIsMissingIsMadeOnlyWhereThatIsWanted() async throws {
        try await withTemporaryDirectory { path in
            for place in [path, path + "/typo"] {
                #expect(throws: StoreError.missing) {
                    try IndexStore(path: place, configuration: makeConfiguration(), creating: false)
                }
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: path).isEmpty)
            try await withStore(at: path) { _ in }
            let store = try IndexStore(
                path: path,
                configuration: makeConfiguration(),
                creating: false
            )
            try await store.close()
        }
    }

    /// Databases of other programs: with an id of their own, with tables, with migrations.
    @Test(
        arguments: [
            "PRAGMA application_id = 1196444487",
            "CREATE TABLE names (name TEXT)",
            "CREATE TABLE t (a); PRAGMA journal_mode = WAL; INSERT INTO t VALUES (1)",
            """
            CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
            INSERT INTO grdb_migrations VALUES ('v1'); CREATE TABLE t (a)
            """,
        ]
    )
    func aDatabaseOfAnotherProgramIsRefusedAndNotChanged(_ sql: String) async throws {
        try await withTemporaryDirectory { path in
            let file = path + "/index.sqlite"
            let queue = try DatabaseQueue(path: file)
            try await queue.writeWithoutTransaction { try $0.execute(sql: sql) }
            try queue.close()
            try setMode(0o644, file)
            let before = try Data(contentsOf: URL(filePath: file))
            #expect(!before.isEmpty)
            for _ in 0..<2 {
                await #expect(throws: StoreError.foreign) {
                    try await withStore(at: path) { _ in }
                }
            }
            #expect(try Data(contentsOf: URL(filePath: file)) == before)
            #expect(try mode(file) == 0o644)
            let names = try FileManager.default.contentsOfDirectory(atPath: path)
            #expect(names == ["index.sqlite"])
        }
    }

    @Test func theLockFileOfAnotherProgramIsLeftAlone() async throws {
        try await withTemporaryDirectory { path in
            let (file, lock) = (path + "/index.sqlite", path + "/lock")
            let queue = try DatabaseQueue(path: file)
            try await queue.writeWithoutTransaction { try $0.execute(sql: "CREATE TABLE t (a)") }
            try queue.close()
            try Data("theirs".utf8).write(to: URL(filePath: lock))
            try setMode(0o644, lock)
            await #expect(throws: StoreError.foreign) {
                try await withStore(at: path) { _ in }
            }
            #expect(try Data(contentsOf: URL(filePath: lock)) == Data("theirs".utf8))
            #expect(try mode(lock) == 0o644)
        }
    }

    @Test(arguments: [true, false])
    func aStoreWhoseLockFileIsNotItsOwnAnyMoreWritesNothing(_ isReplaced: Bool) async throws {
        try await withTemporaryDirectory { path in
            try await withStore(at: path) { store async throws in
                #expect(store.probe(at: .testNow) == nil)
                try FileManager.default.removeItem(atPath: path + "/lock")
                if isReplaced { try await withStore(at: path) { _ in } }
                let error = #expect(throws: StoreError.self) {
                    try store.importBatch([makeEntry()], at: .testNow)
                }
                guard case .unwritable = error else {
                    Issue.record("\(String(describing: error))")
                    return
                }
                #expect(store.probe(at: .testNow) != nil)
            }
        }
    }

    /// What `kill -9` leaves behind in the middle of the first start: the switch to a write-ahead
    /// log is in the file, and the journal that takes it back still there.
    @Test func aStoreWhoseFirstStartWasKilledOpensAgain() async throws {
        try await withTemporaryDirectory { path in
            let (file, journal) = (path + "/index.sqlite", path + "/index.sqlite-journal")
            let queue = try DatabaseQueue(path: file)
            try await queue.writeWithoutTransaction { database in
                try database.execute(sql: "PRAGMA journal_mode = PERSIST")
                try database.execute(sql: "CREATE TABLE grdb_migrations (identifier TEXT)")
                try database.execute(sql: "PRAGMA cache_spill = 1; PRAGMA cache_size = 1; BEGIN")
                try database.execute(
                    sql: """
                        CREATE TABLE t AS WITH RECURSIVE n (i) AS
                        (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
                        SELECT i, hex(randomblob(100)) AS b FROM n
                        """
                )
                // Written into the file by now, and not committed.
                for name in [file, journal] {
                    try FileManager.default.copyItem(atPath: name, toPath: name + ".copy")
                }
                try database.execute(sql: "ROLLBACK")
            }
            try queue.close()
            for name in [file, journal] {
                try FileManager.default.removeItem(atPath: name)
                try FileManager.default.moveItem(atPath: name + ".copy", toPath: name)
            }
            try await withStore(at: path) { store async throws in
                _ = try store.importBatch([try makeEntry()], at: .testNow)
                #expect(try store.name(makeName()) != nil)
            }
        }
    }

    @Test func aStoreMadeBeforeThereWasAnIDIsTakenOver() async throws {
        try await withTemporaryDirectory { path in
            try await withStore(at: path) { store async throws in
                _ = try store.importBatch([try makeEntry()], at: .testNow)
                #expect(try id(of: store) == IndexSchema.applicationID)
                try store.execute("PRAGMA application_id = 0")
            }
            try await withStore(at: path) { store async throws in
                #expect(try id(of: store) == IndexSchema.applicationID)
                #expect(try store.name(makeName()) != nil)
            }
        }
    }

    @Test func anEmptyFileBecomesAStore() async throws {
        try await withTemporaryDirectory { path in
            try Data().write(to: URL(filePath: path + "/index.sqlite"))
            try await withStore(at: path) { store async throws in
                #expect(try id(of: store) == IndexSchema.applicationID)
            }
        }
    }
}

private func id(of store: IndexStore) throws -> Int32? {
    try store.read { try Int32.fetchOne($0, sql: "PRAGMA application_id") }
}

private func mode(_ path: String) throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
}

private func size(_ path: String) throws -> Int {
    try #require(FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
}

private func setMode(_ mode: Int, _ path: String) throws {
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
}
