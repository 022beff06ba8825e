/// A bounded map that forgets the least recently used entry first: one shard of the answer cache.
///
/// A plain value without locks or clock. Entries stand side by side in one array, their order of
/// use in `RecencyLists` (one list for each `EntryKind`), and `SlotTable` finds them; all three
/// know an entry by its number in the array, and whatever is removed leaves its number to the last
/// one.
///
/// Hashes are the caller's, so that growth never hashes a key again and a lookup needs no `Key` at
/// all, only the hash that it would have and a way to compare. Where values know what they are
/// filed under, `Key` is `KeyInValue`, which takes no room. They must come from a keyed function
/// such as `Hasher`: equal hashes cost time, though never correctness. A hit allocates nothing.
@usableFromInline
package struct LRU<Key, Value> {
    @usableFromInline package typealias Entry = CacheEntry<Key, Value>

    /// The bounds; `resize` changes them.
    @usableFromInline package private(set) var limits: CacheLimits
    /// Nanoseconds after which an unanswered request to refresh is handed to another caller.
    @usableFromInline let claimLife: UInt64

    @usableFromInline var nodes: [Node] = []
    @usableFromInline var lists = RecencyLists()
    @usableFromInline var table = SlotTable()
    /// What the entries of each kind add up to.
    @usableFromInline var totals = InlineArray<3, CacheSize>(
        repeating: CacheSize(entries: 0, bytes: 0)
    )
    /// Only what is counted; the figures of the moment are filled in by `statistics`.
    @usableFromInline var counters = CacheStatistics()

    /// An entry in its place.
    @usableFromInline
    struct Node {
        @usableFromInline var entry: Entry
        /// Whether a caller was asked to refresh the entry and has not given the claim back.
        @usableFromInline var isClaimed = false

        @inlinable
        init(entry: Entry) {
            self.entry = entry
        }
    }

    @inlinable
    package init(limits: CacheLimits, claimLife: UInt64) {
        self.limits = limits
        self.claimLife = claimLife
    }

    /// Bytes that each entry costs beyond the caller's figure: node, links, hash, 1.3 to 2.7 slots.
    @inlinable
    package static var overheadPerEntry: Int {
        MemoryLayout<Node>.stride + MemoryLayout<RecencyLists.Link>.stride + 4 + 11
    }

    /// Up to so many entries the storage is set aside at once.
    @inlinable static var mostSetAside: Int { 1 << 18 }

    /// Entries of all kinds.
    @inlinable
    package var count: Int { nodes.count }

    /// The figures as of now.
    package var statistics: CacheStatistics {
        var statistics = counters
        statistics.entries = count
        statistics.negativeEntries = total(of: .negative).entries
        statistics.pinnedEntries = total(of: .pinned).entries
        statistics.bytes = totals[0].bytes + totals[1].bytes + totals[2].bytes
        return statistics
    }

    @inlinable
    func total(of kind: EntryKind) -> CacheSize { totals[Int(kind.rawValue)] }

    /// The node of the entry with this hash that matches.
    @inlinable
    @inline(__always)
    func find(hash: UInt64, where matches: (Entry) -> Bool) -> Int? {
        let nodes = nodes.span
        return table.find(hash: UInt32(truncatingIfNeeded: hash)) { matches(nodes[$0].entry) }
    }
}

// MARK: - Putting in

extension LRU {
    /// Puts an entry in front of the list of its kind, in place of an older one that matches.
    ///
    /// What has to make room is returned, least recently used first, and never is of another share:
    /// negative entries drive out negative ones only. Nothing is allocated when nothing is evicted
    /// and the storage need not grow.
    @inlinable
    package mutating func insert(
        _ entry: Entry,
        hash: UInt64,
        at now: MonotonicInstant,
        replacing matches: (Entry) -> Bool
    ) -> Insertion<Key, Value> {
        let existing = find(hash: hash, where: matches)
        var insertion = Insertion<Key, Value>(.stored, replaced: existing.map { remove($0) })
        let size = Self.size(of: entry)
        guard canHold(size, as: entry.kind) else {
            counters.refusals += 1
            insertion.outcome = .refused
            return insertion
        }
        var entry = entry
        if entry.kind == .pinned, !canPin(size) {
            entry.kind = .positive
            insertion.outcome = .storedUnpinned
        }
        makeRoom(for: size, as: entry.kind, at: now, evicted: &insertion.evicted)
        append(entry, hash: hash)
        return insertion
    }

    /// Changes the bounds and returns what had to go, least recently used first.
    ///
    /// Pinned entries beyond their new bound become ordinary ones before anything is evicted.
    package mutating func resize(to limits: CacheLimits, at now: MonotonicInstant) -> [Entry] {
        self.limits = limits
        while !total(of: .pinned).fits(in: limits.pinned), let last = lists.last(of: .pinned) {
            move(last, to: .positive)
        }
        var evicted: [Entry] = []
        let nothing = CacheSize(entries: 0, bytes: 0)
        makeRoom(for: nothing, as: .positive, at: now, evicted: &evicted)
        makeRoom(for: nothing, as: .negative, at: now, evicted: &evicted)
        if nodes.capacity / 2 > count { compact() }
        return evicted
    }

    /// Whether an entry is taken at all: pinned ones must not be able to take the room it needs.
    @inlinable
    func canHold(_ size: CacheSize, as kind: EntryKind) -> Bool {
        kind == .negative
            ? size.fits(in: limits.negatives) : size.fits(in: limits.answers - limits.pinned)
    }

    @inlinable
    func canPin(_ size: CacheSize) -> Bool {
        (total(of: .pinned) + size).fits(in: limits.pinned)
    }

    /// Evicts the least recently used of a share until so much more fits into it.
    @inlinable
    mutating func makeRoom(
        for size: CacheSize,
        as kind: EntryKind,
        at now: MonotonicInstant,
        evicted: inout [Entry]
    ) {
        let bound = kind == .negative ? limits.negatives : limits.answers
        let victims = kind == .negative ? EntryKind.negative : .positive
        while true {
            var wanted = total(of: victims) + size
            if victims == .positive { wanted = wanted + total(of: .pinned) }
            guard !wanted.fits(in: bound), let victim = lists.last(of: victims) else { return }
            let entry = remove(victim)
            if entry.life.staleUntil <= now {
                counters.expirations += 1
            } else if victims == .negative {
                counters.negativeEvictions += 1
            } else {
                counters.evictions += 1
            }
            evicted.append(entry)
        }
    }
}

// MARK: - Taking out

extension LRU {
    /// Takes the entry of a key out, whatever its kind and its life.
    @inlinable
    package mutating func removeEntry(hash: UInt64, where matches: (Entry) -> Bool) -> Entry? {
        find(hash: hash, where: matches).map { remove($0) }
    }

    /// Forgets everything but the counters, and hands out the former self for its destruction.
    package mutating func removeAll() -> LRU {
        let former = self
        self = LRU(limits: limits, claimLife: claimLife)
        counters = former.counters
        return former
    }

    /// Everything that is held, in no particular order.
    package var entries: [Entry] { nodes.map(\.entry) }

    /// Pins an answer, or makes a pinned one ordinary; says whether it now is as wanted.
    ///
    /// False when there is no answer for the key or the share of pinned entries is full.
    @inlinable
    package mutating func setPinned(
        _ pinned: Bool,
        hash: UInt64,
        where matches: (Entry) -> Bool
    ) -> Bool {
        guard let node = find(hash: hash, where: matches) else { return false }
        let kind = nodes[node].entry.kind
        let wanted = pinned ? EntryKind.pinned : .positive
        if kind == wanted { return true }
        if kind == .negative || pinned && !canPin(Self.size(of: nodes[node].entry)) { return false }
        move(node, to: wanted)
        return true
    }
}

// MARK: - Storage

extension LRU {
    @inlinable
    static func size(of entry: Entry) -> CacheSize {
        CacheSize(entries: 1, bytes: Int(entry.cost) + overheadPerEntry)
    }

    @inlinable
    mutating func append(_ entry: Entry, hash: UInt64) {
        growIfNeeded()
        let list = Int(entry.kind.rawValue)
        totals[list] = totals[list] + Self.size(of: entry)
        table.append(hash: UInt32(truncatingIfNeeded: hash))
        lists.append(toFrontOf: entry.kind)
        nodes.append(Node(entry: entry))
    }

    /// Takes a node out; the last one takes over its number.
    @inlinable
    mutating func remove(_ node: Int) -> Entry {
        table.remove(node)
        lists.remove(node)
        nodes.swapAt(node, nodes.count - 1)
        let entry = nodes.removeLast().entry
        let list = Int(entry.kind.rawValue)
        totals[list] = totals[list] - Self.size(of: entry)
        return entry
    }

    /// Moves an entry to the front of another list.
    @inlinable
    mutating func move(_ node: Int, to kind: EntryKind) {
        let size = Self.size(of: nodes[node].entry)
        let former = Int(nodes[node].entry.kind.rawValue)
        totals[former] = totals[former] - size
        totals[Int(kind.rawValue)] = totals[Int(kind.rawValue)] + size
        nodes[node].entry.kind = kind
        lists.moveToFront(node, of: kind)
    }

    /// Sets aside all the storage that the bounds allow, or grows it by a quarter where that is
    /// very much.
    ///
    /// Memory that nothing was written to takes no room, while growing leaves behind the former
    /// storage, which the allocator can seldom give to anything else.
    @inlinable
    mutating func growIfNeeded() {
        guard count == nodes.capacity else { return }
        let most = min(
            limits.answers.entries + limits.negatives.entries,
            (limits.answers.bytes + limits.negatives.bytes) / Self.overheadPerEntry
        )
        let wanted =
            most <= Self.mostSetAside
            ? max(count + 1, most) : max(count + 1, min(most, count + count / 4 + 8))
        nodes.reserveCapacity(wanted)
        lists.reserveCapacity(wanted)
        table.reserveCapacity(wanted)
    }

    /// Gives back storage that is no longer needed.
    mutating func compact() {
        nodes = nodes.compacted()
        lists.compact()
        table.compact()
    }
}

extension LRU where Key: Equatable {
    /// Puts an entry in, in place of any older one of the same key.
    @inlinable
    package mutating func insert(
        _ entry: Entry,
        hash: UInt64,
        at now: MonotonicInstant
    ) -> Insertion<Key, Value> {
        insert(entry, hash: hash, at: now) { $0.key == entry.key }
    }
}

extension LRU: Sendable where Key: Sendable, Value: Sendable {}
extension LRU.Node: Sendable where Key: Sendable, Value: Sendable {}
