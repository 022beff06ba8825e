import Cache
import DHTClient
import DHTCore
import Testing

@testable import IndexService

/// Records that the DHT has no more: known, answered for some time, never undercut.
@Suite(.serialized, .timeLimit(.minutes(1))) struct NewestRecordsTests {
    private let start = MonotonicInstant(nanoseconds: 1_000)

    @Test func anItemIsAnAnswerForSomeTimeAfterItWasLastSeen() throws {
        let name = try makeKeyName()
        let (one, two) = try (makeItem(key: name, sequence: 1), makeItem(key: name, sequence: 2))
        let newest = NewestRecords(memory: 100)
        #expect(newest.take(two, of: name.publicKey, at: start) == .known)
        let soon = start.advanced(by: 50)
        #expect(newest.take(one, of: name.publicKey, at: soon) == .overtaken)
        #expect(newest.item(of: name.publicKey, at: start.advanced(by: 99)) == two)
        #expect(newest.item(of: name.publicKey, at: start.advanced(by: 100)) == nil)
        // Seen again: it is one again.
        let later = start.advanced(by: 200)
        #expect(newest.take(two, of: name.publicKey, at: later) == .known)
        #expect(newest.item(of: name.publicKey, at: start.advanced(by: 299)) == two)
    }

    @Test func onlyTheFirstSightOfANewerItemIsNews() throws {
        let name = try makeKeyName()
        let newest = NewestRecords()
        func take(_ sequence: Int64) throws -> NewestRecords.Novelty {
            let item = try makeItem(key: name, sequence: sequence)
            return newest.take(item, of: name.publicKey, at: start)
        }
        #expect(try [take(1), take(1)] == [.known, .known])
        #expect(try [take(2), take(2), take(1)] == [.newer, .known, .overtaken])
        #expect(try take(3) == .newer)
    }

    @Test func noOlderItemIsBelievedHoweverLongTheNewerOneIsGone() throws {
        let name = try makeKeyName()
        let (one, two) = try (makeItem(key: name, sequence: 1), makeItem(key: name, sequence: 2))
        let newest = NewestRecords(memory: 100)
        #expect(newest.take(two, of: name.publicKey, at: start) == .known)
        let muchLater = start.advanced(bySeconds: 1_000_000)
        #expect(newest.take(one, of: name.publicKey, at: muchLater) == .overtaken)
        #expect(newest.item(of: name.publicKey, at: muchLater) == nil)
    }

    /// What a key's name is found to be: the network has the first of two items or none, and the
    /// service has seen the second.
    private func find(
        published: Bool,
        memory: UInt64
    ) async throws -> (record: FoundRecord, second: ContentID) {
        let signer = try #require(ItemSigner(seed: [UInt8](repeating: 5, count: 32)))
        let name = KeyName(signer.publicKey)
        func makeSigned(_ link: ContentLink, _ microseconds: Int64) throws -> StoredItem {
            let update = try KeyNameUpdate(
                pointing: name,
                at: link,
                in: nil,
                microseconds: microseconds
            )
            return try #require(signer.item(value: update.value, sequence: update.sequence))
        }
        let (first, second) = (makeLink("first"), makeLink("second"))
        let newest = NewestRecords(memory: memory)
        _ = newest.take(try makeSigned(second, 2), of: name.publicKey, at: .now())
        var record = FoundRecord.absent
        try await withDHTClient { client in
            if published {
                let item = try makeSigned(first, 1)
                let deadline = DHTInstant.now + .seconds(5)
                _ = try await client.publish(.item(item), deadline: deadline)
            }
            let discovery = Discovery(client: client, budget: 5_000_000_000, newest: newest)
            record = await discovery.running { discovery in
                await discovery.record(of: name, by: .now().advanced(bySeconds: 5))
            }
        }
        return (record, second.target)
    }

    @Test(arguments: [false, true])
    func whatTheDHTHasNoMoreIsAnsweredAsNotCurrent(isOldOneServed: Bool) async throws {
        let hour: UInt64 = 3_600_000_000_000
        let found = try await find(published: isOldOneServed, memory: hour)
        guard case .found(let record, let isCurrent, _) = found.record else {
            Issue.record("\(found.record)")
            return
        }
        #expect(record.manifestID == found.second)
        #expect(!isCurrent)
    }

    @Test(arguments: [false, true])
    func afterSomeTimeItIsAbsentWhateverElseIsServed(isOldOneServed: Bool) async throws {
        let found = try await find(published: isOldOneServed, memory: 0)
        guard case .absent = found.record else {
            Issue.record("\(found.record)")
            return
        }
    }
}
