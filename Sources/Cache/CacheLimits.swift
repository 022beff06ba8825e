/// A number of entries with the bytes that they take: 0 to 2^27, and 0 to 2^60.
///
/// A bound beyond this range is clamped, so that no sum of sizes overflows.
@usableFromInline
package struct CacheSize: Equatable, Sendable {
    @usableFromInline package var entries: Int
    /// Bytes by the callers' figures plus `LRU.overheadPerEntry` for each entry.
    @usableFromInline package var bytes: Int

    @inlinable
    package init(entries: Int, bytes: Int) {
        self.entries = min(max(0, entries), 1 << 27)
        self.bytes = min(max(0, bytes), 1 << 60)
    }

    /// Whether neither figure is above the bound.
    @inlinable
    func fits(in bound: Self) -> Bool {
        entries <= bound.entries && bytes <= bound.bytes
    }

    @inlinable
    static func + (left: Self, right: Self) -> Self {
        var sum = left
        sum.entries += right.entries
        sum.bytes += right.bytes
        return sum
    }

    @inlinable
    static func - (left: Self, right: Self) -> Self {
        var difference = left
        difference.entries -= right.entries
        difference.bytes -= right.bytes
        return difference
    }
}

/// The bounds of a cache: by entries and by bytes, for answers and for negative answers apart.
@usableFromInline
package struct CacheLimits: Equatable, Sendable {
    /// The bound of positive and pinned entries together.
    @usableFromInline package let answers: CacheSize
    /// The bound of negative entries, which is set aside: answers never use it.
    @usableFromInline package let negatives: CacheSize
    /// The bound of pinned entries within `answers`: at most half of them.
    @usableFromInline package let pinned: CacheSize

    /// Separate bounds; `pinned` is cut to half of `answers`.
    package init(answers: CacheSize, negatives: CacheSize, pinned: CacheSize) {
        self.answers = answers
        self.negatives = negatives
        let entries = min(pinned.entries, answers.entries / 2)
        // Bytes set aside for entries that can never come would be lost.
        let bytes = entries == 0 ? 0 : min(pinned.bytes, answers.bytes / 2)
        self.pinned = CacheSize(entries: entries, bytes: bytes)
    }

    /// Bounds of the whole cache, divided.
    ///
    /// Negative entries get `negativePercent` (0 to 50), and one entry at the least when there are
    /// two; pinned entries get up to `pinnedPercent` (0 to 50) of the rest.
    package init(entries: Int, bytes: Int, negativePercent: Int = 10, pinnedPercent: Int = 10) {
        let total = CacheSize(entries: entries, bytes: bytes)
        var negatives = total.percent(negativePercent)
        if negatives.entries == 0, negativePercent > 0, total.entries > 1 { negatives.entries = 1 }
        if negatives.entries == 0 { negatives.bytes = 0 }
        let answers = total - negatives
        self.init(
            answers: answers,
            negatives: negatives,
            pinned: answers.percent(pinnedPercent)
        )
    }

    /// The bounds of shard `index` of `count`: the shares of all shards add up to these bounds.
    func share(_ index: Int, of count: Int) -> CacheLimits {
        CacheLimits(
            answers: answers.share(index, of: count),
            negatives: negatives.share(index, of: count),
            pinned: pinned.share(index, of: count)
        )
    }

    /// The most shards, up to 2^16, that leave none without room for an entry.
    ///
    /// The keys of such a shard would never be cached.
    var largestShardCount: Int {
        let kinds = [answers.entries, negatives.entries].filter { $0 > 0 }
        return min(kinds.min() ?? 1, 1 << 16)
    }

    /// The largest power of two of shards, at most 64, that leaves each a share worth having.
    ///
    /// That is 128 answers, so that an uneven spread matters little, and 4 MiB, so that the largest
    /// body there is takes no more than a quarter of it.
    var sensibleShardCount: Int {
        let fitting = min(64, answers.entries / 128, answers.bytes / (4 << 20))
        return fitting < 2 ? 1 : 1 << (Int.bitWidth - 1 - fitting.leadingZeroBitCount)
    }
}

extension CacheSize {
    fileprivate func percent(_ percent: Int) -> Self {
        let percent = min(max(percent, 0), 50)
        // Dividing first keeps any bound from overflowing; the remainder restores the exact figure.
        return Self(
            entries: entries / 100 * percent + entries % 100 * percent / 100,
            bytes: bytes / 100 * percent + bytes % 100 * percent / 100
        )
    }

    fileprivate func share(_ index: Int, of count: Int) -> Self {
        Self(
            entries: entries / count + (index < entries % count ? 1 : 0),
            bytes: bytes / count + (index < bytes % count ? 1 : 0)
        )
    }
}
