import Foundation
import GRDB
import Testing

@testable import IndexService

@Suite struct StoreOpeningTests {
    @Test func theDirectoryIsMadeForItsOwnerOnly() async throws {
        try await withTemporaryDirectory { path in
            let directory = path + "/a/b"
            try await withStore(at: directory) { _ in
                let attributes = try FileManager.default.attributesOfItem(atPath: directory)
                #expect(attributes[.posixPermissions] as? Int == 0o700)
            }
        }
    }

    @Test func migrationsRunOnceAndKeepWhatIsThere() async throws {
        try await withTemporaryDirectory { path in
            func schema(_ store: IndexStore) throws -> [String] {
                try store.read { database in
                    try String.fetchAll(database, sql: "SELECT identifier FROM grdb_migrations")
                        + String.fetchAll(
                            database,
                            sql: "SELECT sql FROM sqlite_master WHERE sql > ''"
                        )
                }
            }
            let first = try await withStore(at: path) { store in
                _ = try store.importBatch([try makeEntry()], at: .testNow)
                return (try schema(store), try store.dump())
            }
            try await withStore(at: path) { store in
                let (tables, content) = (try schema(store), try store.dump())
                #expect(tables == first.0)
                #expect(content == first.1)
            }
            #expect(first.0.filter { $0.hasPrefix("v1") }.count == 1)
        }
    }

    @Test func aNewerSchemaIsRefusedAndLeftAlone() async throws {
        try await withTemporaryDirectory { path in
            try await withStore(at: path) { store in
                try store.execute("INSERT INTO grdb_migrations VALUES ('v999: of the future')")
            }
            for _ in 0..<2 {
                await #expect(throws: StoreError.newerSchema) {
                    try await withStore(at: path) { _ in }
                }
            }
        }
    }

    @Test(arguments: [IndexStore.Durability.full, .normal])
    func theWriterSyncsAsTheConfigurationSays(_ durability: IndexStore.Durability) async throws {
        try await withTemporaryDirectory { path in
            try await withStore(at: path, makeConfiguration(durability: durability)) { store in
                let (mode, synchronous) = try store.write { database in
                    (
                        try String.fetchOne(database, sql: "PRAGMA journal_mode"),
                        try Int.fetchOne(database, sql: "PRAGMA synchronous")
                    )
                }
                #expect(mode == "wal")
                #expect(synchronous == (durability == .full ? 2 : 1))
            }
        }
    }

    @Test func readersCannotWrite() async throws {
        try await withTemporaryDirectory { path in
            try await withStore(at: path) { store in
                #expect(throws: StoreError.self) {
                    try store.read { try $0.execute(sql: "DELETE FROM names") }
                }
            }
        }
    }

    @Test func aSecondOpenerIsToldWhoHoldsTheStore() async throws {
        try await withTemporaryDirectory { path in
            try await withStore(at: path) { store in
                await #expect(throws: StoreError.inUse(processID: getpid())) {
                    try await withStore(at: path) { _ in }
                }
                // The one that came too late has not harmed the one that is there.
                _ = try store.importBatch([try makeEntry()], at: .testNow)
            }
            let record = try await withStore(at: path) { try $0.name(makeName()) }
            #expect(record != nil)
        }
    }

    @Test func closingLetsGoOfTheStoreAtOnce() async throws {
        try await withTemporaryDirectory { path in
            let first = try IndexStore(path: path, configuration: makeConfiguration())
            try await first.close()
            try await withStore(at: path) { _ in }
            await #expect(throws: StoreError.self) { try await first.reading { _ in } }
        }
    }

    @Test func aFailedStartLetsGoOfTheStore() async throws {
        try await withTemporaryDirectory { path in
            try Data("this is no database".utf8).write(to: URL(filePath: path + "/index.sqlite"))
            for _ in 0..<2 {
                let error = await #expect(throws: StoreError.self) {
                    try await withStore(at: path) { _ in }
                }
                guard case .corrupt = error else {
                    Issue.record("\(String(describing: error))")
                    continue
                }
            }
        }
    }

    @Test func aPathBelowAFileCannotBeWritten() async throws {
        try await withTemporaryDirectory { path in
            let file = path + "/file"
            try Data("x".utf8).write(to: URL(filePath: file))
            for path in [file, file + "/store", ""] {
                let error = await #expect(throws: StoreError.self) {
                    try await withStore(at: path) { _ in }
                }
                guard case .unwritable(let reason) = error else {
                    Issue.record("\(String(describing: error))")
                    continue
                }
                #expect(!reason.isEmpty)
            }
        }
    }

    @Test(.disabled(if: getuid() == 0, "root may write anywhere: needs another user"))
    func aDirectoryOfOthersCannotBeWritten() async throws {
        try await withTemporaryDirectory { path in
            try FileManager.default.setAttributes([.posixPermissions: 0o500], ofItemAtPath: path)
            let error = await #expect(throws: StoreError.self) {
                try await withStore(at: path + "/store") { _ in }
            }
            guard case .unwritable = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func aStoreWithoutRoomOnItsDiskWritesNothingAndSaysSo() async throws {
        try await withTemporaryDirectory { path in
            var configuration = makeConfiguration()
            configuration.minimumFreeBytes = .max
            try await withStore(at: path, configuration) { store in
                #expect(throws: StoreError.diskFull) { try store.putManifest(makeManifest()) }
                let manifest = try store.manifest(makeManifest().id)
                #expect(manifest == nil)
                #expect(store.probe(at: .testNow) == .diskFull)
            }
        }
    }

    @Test func aServiceThatEndsTakesItsOwnEndForNoFailureOfTheStore() async throws {
        try await withStore { store in
            let monitor = StoreMonitor(
                store: store,
                reads: IndexReads(store: store, breaker: CircuitBreaker(), metrics: Metrics()),
                bus: EventBus { _ in },
                readiness: Readiness(),
                logger: RecordedLog().makeLogger()
            )
            let status = await Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return await monitor.measure()
            }.value
            #expect(status == nil)
            #expect(await monitor.measure() == .ok)
        }
    }

    @Test func aStoreThatWorksProbesWell() async throws {
        try await withTemporaryDirectory { path in
            let onDisk = try await withStore(at: path) { $0.probe(at: .testNow) }
            #expect(onDisk == nil)
        }
        let inMemory = try await withStore { $0.probe(at: .testNow) }
        #expect(inMemory == nil)
    }
}
