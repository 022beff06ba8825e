import Randomness
import Testing

@testable import Cache

@Suite struct ShardedCacheTests {
    private func makeCache(
        entries: Int = 1000,
        bytes: Int = 100_000_000,
        shards: Int? = 8
    ) -> ShardedCache<Int, Int> {
        ShardedCache(limits: CacheLimits(entries: entries, bytes: bytes), shardCount: shards)
    }

    private func makeEntry(
        _ key: Int,
        kind: EntryKind = .positive,
        life: Life = Life(startingAt: 0, fresh: 1000, stale: 1000)
    ) -> CacheEntry<Int, Int> {
        CacheEntry(key: key, value: key, kind: kind, life: life, cost: 10)
    }

    @Test func whatIsPutInIsFoundAndRemoved() {
        let cache = makeCache()
        for key in 0..<200 { cache.insert(makeEntry(key), at: 0) }
        for key in 0..<200 { #expect(cache.value(for: key, at: 0) == .fresh(key, refresh: false)) }
        #expect(cache.contains(7, at: 0))
        #expect(cache.removeValue(for: 7) == 7)
        #expect(!cache.contains(7, at: 0))
        #expect(cache.value(for: 7, at: 0) == .miss)
        #expect(cache.statistics.hits == 200)
        #expect(cache.statistics.misses == 1)
        #expect(cache.shards.count { $0.locked { $0.count } > 0 } == 8, "all shards are used")
        cache.removeAll()
        #expect(cache.statistics.entries == 0)
        #expect(cache.statistics.hits == 200, "the counters go on")
    }

    @Test func hashFedByHandFindsTheSameEntry() {
        let cache = makeCache()
        cache.insert(makeEntry(5), at: 0)
        let hash = ShardedCache<Int, Int>.hash { $0.combine(5) }
        #expect(cache.value(hash: hash, at: 0) { $0.key == 5 } == .fresh(5, refresh: false))
    }

    @Test(arguments: [0, 1, 2, 8, 100, 1000], [1, 2, 64, 1000, nil])
    func totalsNeverExceedTheBounds(entries: Int, shards: Int?) {
        let overhead = LRU<Int, Int>.overheadPerEntry
        let bytes = entries * (overhead + 12)
        let cache = makeCache(entries: entries, bytes: bytes, shards: shards)
        for key in 0..<(2 * entries + 100) {
            cache.insert(makeEntry(key, kind: key % 3 == 0 ? .negative : .positive), at: 0)
        }
        let statistics = cache.statistics
        #expect(statistics.entries <= entries)
        #expect(statistics.bytes <= bytes)
        #expect(statistics.negativeEntries <= max(1, entries / 10))
        #expect(shards != nil || entries == 0 || statistics.entries > 0)
    }

    @Test func smallCachesHaveOneShardAndLargeOnesMany() {
        func count(_ entries: Int, _ mebibytes: Int) -> Int {
            CacheLimits(entries: entries, bytes: mebibytes << 20).sensibleShardCount
        }
        #expect(count(8, 1) == 1)
        #expect(count(0, 0) == 1)
        #expect(count(20_000, 64) == 8)
        #expect(count(100_000, 256) == 32)
        #expect(count(150_000, 1024) == 64)
    }

    @Test(arguments: [1, 2, 8, 64])
    func sharesAddUpToTheBounds(count: Int) {
        let limits = CacheLimits(entries: 1003, bytes: 77_777)
        let shares = (0..<count).map { limits.share($0, of: count) }
        let none = CacheSize(entries: 0, bytes: 0)
        #expect(shares.reduce(none) { $0 + $1.answers } == limits.answers)
        #expect(shares.reduce(none) { $0 + $1.negatives } == limits.negatives)
        #expect(limits.answers + limits.negatives == CacheSize(entries: 1003, bytes: 77_777))
    }

    @Test func resizingKeepsTheTotalsWithinTheNewBounds() {
        let cache = makeCache(entries: 1000)
        for key in 0..<1000 { cache.insert(makeEntry(key), at: 0) }
        let before = cache.statistics.entries
        let evicted = cache.resize(to: CacheLimits(entries: 100, bytes: 100_000), at: 0)
        #expect(cache.statistics.entries == before - evicted.count)
        #expect(cache.statistics.entries <= 90)
        cache.resize(to: CacheLimits(entries: 2000, bytes: 1_000_000), at: 0)
        for key in 0..<1000 { cache.insert(makeEntry(key), at: 0) }
        #expect(cache.statistics.entries == 1000)
    }

    @Test func exactlyOneOfManyCallersRefreshes() async {
        let cache = makeCache()
        for key in 0..<50 {
            let life = Life(startingAt: 0, fresh: 0, stale: 1000)
            cache.insert(makeEntry(key, life: life), at: 0)
        }
        let claims = await withTaskGroup(of: [Int].self) { group in
            for _ in 0..<8 {
                group.addTask {
                    (0..<50).filter { cache.value(for: $0, at: 10) == .stale($0, refresh: true) }
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
        #expect(claims.sorted() == Array(0..<50))
    }

    @Test(arguments: [(1, 1), (2, 1), (20, 2), (1000, 64)])
    func noShardIsLeftWithoutRoom(entries: Int, shards: Int) {
        let cache = makeCache(entries: entries, shards: 64)
        #expect(cache.shards.count == shards)
        for key in 0..<200 {
            for kind in [EntryKind.positive, .negative] where kind == .positive || entries > 1 {
                cache.insert(makeEntry(key, kind: kind), at: 0)
                #expect(cache.contains(key, at: 0), "\(kind) \(key)")
            }
        }
    }

    @Test func threadsTogetherKeepTheBoundsAndTheStructure() async {
        let limits = CacheLimits(entries: 200, bytes: 200 * (LRU<Int, Int>.overheadPerEntry + 20))
        let cache = ShardedCache<Int, Int>(limits: limits, shardCount: 4)
        let worst = await withTaskGroup(of: CacheSize.self) { group in
            for seed in 1...4 as ClosedRange<UInt64> {
                group.addTask { Self.work(on: cache, seed: seed) }
            }
            return await group.reduce(into: CacheSize(entries: 0, bytes: 0)) { worst, seen in
                worst.entries = max(worst.entries, seen.entries)
                worst.bytes = max(worst.bytes, seen.bytes)
            }
        }
        #expect(worst.entries <= 200)
        #expect(worst.bytes <= limits.answers.bytes + limits.negatives.bytes)
        for shard in cache.shards { #expect(shard.locked { $0.brokenInvariant() } == nil) }
    }

    /// Random operations; returns the largest totals seen on the way.
    private static func work(on cache: ShardedCache<Int, Int>, seed: UInt64) -> CacheSize {
        var random = SeededRandom(seed: seed)
        var worst = CacheSize(entries: 0, bytes: 0)
        for step in 0..<3000 as Range<UInt64> {
            let key = Int.random(in: 0..<500, using: &random)
            let now = MonotonicInstant(nanoseconds: step)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                switch cache.value(for: key, at: now) {
                case .fresh(let value, _), .stale(let value, _): precondition(value == key)
                case .miss: break
                }
            case 5..<8:
                let kind = EntryKind.allCases.randomElement(using: &random) ?? .positive
                let life = Life(startingAt: now, fresh: 50, stale: 500)
                let cost = Int.random(in: 0..<60, using: &random)
                cache.insert(
                    CacheEntry(key: key, value: key, kind: kind, life: life, cost: cost),
                    at: now
                )
            case 8:
                cache.removeValue(for: key)
                cache.postponeRefresh(of: key, until: now)
            default:
                let statistics = cache.statistics
                worst.entries = max(worst.entries, statistics.entries)
                worst.bytes = max(worst.bytes, statistics.bytes)
            }
        }
        return worst
    }

    // MARK: Destruction

    /// A value whose end takes every lock of its cache, which would not return under one of them.
    private final class Witness: Sendable {
        let cache: ShardedCache<Int, Witness>

        init(_ cache: ShardedCache<Int, Witness>) {
            self.cache = cache
        }

        deinit { _ = cache.statistics }
    }

    @Test func valuesAreDestroyedOutsideOfTheLock() {
        let cache = ShardedCache<Int, Witness>(limits: CacheLimits(entries: 3, bytes: 10_000))
        func insert(_ key: Int, stale: UInt64 = 100) {
            let life = Life(startingAt: 0, fresh: 0, stale: stale)
            cache.insert(CacheEntry(key: key, value: Witness(cache), life: life, cost: 0), at: 0)
        }
        insert(1)
        insert(1)  // replaces
        insert(2)
        insert(3)  // evicts
        cache.removeValue(for: 3)
        insert(4, stale: 1)
        if case .miss = cache.value(for: 4, at: 1) {} else { Issue.record("past its life") }
        cache.resize(to: CacheLimits(entries: 0, bytes: 0), at: 0)
        cache.resize(to: CacheLimits(entries: 3, bytes: 10_000), at: 0)
        insert(5)
        cache.removeAll()
        #expect(cache.statistics.entries == 0)
    }
}
