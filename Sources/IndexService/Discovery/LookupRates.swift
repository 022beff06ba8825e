internal import Cache

/// How many lookups may begin: most of the rate for callers first, and a small part of it that only
/// those get for whom nobody waits.
///
/// Lookups in the background take of the callers' part while more than half of its burst is there,
/// and however much callers ask for, pinned keys and answers about to end are still looked up.
struct LookupRates: Sendable {
    /// One in so many lookups is kept for the background.
    static let share = 20

    private var callers: TokenBucket
    /// Nil where the rate is too small to be shared.
    private var background: TokenBucket?

    /// - Parameter limit: lookups a second, and a burst of as many.
    init(perSecond limit: Int) {
        let kept = limit / Self.share
        callers = TokenBucket(perSecond: limit - kept, burst: limit - kept)
        background = kept > 0 ? TokenBucket(perSecond: kept, burst: kept) : nil
    }

    /// Takes a place; nil when there was one, otherwise when to try again.
    mutating func take(at now: MonotonicInstant, givingWay: Bool) -> MonotonicInstant? {
        if callers.take(at: now, leavingHalf: givingWay) { return nil }
        let next = callers.nextFree(at: now, leavingHalf: givingWay)
        guard givingWay, background != nil else { return next }
        if background?.take(at: now) == true { return nil }
        return background.map { min(next, $0.nextFree(at: now)) } ?? next
    }
}
