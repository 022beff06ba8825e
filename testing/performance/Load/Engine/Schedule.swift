/// When requests are meant to leave, at a constant rate that no slow answer holds up.
package struct Schedule: Sendable {
    private let start: UInt64
    private let interval: Double
    private let offset: Double
    /// Requests handed out so far.
    package private(set) var taken: UInt64 = 0

    /// Worker `part` of `parts` has every so-manieth request of the common `rate` a second.
    package init(rate: Double, start: UInt64, part: Int = 0, parts: Int = 1) {
        self.start = start
        interval = Double(parts) * 1e9 / rate
        offset = Double(part) * 1e9 / rate
    }

    /// When the next request is meant to leave, in nanoseconds of the clock of `start`.
    package var next: UInt64 { start + UInt64(Double(taken) * interval + offset) }

    /// The intended time of the next request, if it has come.
    package mutating func take(at now: UInt64) -> UInt64? {
        let intended = next
        guard intended <= now else { return nil }
        taken += 1
        return intended
    }
}
