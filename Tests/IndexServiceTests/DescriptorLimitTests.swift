import Dispatch
import Foundation
import GRDB
import Glibc
import Testing

@testable import IndexService

/// Open files: known before the service listens, and enough of them.
@Suite struct DescriptorLimitTests {
    @Test func everyConnectionOfEveryListenerCounts() {
        let one = DescriptorLimit(connections: 1000, listeners: 1, eventLoops: 2, readers: 2)
        let two = DescriptorLimit(connections: 1000, listeners: 2, eventLoops: 2, readers: 2)
        #expect(two.needed - one.needed >= 1000)
        #expect(one.needed > 1000)
    }

    /// What a store of many readers has open, all of them reading, is in the need.
    @Test func everyReaderOfTheIndexCounts() async throws {
        let directory = try TemporaryDirectory()
        var few = Settings()
        few.database.readers = 1
        var many = few
        many.database.readers = 64
        many.database.path = directory.path + "/index"
        let store = try IndexStore(
            path: many.database.path,
            configuration: IndexStore.Configuration(settings: many)
        )
        let (begun, go) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<64 {
                group.addTask {
                    try await store.reading(within: .seconds(60)) { store in
                        try store.read { database in
                            _ = try Int.fetchOne(database, sql: "SELECT count(*) FROM names")
                            begun.signal()
                            go.wait()
                        }
                    }
                }
            }
            try await onOwnThread { for _ in 0..<64 { begun.wait() } }
            let open = try Self.openFiles(in: directory)
            for _ in 0..<64 { go.signal() }
            let more = DescriptorLimit(many).needed - DescriptorLimit(few).needed
            #expect(open > 64)
            // The writer's and the lock are among the service's own files.
            #expect(more >= open - 8)
            try await group.waitForAll()
        }
        try await store.close()
    }

    /// Descriptors of this process on files in `directory`.
    private static func openFiles(in directory: TemporaryDirectory) throws -> Int {
        let names = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
        return names.count { name in
            let target = try? FileManager.default.destinationOfSymbolicLink(
                atPath: "/proc/self/fd/" + name
            )
            return target?.contains(directory.path) == true
        }
    }

    @Test func moreThanTheSystemAllowsIsRefusedByName() throws {
        var limit = rlimit()
        #expect(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        // A system without a limit allows everything.
        guard limit.rlim_max < rlim_t(Int32.max) else { return }
        let over = DescriptorLimit(
            connections: Int(limit.rlim_max),
            listeners: 1,
            eventLoops: 1,
            readers: 1
        )
        let error = #expect(throws: StartError.self) { try over.claim() }
        #expect(error?.description.contains("http.max_connections") == true)
        #expect(error?.isConfigurationError == true)
    }
}
