/// Which list an entry lives in: the three lists have bounds of their own.
@usableFromInline
package enum EntryKind: UInt8, CaseIterable, Sendable {
    /// An answer.
    case positive
    /// "Asked everywhere, and it is not there", or what else anybody can make any number of: kept
    /// from crowding out answers.
    case negative
    /// An answer that pressure never evicts. It counts as an answer, within a bound of its own.
    case pinned

    @inlinable static var count: Int { 3 }
}

/// The key of entries whose values know what they are filed under: it takes no room.
@usableFromInline
package struct KeyInValue: Sendable {
    @inlinable
    package init() {}
}

/// An answer with all that the cache knows of it: what is put in, and what comes out on eviction.
@usableFromInline
package struct CacheEntry<Key, Value> {
    @usableFromInline package var key: Key
    @usableFromInline package var value: Value
    /// On the way out, `refreshFrom` is the instant at which a refresh would next be handed out.
    @usableFromInline package var life: Life
    /// The caller's figure for the memory behind key and value, in bytes.
    @usableFromInline package let cost: UInt32
    @usableFromInline package var kind: EntryKind

    /// An entry of `cost` bytes outside of the cache's own storage; a figure out of range is
    /// clamped.
    @inlinable
    package init(
        key: Key,
        value: Value,
        kind: EntryKind = .positive,
        life: Life,
        cost: Int
    ) {
        self.key = key
        self.value = value
        self.kind = kind
        self.life = life
        self.cost = UInt32(clamping: cost)
    }
}

extension CacheEntry: Sendable where Key: Sendable, Value: Sendable {}

/// What the cache has for a key at an instant.
///
/// `refresh` is true for exactly one caller: from then on nobody else is asked until the entry is
/// replaced, the claim is given back with `postponeRefresh`, or the claim has run out.
@usableFromInline
package enum CacheResult<Value> {
    case fresh(Value, refresh: Bool)
    /// Past its life, yet better than nothing (RFC 8767).
    case stale(Value, refresh: Bool)
    case miss
}

extension CacheResult: Sendable where Value: Sendable {}
extension CacheResult: Equatable where Value: Equatable {}

/// What an insertion did, and every value that it drove out, so that the caller destroys them.
@usableFromInline
package struct Insertion<Key, Value> {
    /// What became of the entry.
    @usableFromInline
    package enum Outcome: Equatable, Sendable {
        case stored
        /// The share of pinned entries is full: stored as an ordinary answer.
        case storedUnpinned
        /// The entry alone is larger than its share, so that nothing was evicted for it. An older
        /// entry of the same key is gone nevertheless, since it is no longer true.
        case refused
    }

    @usableFromInline package var outcome: Outcome
    /// The earlier entry of the same key.
    @usableFromInline package var replaced: CacheEntry<Key, Value>?
    /// What had to make room, least recently used first; some may be past their life.
    @usableFromInline package var evicted: [CacheEntry<Key, Value>]

    @inlinable
    init(_ outcome: Outcome, replaced: CacheEntry<Key, Value>? = nil) {
        self.outcome = outcome
        self.replaced = replaced
        self.evicted = []
    }
}

extension Insertion: Sendable where Key: Sendable, Value: Sendable {}
