/// A point on the monotonic clock, in nanoseconds since an origin that only the caller knows.
///
/// The cache never reads a clock: every operation that depends on time is told what time it is.
@usableFromInline
package struct MonotonicInstant: Comparable, Hashable, Sendable {
    @usableFromInline package var nanoseconds: UInt64

    @inlinable
    package init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// The instant `nanoseconds` later, or the last instant there is when that lies beyond it.
    @inlinable
    package func advanced(by nanoseconds: UInt64) -> Self {
        let (sum, overflow) = self.nanoseconds.addingReportingOverflow(nanoseconds)
        return Self(nanoseconds: overflow ? .max : sum)
    }

    @inlinable
    package static func < (left: Self, right: Self) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}

/// How long an answer may be given out, and from when on somebody should fetch a newer one.
@usableFromInline
package struct Life: Equatable, Sendable {
    /// From here on one caller is asked to refresh the entry; it may still be fresh then
    /// (prefetch).
    @usableFromInline package var refreshFrom: MonotonicInstant
    /// Before this instant the entry is fresh.
    @usableFromInline package var freshUntil: MonotonicInstant
    /// Before this instant the entry may still be given out, marked stale; from it on it is gone.
    @usableFromInline package var staleUntil: MonotonicInstant

    /// A life in absolute instants; `staleUntil` is never before `freshUntil`.
    @inlinable
    package init(
        refreshFrom: MonotonicInstant,
        freshUntil: MonotonicInstant,
        staleUntil: MonotonicInstant
    ) {
        self.refreshFrom = refreshFrom
        self.freshUntil = freshUntil
        self.staleUntil = max(freshUntil, staleUntil)
    }

    /// A life that begins now, in nanoseconds: fresh, then stale, with a prefetch in the last tenth
    /// of the fresh part.
    package init(startingAt start: MonotonicInstant, fresh: UInt64, stale: UInt64) {
        let freshUntil = start.advanced(by: fresh)
        self.init(
            refreshFrom: start.advanced(by: fresh - fresh / 10),
            freshUntil: freshUntil,
            staleUntil: freshUntil.advanced(by: stale)
        )
    }
}
