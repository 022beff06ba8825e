import Foundation
import Testing

@testable import IndexService

/// What SQLite reports as damage counts until the whole file has proved sound, and no longer.
@Suite struct ExaminationTests {
    private static let patience = Duration.seconds(60)

    @Test func damageThatIsOverIsForgotten() async throws {
        try await withStoreOnDisk { store, file in
            let whole = try file.spoil()
            store.forgetPages()
            #expect(isDamaged(store))
            #expect(await store.examine(within: Self.patience) == false)
            #expect(isDamaged(store))
            try file.write(whole)
            #expect(await store.examine(within: Self.patience) == true)
            #expect(store.probe(at: .testNow) == nil)
            #expect(try store.name(makeName("n3")) != nil)
            #expect(await store.examine(within: Self.patience) == nil)
        }
    }

    @Test func damageThatIsReportedDuringTheExaminationStays() async throws {
        try await withStoreOnDisk { store, file in
            let whole = try file.spoil()
            store.forgetPages()
            #expect(isDamaged(store))
            let before = try #require(store.health.suspicion)
            #expect(isDamaged(store))
            #expect(!store.health.clear(before))
            try file.write(whole)
            #expect(await store.examine(within: Self.patience) == true)
        }
    }

    /// SQLite finds nothing wrong with a content id of one byte.
    @Test func aRecordThatCannotBeIsNoMatterOfTheDisk() async throws {
        try await withStoreOnDisk { store, _ in
            try store.execute("UPDATE names SET manifest_cid = x'00' WHERE name = 'n3'")
            #expect(throws: StoreError.self) { try store.name(makeName("n3")) }
            #expect(isDamaged(store))
            #expect(await store.examine(within: Self.patience) == nil)
        }
    }

    @Test func nothingIsProvedWithoutTimeOrAfterTheEnd() async throws {
        try await withStoreOnDisk { store, _ in
            let examiner = try #require(store.examiner)
            #expect(await examiner.provesSound(within: Self.patience) {})
            examiner.close()
            #expect(await !examiner.provesSound(within: Self.patience) {})
        }
    }

    private func isDamaged(_ store: IndexStore) -> Bool {
        if case .corrupt = store.probe(at: .testNow) { true } else { false }
    }

    /// A store whose database file has all of it, and nothing but its head stands in the log.
    private func withStoreOnDisk(_ body: (IndexStore, DatabaseFile) async throws -> Void)
        async throws
    {
        try await withTemporaryDirectory { path in
            try await withStore(at: path) { store in
                let entries = try (0..<200).map { try makeEntry("n\($0)") }
                _ = try store.importBatch(entries, at: .testNow)
            }
            try await withStore(at: path) { try await body($0, DatabaseFile(in: path)) }
        }
    }
}

/// The database file of a store that is open, written past it.
struct DatabaseFile: Sendable {
    private let url: URL

    init(in directory: String) {
        url = URL(filePath: directory + "/index.sqlite")
    }

    /// Makes every page but the first unreadable; returns what was there.
    func spoil() throws -> Data {
        let whole = try Data(contentsOf: url)
        let head = whole.prefix(4096)
        try write(head + Data(repeating: 0, count: whole.count - head.count))
        return whole
    }

    /// Writes the file where it stands, so that it stays the same file.
    func write(_ content: Data) throws {
        let handle = try FileHandle(forWritingTo: url)
        try handle.write(contentsOf: content)
        try handle.close()
    }
}
