/// When requests are meant to leave, at a constant rate that no slow answer holds up.
///
/// The requests of a batch are meant to leave together, and the next batch so much later.
package struct Schedule: Sendable {
    private let start: UInt64
    private let batch: UInt64
    /// Nanoseconds from one batch to the next: of all workers, and of this one.
    private let step, interval: Double
    private let offset: Double
    /// Requests handed out so far.
    package private(set) var taken: UInt64 = 0

    /// Worker `part` of `parts` has every so-manieth batch of the common `rate` a second.
    package init(rate: Double, batch: Int = 1, start: UInt64, part: Int = 0, parts: Int = 1) {
        (self.start, self.batch) = (start, UInt64(batch))
        step = Double(batch) * 1e9 / rate
        interval = Double(parts) * step
        offset = Double(part) * step
    }

    /// When the next request is meant to leave, in nanoseconds of the clock of `start`.
    package var next: UInt64 { intended(of: taken) }

    /// The time that the requests handed out so far make a load for: the last one's and a step.
    package var covered: UInt64 {
        taken == 0 ? start : intended(of: taken - 1) + UInt64(step)
    }

    /// When a request is meant to leave, by its number from 0 on.
    package func intended(of request: UInt64) -> UInt64 {
        start + UInt64(Double(request / batch) * interval + offset)
    }

    /// How many requests, the first of all included, are meant to leave by a time.
    func due(by time: UInt64) -> UInt64 {
        guard time >= start else { return 0 }
        // A guess, which rounding may have put one off.
        var batches = UInt64(max(0, (Double(time - start) - offset) / interval))
        while intended(of: batches * batch) <= time { batches += 1 }
        while batches > 0, intended(of: (batches - 1) * batch) > time { batches -= 1 }
        return batches * batch
    }

    /// Hands out all that was due by `last`, `most` of them at most, and returns the numbers of
    /// those from the time `first` on.
    mutating func takeAll(from first: UInt64, through last: UInt64, most: Int) -> Range<UInt64> {
        let end = min(max(taken, due(by: last)), taken + UInt64(most))
        let begin = first == 0 ? taken : max(taken, due(by: first - 1))
        taken = end
        return min(begin, end)..<end
    }

    /// The intended time of the next request, if it has come.
    package mutating func take(at now: UInt64) -> UInt64? {
        let intended = next
        guard intended <= now else { return nil }
        taken += 1
        return intended
    }
}
