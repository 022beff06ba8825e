import Randomness
import DHTCore
import Testing

struct PeerStoreTests {
    func makeStore(_ change: (inout StorageSettings) -> Void = { _ in }) -> PeerStore {
        var settings = StorageSettings()
        change(&settings)
        return PeerStore(settings)
    }

    func peers(
        _ store: PeerStore,
        _ infoHash: NodeID,
        limit: Int = 100,
        rotation: UInt64 = 0,
        at time: Int = 0
    ) -> [Endpoint] {
        var found: [Endpoint] = []
        store.forEachPeer(
            of: infoHash,
            family: .v4,
            limit: limit,
            rotation: rotation,
            at: makeTime(time)
        ) { found.append($0) }
        return found
    }

    @Test func announcesLiveFortyFiveMinutes() {
        var store = makeStore()
        let hash = makeID(prefix: 1)
        #expect(store.announce(makeEndpoint(1), for: hash, own: .zero, at: makeTime(0)) == true)
        #expect(peers(store, hash, at: 45 * 60_000 - 1) == [makeEndpoint(1)])
        #expect(peers(store, hash, at: 45 * 60_000).isEmpty)
        store.expire(at: makeTime(45 * 60_000))
        #expect(store.count == 0)
    }

    @Test func renewedAnnounceIsNoSecondPeer() {
        var store = makeStore()
        let hash = makeID(prefix: 1)
        for time in 0..<3 {
            _ = store.announce(makeEndpoint(1), for: hash, own: .zero, at: makeTime(time))
        }
        #expect(peers(store, hash).count == 1)
    }

    @Test func oneAddressEvictsNobodyElse() {
        var store = makeStore { $0.peersPerInfoHashLimit = 6 }
        let hash = makeID(prefix: 1)
        func announce(_ endpoint: Endpoint) {
            _ = store.announce(endpoint, for: hash, own: .zero, at: makeTime(0))
        }
        for number in 1...3 { announce(makeEndpoint(number)) }
        for port in 1...100 as ClosedRange<UInt16> { announce(makeEndpoint(9, port: port)) }
        let honest = Set((1...3).map { makeEndpoint($0) })
        #expect(honest.isSubset(of: peers(store, hash)))
        #expect(peers(store, hash).count == 6)
        // Newcomers take the places of the address that has the most.
        announce(makeEndpoint(4))
        announce(makeEndpoint(5))
        #expect(honest.isSubset(of: peers(store, hash)))
        var roomy = makeStore()
        for port in 1...9 as ClosedRange<UInt16> {
            _ = roomy.announce(makeEndpoint(9, port: port), for: hash, own: .zero, at: makeTime(0))
        }
        #expect(peers(roomy, hash) == (6...9).map { makeEndpoint(9, port: $0) })
    }

    @Test func theOldestPeerOfAFullInfoHashGoes() {
        var store = makeStore { $0.peersPerInfoHashLimit = 3 }
        let hash = makeID(prefix: 1)
        for number in 0..<5 {
            _ = store.announce(makeEndpoint(number), for: hash, own: .zero, at: makeTime(number))
        }
        #expect(peers(store, hash) == (2..<5).map { makeEndpoint($0) })
    }

    @Test func farInfoHashesGiveWayAndNearOnesStay() {
        var store = makeStore { $0.infoHashesLimit = 3 }
        for prefix in [1, 2, 0x8000] as [UInt16] {
            let hash = makeID(prefix: prefix)
            #expect(store.announce(makeEndpoint(1), for: hash, own: .zero, at: makeTime(0)) == true)
        }
        let far = makeID(prefix: 0x9000)
        #expect(store.announce(makeEndpoint(1), for: far, own: .zero, at: makeTime(0)) == false)
        let near = makeID(prefix: 3)
        #expect(store.announce(makeEndpoint(1), for: near, own: .zero, at: makeTime(0)) == true)
        #expect(peers(store, makeID(prefix: 0x8000)).isEmpty)
        #expect(peers(store, makeID(prefix: 2)).count == 1)
        #expect(store.count == 3)
    }

    /// Info-hash 0 is the nearest to the own id.
    private func makeHash(_ number: Int) -> NodeID {
        NodeID(high: 0, middle: 0, low: UInt32(number))
    }

    private func announce(_ store: inout PeerStore, _ endpoint: Endpoint, _ number: Int) -> Bool {
        store.announce(endpoint, for: makeHash(number), own: .zero, at: makeTime(0))
    }

    @Test(arguments: [AddressFamily.v4, .v6])
    func oneAddressHasAShareOfTheInfoHashes(family: AddressFamily) {
        let share = PeerStore.infoHashesPerAddressLimit
        var store = makeStore { $0.infoHashesLimit = share * 2 }
        for number in 0..<share * 2 {
            #expect(announce(&store, makeEndpoint(number), 10_000 + number))
        }
        // Every address of a /64 is the same one.
        func attacker(_ number: Int) -> Endpoint {
            family == .v4
                ? makeEndpoint(9_000, port: UInt16(1 + number))
                : Endpoint(v6: 0x2002_0DB8_0000_0000, UInt64(number), port: 1)
        }
        let taken = (0..<share * 3).count { announce(&store, attacker($0), $0) }
        #expect(taken == share)
        #expect(store.count == share * 2)
        let survivors = (0..<share * 2).count { !peers(store, makeHash(10_000 + $0)).isEmpty }
        #expect(survivors == share)
        // What it has it may renew, and others find room.
        #expect(announce(&store, attacker(0), 0))
        #expect(announce(&store, makeEndpoint(8_000), share))
    }

    @Test func aShareIsFreeAgainWhenItsPeersHaveGone() {
        let share = PeerStore.infoHashesPerAddressLimit
        let endpoint = makeEndpoint(1)
        var store = makeStore {
            $0.infoHashesLimit = share * 2
            $0.peersPerInfoHashLimit = 1
        }
        for number in 0..<share { #expect(announce(&store, endpoint, number)) }
        // Several ports are one address, in one info-hash.
        #expect(announce(&store, endpoint.with(port: 2), 0))
        #expect(!announce(&store, endpoint, share))
        // Evicted by a younger peer.
        #expect(announce(&store, makeEndpoint(2), 0))
        #expect(announce(&store, endpoint, share))
        #expect(!announce(&store, endpoint, share + 1))
        store.expire(at: makeTime(45 * 60_000))
        #expect(store.count == 0)
        for number in 0..<share { #expect(announce(&store, endpoint, number)) }
        // Evicted with its info-hash, by nearer ones.
        var full = makeStore { $0.infoHashesLimit = share }
        for number in 0..<share { #expect(announce(&full, endpoint, 1_000 + number)) }
        #expect(announce(&full, makeEndpoint(2), 0))
        #expect(announce(&full, endpoint, 1))
        #expect(full.count == share)
    }

    @Test func allNodesAtOneAddressHaveNoShares() {
        let count = PeerStore.infoHashesPerAddressLimit * 2
        var store = makeStore { $0.peersPerAddressLimit = .max }
        for number in 0..<count { #expect(announce(&store, makeEndpoint(1), number)) }
        #expect(store.count == count)
    }

    @Test func largeSetsAreSharedOut() {
        var store = makeStore()
        let hash = makeID(prefix: 1)
        for number in 0..<50 {
            _ = store.announce(makeEndpoint(number), for: hash, own: .zero, at: makeTime(0))
        }
        let first = peers(store, hash, limit: 10, rotation: 0)
        let second = peers(store, hash, limit: 10, rotation: 10)
        #expect(first.count == 10 && second.count == 10)
        #expect(Set(first).isDisjoint(with: second))
    }
}

struct ItemStoreTests {
    let target = makeID(prefix: 7)

    func makeItem(_ sequence: Int64, _ value: String = "3:abc") throws -> StoredItem {
        let key = try #require(PublicKey([UInt8](repeating: 1, count: 32)))
        return StoredItem(
            value: ascii(value),
            mutable: .init(publicKey: key, sequence: sequence, signature: [])
        )
    }

    @Test func newerReplacesOlder() throws {
        var store = ItemStore(StorageSettings())
        for sequence in [3, 5] as [Int64] {
            let item = try makeItem(sequence)
            let objection = store.objection(
                to: item,
                target: target,
                compareAndSwap: nil,
                at: makeTime(0)
            )
            #expect(objection == nil)
            #expect(store.store(item, target: target, own: .zero, at: makeTime(0)) == true)
        }
        #expect(store.item(for: target, at: makeTime(0)) == (try makeItem(5)))
        #expect(
            store.objection(
                to: try makeItem(4),
                target: target,
                compareAndSwap: nil,
                at: makeTime(0)
            )
                == .sequenceTooLow
        )
        #expect(
            store.objection(
                to: try makeItem(6),
                target: target,
                compareAndSwap: 4,
                at: makeTime(0)
            )
                == .compareAndSwapMismatch
        )
        #expect(
            store.objection(
                to: try makeItem(6),
                target: target,
                compareAndSwap: 5,
                at: makeTime(0)
            ) == nil
        )
    }

    @Test func sameSequenceWithAnotherValueChangesNothing() throws {
        var store = ItemStore(StorageSettings())
        let first = try makeItem(5)
        _ = store.store(first, target: target, own: .zero, at: makeTime(0))
        #expect(
            store.store(try makeItem(5, "3:xyz"), target: target, own: .zero, at: makeTime(9))
                == true
        )
        #expect(store.item(for: target, at: makeTime(9)) == first)
        // Nor does it lengthen the life of the stored one.
        #expect(store.item(for: target, at: makeTime(120 * 60_000)) == nil)
    }

    @Test func itemsLiveTwoHoursAndARepeatedPutRenewsThem() throws {
        var store = ItemStore(StorageSettings())
        let item = try makeItem(1)
        _ = store.store(item, target: target, own: .zero, at: makeTime(0))
        _ = store.store(item, target: target, own: .zero, at: makeTime(60 * 60_000))
        #expect(store.item(for: target, at: makeTime(179 * 60_000)) == item)
        store.expire(at: makeTime(180 * 60_000))
        #expect(store.count == 0)
    }

    @Test func theStoreIsBounded() throws {
        var settings = StorageSettings()
        settings.itemsLimit = 2
        var store = ItemStore(settings)
        let item = try makeItem(1)
        for prefix in [5, 6, 7, 1] as [UInt16] {
            _ = store.store(item, target: makeID(prefix: prefix), own: .zero, at: makeTime(0))
        }
        #expect(store.count == 2)
        #expect(store.item(for: makeID(prefix: 1), at: makeTime(0)) != nil)
    }
}

struct TokensTests {
    func makeTokens() -> (Tokens, SeededRandom) {
        var generator = SeededRandom(seed: 3)
        return (Tokens(rotation: .minutes(5), at: makeTime(0), using: &generator), generator)
    }

    @Test func tokenIsBoundToAddressAndTarget() {
        let (tokens, _) = makeTokens()
        let target = makeID(prefix: 1)
        let token = tokens.token(for: makeEndpoint(1), target: target)
        #expect(tokens.isValid(token, for: makeEndpoint(1), target: target))
        #expect(!tokens.isValid(token, for: makeEndpoint(2), target: target))
        #expect(!tokens.isValid(token, for: makeEndpoint(1), target: makeID(prefix: 2)))
        #expect(!tokens.isValid(token &+ 1, for: makeEndpoint(1), target: target))
    }

    @Test func tokenOutlivesOneRotationAndNotTwo() {
        var (tokens, generator) = makeTokens()
        let target = makeID(prefix: 1)
        let token = tokens.token(for: makeEndpoint(1), target: target)
        tokens.rotate(at: makeTime(4 * 60_000), using: &generator)
        tokens.rotate(at: makeTime(5 * 60_000), using: &generator)
        #expect(tokens.isValid(token, for: makeEndpoint(1), target: target))
        tokens.rotate(at: makeTime(10 * 60_000), using: &generator)
        #expect(!tokens.isValid(token, for: makeEndpoint(1), target: target))
    }
}
