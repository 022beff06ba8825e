package import Cache
internal import DHTCore

/// A rate with a burst: so many a second on average, and so many at once after a pause.
///
/// It lends the arithmetic of the DHT's packet rate to the service's clock.
package struct TokenBucket: Sendable {
    private var rate: PacketRate

    /// At most `perSecond` a second on average and `burst` at once; both are taken to be 1 to
    /// 1,000,000.
    package init(perSecond: Int, burst: Int) {
        let range = 1...1_000_000
        rate = PacketRate(
            perSecond: perSecond.clamped(to: range),
            burst: burst.clamped(to: range)
        )
    }

    /// Takes a token if there is one.
    ///
    /// - Parameter leavingHalf: whether half of the burst is left to those who do not say so.
    package mutating func take(at now: MonotonicInstant, leavingHalf: Bool = false) -> Bool {
        rate.take(at: DHTInstant(now), leavingHalf: leavingHalf)
    }

    /// When the next token may be taken; not later than `now` when there is one already.
    package func nextFree(
        at now: MonotonicInstant,
        leavingHalf: Bool = false
    ) -> MonotonicInstant {
        let next = rate.nextFree(at: DHTInstant(now), leavingHalf: leavingHalf).nanoseconds
        return MonotonicInstant(nanoseconds: UInt64(clamping: next))
    }
}

extension DHTInstant {
    fileprivate init(_ instant: MonotonicInstant) {
        self.init(nanoseconds: Int64(clamping: instant.nanoseconds))
    }
}

extension Int {
    fileprivate func clamped(to range: ClosedRange<Int>) -> Int {
        Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
    }
}
