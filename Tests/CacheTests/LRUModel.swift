@testable import Cache

/// The plainest cache that keeps the rules of `LRU`: arrays, searched from end to end.
struct LRUModel {
    struct Item: Equatable {
        var entry: ModelEntry
        var isClaimed = false
    }

    var limits: CacheLimits
    let claimLife: UInt64
    /// By kind, the most recently used first.
    var lists: [[Item]] = [[], [], []]
    var statistics = CacheStatistics()

    init(limits: CacheLimits, claimLife: UInt64) {
        self.limits = limits
        self.claimLife = claimLife
    }

    func size(of kinds: EntryKind...) -> CacheSize {
        let items = kinds.flatMap { lists[Int($0.rawValue)] }
        return CacheSize(
            entries: items.count,
            bytes: items.reduce(0) { $0 + $1.entry.size.bytes }
        )
    }

    mutating func value(for key: Int, at now: UInt64) -> CacheResult<Int> {
        guard var item = take(key) else {
            statistics.misses += 1
            return .miss
        }
        let life = item.entry.life
        if now >= life.staleUntil.nanoseconds {
            statistics.misses += 1
            statistics.expirations += 1
            return .miss
        }
        let refresh = now >= life.refreshFrom.nanoseconds
        if refresh {
            item.isClaimed = true
            item.entry.life.refreshFrom.nanoseconds = now + claimLife
        }
        lists[Int(item.entry.kind.rawValue)].insert(item, at: 0)
        if now < life.freshUntil.nanoseconds {
            statistics.hits += 1
            return .fresh(item.entry.value, refresh: refresh)
        }
        statistics.staleHits += 1
        return .stale(item.entry.value, refresh: refresh)
    }

    mutating func insert(_ entry: ModelEntry, at now: UInt64) -> ModelInsertion {
        var result = ModelInsertion(outcome: .stored, replaced: take(entry.key)?.entry, evicted: [])
        var entry = entry
        let room =
            entry.kind == .negative
            ? limits.negatives
            : CacheSize(
                entries: limits.answers.entries - limits.pinned.entries,
                bytes: limits.answers.bytes - limits.pinned.bytes
            )
        if room.entries < 1 || room.bytes < entry.size.bytes {
            statistics.refusals += 1
            result.outcome = .refused
            return result
        }
        if entry.kind == .pinned, !(size(of: .pinned) + entry.size).fits(in: limits.pinned) {
            entry.kind = .positive
            result.outcome = .storedUnpinned
        }
        lists[Int(entry.kind.rawValue)].insert(Item(entry: entry), at: 0)
        result.evicted = evict(at: now, sparing: entry.key)
        return result
    }

    mutating func resize(to limits: CacheLimits, at now: UInt64) -> [ModelEntry] {
        self.limits = limits
        while !size(of: .pinned).fits(in: limits.pinned), var item = lists[2].popLast() {
            item.entry.kind = .positive
            lists[0].insert(item, at: 0)
        }
        return evict(at: now, sparing: nil)
    }

    mutating func setPinned(_ pinned: Bool, for key: Int) -> Bool {
        guard var item = lists.joined().first(where: { $0.entry.key == key }),
            item.entry.kind != .negative
        else { return false }
        let wanted: EntryKind = pinned ? .pinned : .positive
        if item.entry.kind == wanted { return true }
        if pinned, !(size(of: .pinned) + item.entry.size).fits(in: limits.pinned) { return false }
        _ = take(key)
        item.entry.kind = wanted
        lists[Int(wanted.rawValue)].insert(item, at: 0)
        return true
    }

    mutating func postponeRefresh(of key: Int, until instant: UInt64) {
        for list in lists.indices {
            for index in lists[list].indices where lists[list][index].entry.key == key {
                guard lists[list][index].isClaimed else { return }
                lists[list][index].isClaimed = false
                lists[list][index].entry.life.refreshFrom.nanoseconds = instant
            }
        }
    }

    mutating func take(_ key: Int) -> Item? {
        for list in lists.indices {
            if let index = lists[list].firstIndex(where: { $0.entry.key == key }) {
                return lists[list].remove(at: index)
            }
        }
        return nil
    }

    mutating func evict(at now: UInt64, sparing key: Int?) -> [ModelEntry] {
        var evicted: [ModelEntry] = []
        while !size(of: .positive, .pinned).fits(in: limits.answers) {
            guard let index = lists[0].lastIndex(where: { $0.entry.key != key }) else { break }
            evicted.append(lists[0].remove(at: index).entry)
        }
        while !size(of: .negative).fits(in: limits.negatives) {
            guard let index = lists[1].lastIndex(where: { $0.entry.key != key }) else { break }
            evicted.append(lists[1].remove(at: index).entry)
        }
        for entry in evicted {
            if entry.life.staleUntil.nanoseconds <= now {
                statistics.expirations += 1
            } else if entry.kind == .negative {
                statistics.negativeEvictions += 1
            } else {
                statistics.evictions += 1
            }
        }
        return evicted
    }
}

struct ModelInsertion: Equatable {
    var outcome: Insertion<Int, Int>.Outcome
    var replaced: ModelEntry?
    var evicted: [ModelEntry]
}

/// A `CacheEntry` that can be compared.
struct ModelEntry: Equatable, CustomStringConvertible {
    var key: Int
    var value: Int
    var kind: EntryKind
    var life: Life
    var cost: Int

    init(key: Int, value: Int, kind: EntryKind, life: Life, cost: Int) {
        self.key = key
        self.value = value
        self.kind = kind
        self.life = life
        self.cost = cost
    }

    init(_ entry: CacheEntry<Int, Int>) {
        self.init(
            key: entry.key,
            value: entry.value,
            kind: entry.kind,
            life: entry.life,
            cost: Int(entry.cost)
        )
    }

    var size: CacheSize {
        CacheSize(entries: 1, bytes: cost + LRU<Int, Int>.overheadPerEntry)
    }

    var cacheEntry: CacheEntry<Int, Int> {
        CacheEntry(key: key, value: value, kind: kind, life: life, cost: cost)
    }

    var description: String { "\(key)=\(value) \(kind) \(cost) B" }
}
