import Randomness
import Testing

@testable import Cache

/// Random histories on an `LRU` and on the plainest model of it, compared after every step.
@Suite struct LRUPropertyTests {
    /// How keys are hashed; a cache must be right even where the hash is bad.
    enum Spread: CaseIterable {
        case even, fewValues, oneValue

        func hash(_ key: Int) -> UInt64 {
            switch self {
            case .even: UInt64(bitPattern: Int64(key)) &* 0x9E37_79B9_7F4A_7C15
            case .fewValues: UInt64(key % 5) &* 0x0101_0101_0101_0101
            case .oneValue: .max
            }
        }
    }

    @Test(arguments: Spread.allCases, 1...6 as ClosedRange<UInt64>)
    func everyHistoryAgreesWithTheModel(spread: Spread, seed: UInt64) {
        var history = History(seed: seed, spread: spread)
        for step in 1...1500 {
            if let difference = history.step() {
                Issue.record("seed \(seed), \(spread), step \(step): \(difference)")
                return
            }
        }
    }
}

private struct History {
    var random: SeededRandom
    let spread: LRUPropertyTests.Spread
    var lru: LRU<Int, Int>
    var model: LRUModel
    var now: UInt64 = 1000
    var lastValue = 0

    init(seed: UInt64, spread: LRUPropertyTests.Spread) {
        random = SeededRandom(seed: seed)
        self.spread = spread
        let limits = Self.makeLimits(&random)
        lru = LRU(limits: limits, claimLife: 30)
        model = LRUModel(limits: limits, claimLife: 30)
    }

    /// One random operation on both; says what differed.
    mutating func step() -> String? {
        now += UInt64.random(in: 0...9, using: &random)
        let key = Int.random(in: 0..<50, using: &random)
        let difference =
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<45: lookUp(key)
            case 45..<85: insert(key)
            case 85..<90: remove(key)
            case 90..<94: pin(key)
            case 94..<97: postpone(key)
            case 97..<99: resize()
            default: removeAll()
            }
        return difference ?? lru.brokenInvariant() ?? differenceOfContents()
    }

    private static func makeLimits(_ random: inout SeededRandom) -> CacheLimits {
        let entries = [0, 1, 2, 8, 20, 40].randomElement(using: &random) ?? 8
        let bytes = entries * (LRU<Int, Int>.overheadPerEntry + 50)
        return CacheLimits(
            entries: entries,
            bytes: bytes,
            negativePercent: Int.random(in: 0...50, using: &random),
            pinnedPercent: Int.random(in: 0...50, using: &random)
        )
    }

    private mutating func lookUp(_ key: Int) -> String? {
        var expired: [CacheEntry<Int, Int>] = []
        let instant = MonotonicInstant(nanoseconds: now)
        let holds = lru.contains(hash: spread.hash(key), at: instant) { $0.key == key }
        let found = lru.value(hash: spread.hash(key), at: instant, expired: &expired) {
            $0.key == key
        }
        let expected = model.value(for: key, at: now)
        if holds != (expected != .miss) { return "contains \(key) says \(holds)" }
        return found == expected ? nil : "lookup of \(key): \(found), not \(expected)"
    }

    private mutating func insert(_ key: Int) -> String? {
        lastValue += 1
        let entry = ModelEntry(
            key: key,
            value: lastValue,
            kind: [.positive, .positive, .negative, .pinned].randomElement(using: &random)
                ?? .positive,
            life: Life(
                startingAt: MonotonicInstant(nanoseconds: now),
                fresh: UInt64.random(in: 0...200, using: &random),
                stale: UInt64.random(in: 0...100, using: &random)
            ),
            cost: Int.random(in: 0..<12, using: &random) == 0
                ? 3000 : Int.random(in: 0...120, using: &random)
        )
        let instant = MonotonicInstant(nanoseconds: now)
        let insertion = lru.insert(entry.cacheEntry, hash: spread.hash(key), at: instant)
        let found = ModelInsertion(
            outcome: insertion.outcome,
            replaced: insertion.replaced.map(ModelEntry.init),
            evicted: insertion.evicted.map(ModelEntry.init)
        )
        let expected = model.insert(entry, at: now)
        return found == expected ? nil : "insertion of \(entry): \(found), not \(expected)"
    }

    private mutating func remove(_ key: Int) -> String? {
        let found = lru.removeEntry(hash: spread.hash(key)) { $0.key == key }
        let expected = model.take(key)?.entry
        return found.map(ModelEntry.init) == expected ? nil : "removal of \(key)"
    }

    private mutating func pin(_ key: Int) -> String? {
        let pinned = Bool.random(using: &random)
        let found = lru.setPinned(pinned, hash: spread.hash(key)) { $0.key == key }
        let expected = model.setPinned(pinned, for: key)
        return found == expected ? nil : "pinning of \(key): \(found)"
    }

    private mutating func postpone(_ key: Int) -> String? {
        let until = now + UInt64.random(in: 0...50, using: &random)
        let instant = MonotonicInstant(nanoseconds: until)
        lru.postponeRefresh(hash: spread.hash(key), until: instant) { $0.key == key }
        model.postponeRefresh(of: key, until: until)
        return nil
    }

    private mutating func resize() -> String? {
        let limits = Self.makeLimits(&random)
        let found = lru.resize(to: limits, at: MonotonicInstant(nanoseconds: now))
        let expected = model.resize(to: limits, at: now)
        return found.map(ModelEntry.init) == expected
            ? nil : "resizing to \(limits): \(found.map(ModelEntry.init)), not \(expected)"
    }

    private mutating func removeAll() -> String? {
        let former = lru.removeAll()
        let expected = model.lists.joined().count
        model.lists = [[], [], []]
        return former.count == expected && lru.count == 0 ? nil : "removal of all"
    }

    private func differenceOfContents() -> String? {
        for kind in EntryKind.allCases {
            let found = lru.entries(of: kind).map(ModelEntry.init)
            let expected = model.lists[Int(kind.rawValue)].map(\.entry)
            if found != expected { return "\(kind): \(found), not \(expected)" }
        }
        var expected = model.statistics
        let size = model.size(of: .positive, .negative, .pinned)
        expected.entries = size.entries
        expected.bytes = size.bytes
        expected.negativeEntries = model.size(of: .negative).entries
        expected.pinnedEntries = model.size(of: .pinned).entries
        return lru.statistics == expected ? nil : "\(lru.statistics), not \(expected)"
    }
}
