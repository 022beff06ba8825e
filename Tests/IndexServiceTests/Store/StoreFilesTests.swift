import Foundation
import GRDB
import Testing

@testable import IndexService

/// Whose files a store opens, and who may read those it makes.
@Suite struct StoreFilesTests {
    private static let files = ["index.sqlite", "index.sqlite-wal", "index.sqlite-shm", "lock"]

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
            let before = try Data(contentsOf: URL(filePath: file))
            #expect(!before.isEmpty)
            for _ in 0..<2 {
                await #expect(throws: StoreError.foreign) {
                    try await withStore(at: path) { _ in }
                }
            }
            #expect(try Data(contentsOf: URL(filePath: file)) == before)
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

private func setMode(_ mode: Int, _ path: String) throws {
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
}
