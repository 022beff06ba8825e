import Foundation
import Testing

@testable import Spill

@Suite struct SpillStoreTests {
    let spill: TemporarySpill

    init() throws { spill = try TemporarySpill() }

    @Test func anEntryComesBackAsItWasPut() async {
        let store = spill.makeStore()
        let entries = [
            makeEntry("a"), makeEntry(""), makeEntry("large", size: 100_000),
            makeEntry("b", freshUntil: .min, staleUntil: .max),
        ]
        for (number, entry) in entries.enumerated() { store.put(entry, for: makeKey(number)) }
        store.put(makeEntry("empty key"), for: [])
        await store.flush()
        for (number, entry) in entries.enumerated() {
            #expect(await store.value(for: makeKey(number), at: 1500) == entry)
        }
        #expect(await store.value(for: [], at: 0)?.value == Array("empty key".utf8))
        #expect(await store.value(for: makeKey(99), at: 0) == nil)
        #expect(store.status.entries == 5)
        #expect(store.status.hits == 5)
        #expect(store.status.misses == 1)
        #expect(store.status.isHealthy)
    }

    @Test func whatWaitsInTheQueueIsRead() async {
        let store = spill.makeStore()
        store.put(makeEntry("old"), for: makeKey(1))
        await store.flush()
        store.put(makeEntry("new"), for: makeKey(1))
        #expect(store.status.queued == 1)
        #expect(await store.value(for: makeKey(1), at: 0) == makeEntry("new"))
        #expect(await store.value(for: makeKey(1), at: 2000) == nil)
        #expect(store.status.queued == 1)
    }

    @Test func aBatchIsWrittenWhenItIsFull() async {
        let store = spill.makeStore { $0.batchSize = 4 }
        for number in 0..<3 { store.put(makeEntry(), for: makeKey(number)) }
        #expect(store.status.queued == 3)
        store.put(makeEntry(), for: makeKey(3))
        await eventually { store.status.written == 4 }
        #expect(store.status.queued == 0)
    }

    @Test func aBatchIsWrittenWhenItsFirstEntryHasWaited() async {
        let store = spill.makeStore { $0.batchDelay = 5 }
        for round in 1...3 {
            store.put(makeEntry(), for: makeKey(round))
            await eventually { store.status.written == round }
        }
    }

    @Test func whatDoesNotFitInTheQueueIsDroppedAndCounted() async {
        let store = spill.makeStore { $0.queueDepth = 8 }
        for number in 0..<8 { #expect(store.put(makeEntry(), for: makeKey(number))) }
        #expect(!store.put(makeEntry(), for: makeKey(8)))
        #expect(store.put(makeEntry("newer"), for: makeKey(7)), "its place is taken already")
        #expect(store.status.dropped == 1)
        await store.flush()
        #expect(store.status.entries == 8)
        #expect(await store.value(for: makeKey(8), at: 0) == nil)
        #expect(store.put(makeEntry(), for: makeKey(8)))
    }

    @Test func theQueueIsBoundedInBytes() async {
        let store = spill.makeStore { $0.queueBytes = 4096 }
        #expect(!store.put(makeEntry(size: 1024), for: makeKey(0)), "a quarter is the most")
        let taken = (0..<10).filter { store.put(makeEntry(size: 900), for: makeKey($0)) }
        #expect(taken == [0, 1, 2, 3])
        #expect(store.status.queuedBytes <= 4096)
        #expect(store.status.dropped == 7)
    }

    @Test func anEntryPastItsLifeIsAMissAndDeleted() async {
        let store = spill.makeStore()
        store.put(makeEntry(staleUntil: 2000), for: makeKey(1))
        await store.flush()
        #expect(await store.value(for: makeKey(1), at: 1999) != nil)
        #expect(await store.value(for: makeKey(1), at: 2000) == nil)
        await store.flush()
        #expect(store.status.entries == 0)
        #expect(store.status.expirations == 1)
    }

    @Test func anEntryPutAnewIsNotDeletedForItsOlderSelf() async {
        let store = spill.makeStore()
        store.put(makeEntry(staleUntil: 10), for: makeKey(1))
        await store.flush()
        #expect(await store.value(for: makeKey(1), at: 10) == nil)
        store.put(makeEntry("new"), for: makeKey(1))
        await store.flush()
        #expect(await store.value(for: makeKey(1), at: 10) == makeEntry("new"))
    }

    @Test func aRemovalOutlivesWhatWasPutBefore() async {
        let store = spill.makeStore()
        store.put(makeEntry(), for: makeKey(1))
        await store.flush()
        store.put(makeEntry("newer"), for: makeKey(1))
        store.put(makeEntry(), for: makeKey(2))
        store.remove([makeKey(1), makeKey(2)])
        #expect(await store.value(for: makeKey(1), at: 0) == nil)
        await store.flush()
        #expect(await store.value(for: makeKey(1), at: 0) == nil)
        #expect(await store.value(for: makeKey(2), at: 0) == nil)
        store.put(makeEntry("after"), for: makeKey(1))
        #expect(await store.value(for: makeKey(1), at: 0) == makeEntry("after"))
        #expect(store.status.queuedBytes > 0)
        await store.flush()
        #expect(store.status.entries == 1)
        #expect(store.status.queuedBytes == 0)
    }

    @Test func removingAllLeavesOnlyWhatIsPutAfterwards() async throws {
        let store = spill.makeStore()
        for number in 0..<500 { store.put(makeEntry(size: 2000), for: makeKey(number)) }
        await store.flush()
        store.put(makeEntry(), for: makeKey(1000))
        store.removeAll()
        store.put(makeEntry("after"), for: makeKey(1))
        #expect(await store.value(for: makeKey(0), at: 0) == nil)
        await store.flush()
        for number in [0, 499, 1000] {
            #expect(await store.value(for: makeKey(number), at: 0) == nil)
        }
        #expect(await store.value(for: makeKey(1), at: 0) == makeEntry("after"))
        #expect(store.status.entries == 1)
        #expect(try spill.fileSize() < 100_000)
        #expect(store.status.rebuilds == 0)
    }

    @Test func moreRemovalsThanCanWaitRemoveEverything() async {
        let store = spill.makeStore { ($0.removalDepth, $0.batchSize) = (4, 1000) }
        store.put(makeEntry(), for: makeKey(100))
        await store.flush()
        store.remove((0..<5).map(makeKey))
        #expect(await store.value(for: makeKey(100), at: 0) == nil)
        #expect(store.status.queued <= 4)
    }

    @Test func theLeastRecentlyWrittenMakeRoom() async throws {
        let store = spill.makeStore(maximumBytes: 1 << 20)
        for number in 0..<2000 {
            store.put(makeEntry(size: 1500), for: makeKey(number))
            if number % 100 == 0 { store.put(makeEntry("kept"), for: makeKey(0)) }
            if number % 200 == 0 { await store.flush() }
        }
        await store.flush()
        let status = store.status
        #expect(status.bytes <= 7 << 17)
        #expect(status.evictions > 1000)
        #expect(status.entries > 350)
        #expect(status.entries + status.evictions == 2000)
        #expect(await store.value(for: makeKey(0), at: 0) == makeEntry("kept"))
        #expect(await store.value(for: makeKey(1999), at: 0) != nil)
        #expect(await store.value(for: makeKey(1), at: 0) == nil)
        await store.close()
        #expect(try spill.fileSize() <= 1 << 20)
    }

    @Test func theFileShrinksToASmallerBound() async throws {
        let store = spill.makeStore(maximumBytes: 16 << 20)
        for number in 0..<1000 { store.put(makeEntry(size: 8000), for: makeKey(number)) }
        await store.close()
        #expect(try spill.fileSize() > 7 << 20)
        let smaller = spill.makeStore(maximumBytes: 2 << 20)
        #expect(smaller.status.bytes <= 2 << 20)
        #expect(smaller.status.entries > 100)
        #expect(await smaller.value(for: makeKey(999), at: 0) != nil)
        await smaller.close()
        #expect(try spill.fileSize() <= 2 << 20)
    }

    @Test func entriesOutliveTheProcess() async {
        let store = spill.makeStore()
        for number in 0..<300 { store.put(makeEntry("\(number)"), for: makeKey(number)) }
        await store.close()
        #expect(await store.value(for: makeKey(1), at: 0) == nil)
        #expect(!store.put(makeEntry(), for: makeKey(1)))
        let next = spill.makeStore()
        #expect(next.status.entries == 300)
        #expect(await next.value(for: makeKey(299), at: 0) == makeEntry("299"))
        next.put(makeEntry("new"), for: makeKey(299))
        await next.flush()
        #expect(next.status.entries == 300)
    }

    @Test func onlyTheOwnerReadsTheFiles() async throws {
        let store = spill.makeStore()
        store.put(makeEntry(), for: makeKey(1))
        await store.flush()
        let files = try FileManager.default.contentsOfDirectory(atPath: spill.directory)
        #expect(files.count >= 3)
        for file in files {
            let path = spill.directory + "/" + file
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
            #expect(mode as? Int == 0o600, "\(file)")
        }
    }

    @Test func callersAtOnceSeeWhatTheyPut() async {
        let store = spill.makeStore { ($0.batchDelay, $0.batchSize) = (1, 16) }
        await withTaskGroup(of: Void.self) { group in
            for caller in 0..<16 {
                group.addTask {
                    for round in 0..<100 {
                        let key = makeKey(caller * 1000 + round % 10)
                        let entry = makeEntry("\(caller) \(round)")
                        guard store.put(entry, for: key) else { continue }
                        #expect(await store.value(for: key, at: 0) == entry)
                        guard round % 7 == 0 else { continue }
                        store.remove([key])
                        #expect(await store.value(for: key, at: 0) == nil)
                    }
                }
            }
        }
        await store.flush()
        #expect(store.status.failures == 0)
        #expect(store.status.dropped == 0)
        #expect(store.status.queued == 0)
    }

    /// Its threads end with their readers.
    @Test func aStoreThatNobodyHasIsGone() async {
        weak var store: SpillStore?
        weak var readers: SpillReaders?
        func use() async {
            let used = spill.makeStore()
            (store, readers) = (used, used.readers)
            used.put(makeEntry(), for: makeKey(1))
            await used.flush()
            #expect(await used.lookUp(makeKey(1), at: 0, within: 10_000).entry != nil)
            await used.close()
        }
        await use()
        await eventually { store == nil && readers == nil }
    }

    @Test func aCancelledReadEndsWithAMiss() async {
        let store = spill.makeStore()
        store.put(makeEntry(), for: makeKey(1))
        await store.flush()
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            return await store.value(for: makeKey(1), at: 0)
        }
        task.cancel()
        #expect(await task.value == nil)
        #expect(await store.value(for: makeKey(1), at: 0) != nil)
    }
}
