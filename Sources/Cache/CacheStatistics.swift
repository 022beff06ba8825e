/// What a cache holds and what it has done since it was made.
@usableFromInline
package struct CacheStatistics: Equatable, Sendable {
    /// Entries of every kind.
    @usableFromInline package var entries = 0
    @usableFromInline package var negativeEntries = 0
    @usableFromInline package var pinnedEntries = 0
    /// The callers' figures plus `LRU.overheadPerEntry` for each entry.
    @usableFromInline package var bytes = 0

    /// Lookups that found a fresh entry, positive or negative.
    @usableFromInline package var hits = 0
    @usableFromInline package var staleHits = 0
    /// Lookups that found nothing, or only an entry past its life.
    @usableFromInline package var misses = 0

    /// Answers that were driven out by newer ones, or by smaller bounds, before their life was
    /// over.
    @usableFromInline package var evictions = 0
    @usableFromInline package var negativeEvictions = 0
    /// Entries that left because their life was over, on touch or when room was needed.
    @usableFromInline package var expirations = 0
    /// Entries larger than a shard's share.
    @usableFromInline package var refusals = 0

    @inlinable
    package init() {}

    static func += (sum: inout Self, other: Self) {
        sum.entries += other.entries
        sum.negativeEntries += other.negativeEntries
        sum.pinnedEntries += other.pinnedEntries
        sum.bytes += other.bytes
        sum.hits += other.hits
        sum.staleHits += other.staleHits
        sum.misses += other.misses
        sum.evictions += other.evictions
        sum.negativeEvictions += other.negativeEvictions
        sum.expirations += other.expirations
        sum.refusals += other.refusals
    }
}
