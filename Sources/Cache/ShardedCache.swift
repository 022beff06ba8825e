public import Synchronization

/// The answer cache: `LRU` shards behind one lock each, bounded as a whole.
///
/// A lookup takes one uncontended lock and neither suspends nor allocates. Keys are spread over the
/// shards by `Hasher`, whose seed is drawn for each process, so that nobody outside can aim at a
/// shard. Under a lock nothing foreign runs but the comparison of keys: whatever leaves the cache
/// is handed out and destroyed after unlocking.
@usableFromInline
package final class ShardedCache<Key: Sendable, Value: Sendable>: Sendable {
    @usableFromInline package typealias Entry = CacheEntry<Key, Value>

    @usableFromInline let shards: [Shard]
    /// How far the upper half of a hash is shifted to leave the index of a shard.
    @usableFromInline let shift: UInt64

    /// An empty cache.
    ///
    /// - Parameters:
    ///   - limits: bounds of all shards together, never exceeded.
    ///   - claimLife: nanoseconds after which an unanswered request to refresh goes to another
    ///     caller; longer than a refresh may take.
    ///   - shardCount: at most so many shards, cut to a power of two and to what leaves each one
    ///     entry of a kind; nil for what suits the bounds.
    package init(limits: CacheLimits, claimLife: UInt64 = 10_000_000_000, shardCount: Int? = nil) {
        let wanted = max(min(shardCount ?? limits.sensibleShardCount, limits.largestShardCount), 1)
        let shardBits = Int.bitWidth - 1 - wanted.leadingZeroBitCount
        let count = 1 << shardBits
        shift = UInt64(32 - shardBits)
        shards = (0..<count).map { index in
            Shard(LRU(limits: limits.share(index, of: count), claimLife: claimLife))
        }
    }

    /// One shard: the only function that takes the lock is `locked`.
    @usableFromInline
    final class Shard: Sendable {
        @usableFromInline let state: Mutex<LRU<Key, Value>>

        init(_ lru: LRU<Key, Value>) {
            state = Mutex(lru)
        }

        @inlinable
        func locked<Result: Sendable>(_ body: (inout LRU<Key, Value>) -> Result) -> Result {
            state.withLock { body(&$0) }
        }
    }

    @inlinable
    func shard(for hash: UInt64) -> Shard {
        shards[Int(truncatingIfNeeded: (hash &>> 32) &>> shift)]
    }

    /// The hash of a key that is not at hand: feed the hasher what `Key.hash(into:)` would.
    @inlinable
    package static func hash(feeding feed: (inout Hasher) -> Void) -> UInt64 {
        var hasher = Hasher()
        feed(&hasher)
        return UInt64(truncatingIfNeeded: hasher.finalize())
    }
}

// MARK: - One entry, by hash and by sight

extension ShardedCache {
    /// What is held for a key that the caller knows by hash and by sight, say as bytes of a
    /// request.
    ///
    /// `matches` runs under the shard's lock: it must only compare.
    @inlinable
    @inline(__always)
    package func value(
        hash: UInt64,
        at now: MonotonicInstant,
        where matches: (Entry) -> Bool
    ) -> CacheResult<Value> {
        var expired: [Entry] = []
        return shard(for: hash).locked {
            $0.value(hash: hash, at: now, expired: &expired, where: matches)
        }
    }

    /// Puts an entry in, in place of an older one that matches; returns what that drove out.
    @inlinable
    @discardableResult
    package func insert(
        _ entry: Entry,
        hash: UInt64,
        at now: MonotonicInstant,
        replacing matches: (Entry) -> Bool
    ) -> Insertion<Key, Value> {
        shard(for: hash).locked { $0.insert(entry, hash: hash, at: now, replacing: matches) }
    }

    /// Gives a claimed refresh back, so that nobody is asked again before `instant`.
    @inlinable
    package func postponeRefresh(
        hash: UInt64,
        until instant: MonotonicInstant,
        where matches: (Entry) -> Bool
    ) {
        shard(for: hash).locked { $0.postponeRefresh(hash: hash, until: instant, where: matches) }
    }

    /// Pins an answer or makes it ordinary again; false when there is none, or no room to pin it.
    @inlinable
    @discardableResult
    package func setPinned(
        _ pinned: Bool,
        hash: UInt64,
        where matches: (Entry) -> Bool
    ) -> Bool {
        shard(for: hash).locked { $0.setPinned(pinned, hash: hash, where: matches) }
    }
}

// MARK: - One key

extension ShardedCache where Key: Hashable {
    /// The hash of a key as this cache wants it.
    @inlinable
    package static func hash(of key: Key) -> UInt64 {
        hash { $0.combine(key) }
    }

    /// What is held for a key at an instant, and whether this caller is to refresh it.
    @inlinable
    package func value(for key: Key, at now: MonotonicInstant) -> CacheResult<Value> {
        value(hash: Self.hash(of: key), at: now) { $0.key == key }
    }

    /// Puts an entry in, in place of any older one of its key; returns what that drove out.
    @inlinable
    @discardableResult
    package func insert(_ entry: Entry, at now: MonotonicInstant) -> Insertion<Key, Value> {
        insert(entry, hash: Self.hash(of: entry.key), at: now) { $0.key == entry.key }
    }

    /// Takes the value of a key out, whatever its life.
    @inlinable
    @discardableResult
    package func removeValue(for key: Key) -> Value? {
        let hash = Self.hash(of: key)
        return shard(for: hash).locked { $0.removeEntry(hash: hash) { $0.key == key } }?.value
    }

    /// Whether a lookup would find something; neither counted nor a use of the entry.
    @inlinable
    package func contains(_ key: Key, at now: MonotonicInstant) -> Bool {
        let hash = Self.hash(of: key)
        return shard(for: hash).locked { $0.contains(hash: hash, at: now) { $0.key == key } }
    }

    /// Gives a claimed refresh back, so that nobody is asked again before `instant`.
    @inlinable
    package func postponeRefresh(of key: Key, until instant: MonotonicInstant) {
        postponeRefresh(hash: Self.hash(of: key), until: instant) { $0.key == key }
    }
}

// MARK: - All keys

extension ShardedCache {
    /// Forgets everything, pinned entries too, and hands it out; the counters go on.
    @discardableResult
    package func removeAll() -> [Entry] {
        shards.flatMap { shard in shard.locked { $0.removeAll() }.entries }
    }

    /// Changes the bounds at run time and returns what had to go.
    ///
    /// The number of shards stays, so that in a cache made much smaller than it began the share of
    /// a shard, and with it the largest entry taken, may be small.
    @discardableResult
    package func resize(to limits: CacheLimits, at now: MonotonicInstant) -> [Entry] {
        shards.indices.flatMap { index in
            let share = limits.share(index, of: shards.count)
            return shards[index].locked { $0.resize(to: share, at: now) }
        }
    }

    /// The figures of all shards, each as of the moment it was asked.
    package var statistics: CacheStatistics {
        shards.reduce(into: CacheStatistics()) { sum, shard in
            sum += shard.locked { $0.statistics }
        }
    }
}
