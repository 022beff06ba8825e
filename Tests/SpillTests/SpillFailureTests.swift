import Randomness
import Dispatch
import Foundation
import GRDB
import Testing

@testable import Spill

@Suite struct SpillFailureTests {
    let spill: TemporarySpill

    init() throws { spill = try TemporarySpill() }

    /// Leaves the files of a spill with entries 0..<count behind.
    private func fill(_ count: Int = 200) async {
        let store = spill.makeStore()
        for number in 0..<count { store.put(makeEntry("\(number)"), for: makeKey(number)) }
        await store.close()
    }

    /// Keeps everybody else from writing until it is closed.
    private func lockDatabase() async throws -> DatabaseQueue {
        var options = Configuration()
        options.allowsUnsafeTransactions = true
        let queue = try DatabaseQueue(path: spill.databasePath, configuration: options)
        try await queue.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
        return queue
    }

    private func works(_ store: SpillStore) async -> Bool {
        store.put(makeEntry("works"), for: makeKey(7))
        await store.flush()
        return await store.value(for: makeKey(7), at: 0) == makeEntry("works")
            && store.status.isHealthy && store.status.queued == 0
    }

    @Test func aDiskThatHangsDoesNotHoldUpTheClose() async {
        let store = spill.makeStore()
        store.put(makeEntry(), for: makeKey(1))
        let go = DispatchSemaphore(value: 0)
        store.writer.async { go.wait() }
        #expect(await !store.close(within: .milliseconds(20)))
        #expect(await store.value(for: makeKey(1), at: 0) == nil)
        go.signal()
        // What hung goes on, and ends as it should have.
        await eventually { spill.makeStore { $0.startsEmpty = false }.status.entries == 1 }
    }

    @Test(arguments: [0, 1, 11, 512, 100_000])
    func aFileThatIsNoDatabaseIsReplaced(size: Int) async throws {
        try Data(repeating: 0x78, count: size).write(to: URL(filePath: spill.databasePath))
        let store = spill.makeStore()
        #expect(store.status.rebuilds == (size > 1 ? 1 : 0))
        #expect(await works(store))
    }

    @Test func aFileOfAnotherVersionIsReplaced() async throws {
        let queue = try DatabaseQueue(path: spill.databasePath)
        try await queue.write { try $0.execute(sql: "PRAGMA user_version = 77") }
        try queue.close()
        let store = spill.makeStore()
        #expect(store.status.rebuilds == 1)
        #expect(await works(store))
    }

    @Test func aFlippedBitNeverGivesAWrongValue() async throws {
        await fill()
        let whole = try Data(contentsOf: URL(filePath: spill.databasePath))
        var random = SeededRandom(seed: 4)
        for _ in 0..<60 {
            var bytes = whole
            let bit = Int(random.next() % UInt64(bytes.count * 8))
            bytes[bit / 8] ^= 1 << (bit % 8)
            let damaged = try TemporarySpill()
            try bytes.write(to: URL(filePath: damaged.databasePath))
            let store = damaged.makeStore()
            for number in 0..<200 {
                let entry = await store.value(for: makeKey(number), at: 0)
                #expect(entry == nil || entry == makeEntry("\(number)"), "bit \(bit)")
            }
            await eventually { await works(store) }
        }
    }

    @Test func anEntryWithAnotherChecksumIsAMissAndDeleted() async throws {
        await fill()
        let queue = try DatabaseQueue(path: spill.databasePath)
        try await queue.write { database in
            try database.execute(sql: "UPDATE entries SET value = x'00' WHERE id = 1")
            try database.execute(sql: "UPDATE entries SET stale_until = 9999 WHERE id = 2")
        }
        try queue.close()
        let store = spill.makeStore()
        #expect(await store.value(for: makeKey(0), at: 0) == nil)
        #expect(await store.value(for: makeKey(1), at: 0) == nil)
        #expect(await store.value(for: makeKey(2), at: 0) == makeEntry("2"))
        await store.flush()
        #expect(store.status.damagedEntries == 2)
        #expect(store.status.entries == 198)
    }

    @Test func aFileDamagedWhileOpenIsReplaced() async throws {
        await fill(3000)
        let store = spill.makeStore()
        let size = try spill.fileSize()
        let handle = try FileHandle(forWritingTo: URL(filePath: spill.databasePath))
        try handle.seek(toOffset: 4096)
        try handle.write(contentsOf: Data(repeating: 0x5A, count: size - 4096))
        try handle.close()
        for number in 0..<3000 {
            let entry = await store.value(for: makeKey(number), at: 0)
            #expect(entry == nil || entry == makeEntry("\(number)"))
        }
        await eventually { await works(store) }
        #expect(store.status.rebuilds >= 1)
    }

    @Test func aCopyMadeWhileWritingOpens() async throws {
        let store = spill.makeStore { ($0.batchDelay, $0.batchSize) = (1, 16) }
        for round in 0..<20 {
            for number in 0..<100 {
                store.put(makeEntry("\(number) \(round)"), for: makeKey(number))
            }
            let copy = try spill.copy()
            let other = copy.makeStore()
            for number in 0..<100 {
                guard let entry = await other.value(for: makeKey(number), at: 0) else { continue }
                let text = String(decoding: entry.value, as: UTF8.self)
                #expect(text.hasPrefix("\(number) "))
            }
            #expect(await works(other))
        }
    }

    @Test func whatWasCommittedSurvivesTheProcess() async throws {
        let store = spill.makeStore()
        for number in 0..<300 { store.put(makeEntry("\(number)"), for: makeKey(number)) }
        store.remove([makeKey(5)])
        await store.flush()
        let copy = try spill.copy()
        let other = copy.makeStore()
        #expect(other.status.entries == 299)
        #expect(await other.value(for: makeKey(5), at: 0) == nil)
        #expect(await other.value(for: makeKey(6), at: 0) == makeEntry("6"))
    }

    @Test func aMachineThatStoppedWhileOpenStartsEmpty() async throws {
        let store = spill.makeStore()
        store.put(makeEntry(), for: makeKey(1))
        await store.flush()
        let copy = try spill.copy()
        let other = copy.makeStore { $0.bootID = [2] }
        #expect(other.status.entries == 0)
        #expect(other.status.rebuilds == 1)
        #expect(await works(other))
        await store.close()
        let next = spill.makeStore { $0.bootID = [2] }
        #expect(next.status.entries == 1, "a closed file is complete")
    }

    @Test func aMissingDirectoryIsTriedAgain() async throws {
        try FileManager.default.removeItem(atPath: spill.directory)
        let store = spill.makeStore()
        #expect(!store.status.isHealthy)
        #expect(store.status.lastError != nil)
        store.put(makeEntry(), for: makeKey(1))
        #expect(await store.value(for: makeKey(1), at: 0) == makeEntry(), "it waits")
        try FileManager.default.createDirectory(
            atPath: spill.directory,
            withIntermediateDirectories: true
        )
        await eventually { store.status.isHealthy && store.status.written == 1 }
        #expect(store.status.failures >= 1)
    }

    @Test func aFileThatIsTakenAwayIsMadeAnewOnceThereIsAPlace() async throws {
        let store = spill.makeStore()
        store.put(makeEntry(), for: makeKey(1))
        await store.flush()
        store.checkFiles()
        await store.flush()
        #expect(store.status.rebuilds == 0)
        try FileManager.default.removeItem(atPath: spill.directory)
        store.checkFiles()
        await eventually { !store.status.isHealthy }
        #expect(await store.lookUp(makeKey(1), at: 0).entry == nil)
        try FileManager.default.createDirectory(
            atPath: spill.directory,
            withIntermediateDirectories: true
        )
        await eventually { store.status.isHealthy }
        #expect(await works(store))
        let second = spill.makeStore()
        #expect(!second.status.isHealthy, "the lock is where the file is")
    }

    @Test func aDirectoryThatIsTakenAwayIsMadeAgain() async throws {
        let store = spill.makeStore { $0.makesDirectory = true }
        for rebuilds in 1...2 {
            #expect(await works(store))
            try FileManager.default.removeItem(atPath: spill.directory)
            store.checkFiles()
            await eventually { store.status.rebuilds == rebuilds && store.status.isHealthy }
        }
        #expect(await works(store))
        let attributes = try FileManager.default.attributesOfItem(atPath: spill.directory)
        #expect(attributes[.posixPermissions] as? Int == 0o700)
    }

    @Test func aDiskThatIsNearlyFullGetsItsRoomBack() async throws {
        await fill()
        let store = spill.makeStore { $0.minimumFreeBytes = .max / 4 }
        #expect(await store.value(for: makeKey(1), at: 0) == makeEntry("1"))
        store.checkFiles()
        await store.flush()
        #expect(store.status.isShortOfRoom && store.status.isHealthy)
        #expect(store.status.entries == 0)
        #expect(await store.lookUp(makeKey(1), at: 0) == .nothing)
        #expect(!store.put(makeEntry(), for: makeKey(1)))
        #expect(store.status.dropped == 1)
    }

    /// Whatever an earlier process left, and also when it cannot be deleted yet.
    @Test func aStoreThatStartsEmptyFindsNothingFromBefore() async throws {
        await fill()
        let store = spill.makeStore { $0.startsEmpty = true }
        #expect(store.status.entries == 0)
        store.put(makeEntry("new"), for: makeKey(1))
        await store.flush()
        let second = spill.makeStore { $0.startsEmpty = true }
        #expect(!second.status.isHealthy)
        await store.close()
        await eventually { second.status.isHealthy }
        #expect(await second.lookUp(makeKey(1), at: 0) == .nothing)
        #expect(await works(second))
    }

    @Test func aReaderWithoutPatienceIsTold() async throws {
        await fill()
        let store = spill.makeStore { ($0.readers, $0.readDepth) = (1, 2) }
        let gate = await holdUp(store.readers)
        #expect(await store.lookUp(makeKey(1), at: 0, within: 5) == .failed)
        #expect(await store.lookUp(makeKey(1), at: 0, within: 5) == .failed)
        #expect(store.status.lateReads == 2)
        #expect(await store.lookUp(makeKey(1), at: 0) == .failed, "too many wait")
        #expect(store.status.refusedReads == 1)
        gate.signal()
        await eventually { await store.value(for: makeKey(1), at: 0) != nil }
        await store.close()
        #expect(await store.lookUp(makeKey(1), at: 0) == .failed)
    }

    @Test func aSecondStoreWaitsForTheFirst() async {
        let store = spill.makeStore()
        let second = spill.makeStore()
        #expect(!second.status.isHealthy)
        #expect(await works(store))
        await store.close()
        await eventually { second.status.isHealthy }
        #expect(await second.value(for: makeKey(7), at: 0) == makeEntry("works"))
    }

    @Test func aFailedWriteIsCountedAndStopsNothing() async throws {
        await fill()
        let store = spill.makeStore { $0.busyTimeout = 1 }
        let other = try await lockDatabase()
        store.put(makeEntry("lost"), for: makeKey(1))
        await store.flush()
        #expect(!store.status.isHealthy)
        #expect(store.status.lostEntries == 1)
        #expect(store.status.failures >= 1)
        #expect(await store.value(for: makeKey(1), at: 0) == makeEntry("1"), "reads go on")
        try await other.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
        try other.close()
        await eventually { store.status.isHealthy }
        #expect(await works(store))
        #expect(store.status.rebuilds == 0)
    }

    @Test func aRemovalThatCannotBeWrittenTakesEverythingWithIt() async throws {
        await fill()
        let store = spill.makeStore { $0.busyTimeout = 1 }
        let other = try await lockDatabase()
        store.remove([makeKey(1)])
        store.put(makeEntry("newer"), for: makeKey(1))
        await store.flush()
        for number in 0..<200 {
            #expect(await store.value(for: makeKey(number), at: 0) == nil)
        }
        await eventually { await works(store) }
        #expect(await store.value(for: makeKey(1), at: 0) == nil)
        #expect(store.status.entries == 1)
        try other.close()
    }
}
