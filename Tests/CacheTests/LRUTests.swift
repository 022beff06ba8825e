import Testing

@testable package import Cache

@Suite struct LRUTests {
    typealias Cache = LRU<String, Int>

    private func makeLRU(
        answers: Int = 4,
        negatives: Int = 2,
        pinned: Int = 1,
        bytes: Int = 1_000_000
    ) -> Cache {
        Cache(
            limits: CacheLimits(
                answers: CacheSize(entries: answers, bytes: bytes),
                negatives: CacheSize(entries: negatives, bytes: bytes),
                pinned: CacheSize(entries: pinned, bytes: bytes)
            ),
            claimLife: 50
        )
    }

    // MARK: Order and bounds

    @Test func hitMovesEntryToFront() {
        var lru = makeLRU(answers: 3)
        for key in ["a", "b", "c"] { lru.put(key) }
        #expect(lru.look("a") == .fresh(1, refresh: false))
        #expect(lru.put("d").evicted.map(\.key) == ["b"])
        #expect(lru.keys(of: .positive) == ["d", "a", "c"])
    }

    @Test func scanOfUnknownNamesEvictsNothingReal() {
        var lru = makeLRU(answers: 4, negatives: 2)
        for key in ["a", "b", "c", "d"] { lru.put(key) }
        for number in 0..<100 {
            let evicted = lru.put("unknown \(number)", kind: .negative).evicted
            #expect(evicted.allSatisfy { $0.kind == .negative })
        }
        #expect(lru.keys(of: .positive) == ["d", "c", "b", "a"])
        #expect(lru.keys(of: .negative) == ["unknown 99", "unknown 98"])
        #expect(lru.statistics.negativeEvictions == 98)
    }

    @Test func entryThatChangesKindMoves() {
        var lru = makeLRU()
        lru.put("a", kind: .negative)
        #expect(lru.put("a").replaced?.kind == .negative)
        #expect(lru.keys(of: .negative) == [])
        #expect(lru.keys(of: .positive) == ["a"])
        lru.put("a", kind: .negative)
        #expect(lru.keys(of: .positive) == [])
        #expect(lru.statistics.entries == 1)
    }

    @Test func bytesEvictAsManyAsNeeded() {
        let each = Cache.overheadPerEntry + 100
        var lru = makeLRU(answers: 100, pinned: 0, bytes: 4 * each)
        for key in ["a", "b", "c", "d"] { lru.put(key, cost: 100) }
        #expect(lru.statistics.bytes == 4 * each)
        #expect(lru.put("e", cost: 100 + each).evicted.map(\.key) == ["a", "b"])
    }

    @Test func entryLargerThanItsShareIsRefusedAndEvictsNothing() {
        var lru = makeLRU(answers: 4, pinned: 0, bytes: 1000)
        lru.put("a")
        lru.put("b")
        let insertion = lru.put("a", cost: 1001 - Cache.overheadPerEntry)
        #expect(insertion.outcome == .refused)
        #expect(insertion.evicted.isEmpty)
        #expect(insertion.replaced?.key == "a", "what is no longer true does not stay")
        #expect(lru.keys(of: .positive) == ["b"])
        #expect(lru.put("c", cost: 1000 - Cache.overheadPerEntry).outcome == .stored)
        #expect(lru.put("d", cost: .max).outcome == .refused)
    }

    @Test(arguments: [-1, 0]) func emptyBoundsHoldNothing(entries: Int) {
        var lru = makeLRU(answers: entries, negatives: entries)
        #expect(lru.put("a").outcome == .refused)
        #expect(lru.put("a", kind: .negative).outcome == .refused)
        #expect(lru.put("a", kind: .pinned).outcome == .refused)
        #expect(lru.look("a") == .miss)
    }

    @Test func boundOfOneHoldsTheLatest() {
        var lru = makeLRU(answers: 1, negatives: 1)
        lru.put("a")
        #expect(lru.put("b").evicted.map(\.key) == ["a"])
        #expect(lru.put("b").evicted.isEmpty)
        #expect(lru.put("c", kind: .pinned).outcome == .storedUnpinned)
        #expect(lru.keys(of: .positive) == ["c"])
    }

    // MARK: Life

    @Test func lifeIsFreshThenStaleThenOver() {
        var lru = makeLRU()
        lru.put("a", life: Life(startingAt: 0, fresh: 100, stale: 100))
        #expect(lru.look("a", at: 89) == .fresh(1, refresh: false))
        #expect(lru.look("a", at: 90) == .fresh(1, refresh: true), "the last tenth prefetches")
        #expect(lru.look("a", at: 99) == .fresh(1, refresh: false))
        #expect(lru.look("a", at: 100) == .stale(1, refresh: false))
        #expect(lru.look("a", at: 199) == .stale(1, refresh: true), "the claim ran out")
        #expect(lru.look("a", at: 200) == .miss)
        #expect(lru.count == 0, "removed on touch")
        #expect(lru.statistics.expirations == 1)
    }

    @Test func refreshIsClaimedOnceUntilTheClaimRunsOut() {
        var lru = makeLRU()
        lru.put("a", life: Life(startingAt: 0, fresh: 0, stale: 1000))
        #expect(lru.look("a", at: 10) == .stale(1, refresh: true))
        #expect(lru.look("a", at: 10) == .stale(1, refresh: false))
        #expect(lru.look("a", at: 59) == .stale(1, refresh: false))
        #expect(lru.look("a", at: 60) == .stale(1, refresh: true))
    }

    @Test func failedRefreshIsNotTriedAgainBeforeThePause() {
        var lru = makeLRU()
        lru.put("a", life: Life(startingAt: 0, fresh: 0, stale: 1000))
        #expect(lru.look("a", at: 10) == .stale(1, refresh: true))
        lru.postpone("a", until: 300)
        #expect(lru.look("a", at: 299) == .stale(1, refresh: false))
        lru.postpone("a", until: 900)  // There is no claim to give back.
        #expect(lru.look("a", at: 300) == .stale(1, refresh: true))
        lru.postpone("a", until: 300)
        #expect(lru.look("a", at: 301) == .stale(1, refresh: true), "given back at once")
    }

    @Test func lateFailureLeavesTheReplacementAlone() {
        var lru = makeLRU()
        lru.put("a", life: Life(startingAt: 0, fresh: 0, stale: 1000))
        #expect(lru.look("a", at: 10) == .stale(1, refresh: true))
        lru.put("a", life: Life(startingAt: 10, fresh: 1000, stale: 0))
        lru.postpone("a", until: 10)
        #expect(lru.look("a", at: 20) == .fresh(1, refresh: false))
    }

    @Test func lifeNearTheEndOfTimeDoesNotOverflow() {
        let life = Life(startingAt: 100, fresh: .max, stale: .max)
        #expect(life.freshUntil.nanoseconds == .max)
        #expect(life.staleUntil.nanoseconds == .max)
    }

    @Test func pressureOnAnEntryPastItsLifeIsAnExpiration() {
        var lru = makeLRU(answers: 1)
        lru.put("a", life: Life(startingAt: 0, fresh: 10, stale: 10))
        lru.put("b", at: 20)
        #expect(lru.statistics.expirations == 1)
        #expect(lru.statistics.evictions == 0)
    }

    // MARK: Pins

    @Test func pinnedEntriesOutliveAnyPressure() {
        var lru = makeLRU(answers: 4, pinned: 2)
        lru.put("a", kind: .pinned)
        lru.put("b")
        #expect(lru.pin("b") == true)
        for number in 0..<20 { lru.put("\(number)") }
        #expect(lru.keys(of: .pinned) == ["b", "a"])
        #expect(lru.keys(of: .positive) == ["19", "18"])
        #expect(lru.put("c", kind: .pinned).outcome == .storedUnpinned)
        #expect(lru.pin("c") == false)
        #expect(lru.pin("a", false) == true)
        #expect(lru.pin("c") == true)
    }

    @Test func pinsCannotFillTheCache() {
        var lru = makeLRU(answers: 4, pinned: 4)
        for key in ["a", "b", "c", "d"] { lru.put(key, kind: .pinned) }
        #expect(lru.keys(of: .pinned) == ["b", "a"])
        #expect(lru.keys(of: .positive) == ["d", "c"])
    }

    // MARK: Storage

    @Test func hashAndSightFindWithoutAKey() {
        var lru = LRU<String, Int>(limits: CacheLimits(entries: 9, bytes: 9999), claimLife: 1)
        lru.put("libc6")
        let bytes = Array("xx libc6 xx".utf8)
        let part = bytes.span.extracting(3..<8)
        var expired: [CacheEntry<String, Int>] = []
        let found = lru.value(hash: lru.hash("libc6"), at: 0, expired: &expired) { entry in
            entry.key.utf8.elementsEqual((0..<part.count).map { part[$0] })
        }
        #expect(found == .fresh(1, refresh: false))
    }

    @Test func shrinkingEvictsInOrderAndGivesStorageBack() {
        var lru = makeLRU(answers: 1000, negatives: 10)
        for number in 0..<1000 { lru.put("\(number)") }
        let size = CacheSize(entries: 3, bytes: 1_000_000)
        let evicted = lru.resize(
            to: CacheLimits(answers: size, negatives: size, pinned: size),
            at: 0
        )
        #expect(evicted.map(\.key) == (0..<997).map(String.init))
        #expect(lru.keys(of: .positive) == ["999", "998", "997"])
        #expect(lru.nodes.capacity < 20)
        #expect(lru.table.slots.count == 8)
        #expect(lru.brokenInvariant() == nil)
    }

    @Test func storageNeverGrowsFarBeyondTheBound() {
        var lru = makeLRU(answers: 100, negatives: 20)
        for number in 0..<1000 {
            lru.put("\(number)", kind: number % 2 == 0 ? .positive : .negative)
        }
        #expect(lru.count == 120)
        #expect(lru.nodes.capacity <= 130)
        #expect(lru.brokenInvariant() == nil)
    }

    @Test func nodeIsSmall() {
        #expect(LRU<KeyInValue, Int>.overheadPerEntry <= 63)
    }
}

extension MonotonicInstant: ExpressibleByIntegerLiteral {
    package init(integerLiteral nanoseconds: UInt64) {
        self.init(nanoseconds: nanoseconds)
    }
}

extension LRU<String, Int> {
    fileprivate func hash(_ key: String) -> UInt64 {
        ShardedCache<String, Int>.hash(of: key)
    }

    @discardableResult
    fileprivate mutating func put(
        _ key: String,
        kind: EntryKind = .positive,
        life: Life = Life(startingAt: 0, fresh: 1000, stale: 1000),
        cost: Int = 0,
        at now: MonotonicInstant = 0
    ) -> Insertion<String, Int> {
        let entry = CacheEntry(key: key, value: 1, kind: kind, life: life, cost: cost)
        return insert(entry, hash: hash(key), at: now)
    }

    fileprivate mutating func look(
        _ key: String,
        at now: MonotonicInstant = 0
    ) -> CacheResult<Int> {
        var expired: [Entry] = []
        return value(hash: hash(key), at: now, expired: &expired) { $0.key == key }
    }

    fileprivate mutating func postpone(_ key: String, until instant: MonotonicInstant) {
        postponeRefresh(hash: hash(key), until: instant) { $0.key == key }
    }

    fileprivate mutating func pin(_ key: String, _ pinned: Bool = true) -> Bool {
        setPinned(pinned, hash: hash(key)) { $0.key == key }
    }

    fileprivate func keys(of kind: EntryKind) -> [String] {
        entries(of: kind).map(\.key)
    }
}
