/// A rate with a burst, as one instant: the virtual scheduling form of a token bucket.
package struct PacketRate: Sendable {
    private let interval: TimeSpan
    private let tolerance: TimeSpan
    /// When the bucket is full again.
    private var fullAt = DHTInstant.distantPast

    /// At most `perSecond` a second on average, and `burst` at once after a pause.
    package init(perSecond: Int, burst: Int) {
        interval = TimeSpan(nanoseconds: 1_000_000_000 / Int64(max(1, perSecond)))
        tolerance = TimeSpan(nanoseconds: interval.nanoseconds * Int64(max(1, burst) - 1))
    }

    /// When the next packet may leave; not later than `now` when it may leave at once.
    ///
    /// - Parameter leavingHalf: whether half of the burst is to be left to others.
    package func nextFree(at now: DHTInstant, leavingHalf: Bool = false) -> DHTInstant {
        guard fullAt > now else { return now }
        let tolerance = tolerance.nanoseconds / (leavingHalf ? 2 : 1)
        return DHTInstant(nanoseconds: fullAt.nanoseconds - tolerance)
    }

    /// Takes one packet if it may leave at once.
    ///
    /// - Parameter leavingHalf: whether half of the burst is to be left to others.
    package mutating func take(at now: DHTInstant, leavingHalf: Bool = false) -> Bool {
        guard nextFree(at: now, leavingHalf: leavingHalf) <= now else { return false }
        fullAt = max(fullAt, now) + interval
        return true
    }
}

/// A rate per address with a bound on how many addresses are remembered.
package struct AddressRates: Sendable {
    private let interval: TimeSpan
    private let burst: Int
    private let limit: Int
    private var fullAt: [Endpoint: DHTInstant] = [:]
    /// No forgetting before this, so that a flood of addresses cannot make every call a sweep.
    private var nextSweep = DHTInstant.distantPast

    /// At most `perSecond` a second to each address on average, and `burst` at once after a pause.
    package init(perSecond: Int, burst: Int, limit: Int) {
        interval = TimeSpan(nanoseconds: 1_000_000_000 / Int64(max(1, perSecond)))
        self.burst = max(1, burst)
        self.limit = limit
    }

    /// When the next packet may go to an address.
    ///
    /// - Parameter reserve: packets of the burst that it must leave to others.
    package func nextFree(
        for endpoint: Endpoint,
        at now: DHTInstant,
        leaving reserve: Int = 0
    ) -> DHTInstant {
        guard let fullAt = fullAt[endpoint], fullAt > now else { return now }
        let tolerance = interval.nanoseconds * Int64(max(0, burst - 1 - max(0, reserve)))
        return DHTInstant(nanoseconds: fullAt.nanoseconds - tolerance)
    }

    /// Takes one packet if it may pass at once; an address that cannot be remembered passes, and
    /// the overall rate bounds it.
    package mutating func take(_ endpoint: Endpoint, at now: DHTInstant) -> Bool {
        guard nextFree(for: endpoint, at: now) <= now else { return false }
        if fullAt.count >= limit { sweep(at: now) }
        guard fullAt.count < limit || fullAt[endpoint] != nil else { return true }
        fullAt[endpoint] = max(fullAt[endpoint] ?? now, now) + interval
        return true
    }

    /// Addresses remembered now.
    package var count: Int { fullAt.count }

    /// Forgets every address whose bucket is full again.
    private mutating func sweep(at now: DHTInstant) {
        guard now >= nextSweep else { return }
        nextSweep = now + .seconds(1)
        // Which entries go does not depend on the order in which they are visited.
        fullAt = fullAt.filter { $0.value > now }
    }
}
