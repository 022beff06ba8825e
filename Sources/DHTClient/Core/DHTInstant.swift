/// A point in time as the core sees it, counted from an origin that the driver chooses.
///
/// The core reads no clock: every input carries the time at which it happened.
package struct DHTInstant: Hashable, Sendable {
    /// Nanoseconds since the driver's origin.
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// Later than everything: "no deadline".
    package static let distantFuture = DHTInstant(nanoseconds: .max)
    /// Earlier than everything: "never".
    package static let distantPast = DHTInstant(nanoseconds: .min)

    /// How much time passed since an earlier instant; negative when `earlier` is later.
    package func since(_ earlier: DHTInstant) -> TimeSpan {
        let (difference, overflow) = nanoseconds.subtractingReportingOverflow(earlier.nanoseconds)
        guard overflow else { return TimeSpan(nanoseconds: difference) }
        return TimeSpan(nanoseconds: nanoseconds < earlier.nanoseconds ? .min : .max)
    }

    /// Adds a span and stops at the ends of the range instead of trapping.
    package static func + (instant: DHTInstant, span: TimeSpan) -> DHTInstant {
        let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(span.nanoseconds)
        guard overflow else { return DHTInstant(nanoseconds: sum) }
        return span.nanoseconds < 0 ? .distantPast : .distantFuture
    }
}

extension DHTInstant: Comparable {
    package static func < (left: DHTInstant, right: DHTInstant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}

/// A length of time in whole nanoseconds; eight bytes where `Duration` takes sixteen.
package struct TimeSpan: Hashable, Sendable {
    /// Nanoseconds; negative spans point to the past.
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    package static let zero = TimeSpan(nanoseconds: 0)

    package static func microseconds(_ count: Int) -> TimeSpan {
        TimeSpan(nanoseconds: Int64(count) * 1_000)
    }

    package static func milliseconds(_ count: Int) -> TimeSpan {
        TimeSpan(nanoseconds: Int64(count) * 1_000_000)
    }

    package static func seconds(_ count: Int) -> TimeSpan {
        TimeSpan(nanoseconds: Int64(count) * 1_000_000_000)
    }

    package static func minutes(_ count: Int) -> TimeSpan {
        .seconds(count * 60)
    }

    /// The span in milliseconds, for reports and metrics.
    package var milliseconds: Double {
        Double(nanoseconds) / 1_000_000
    }

    /// The span scaled by a factor, for jitter and for multiples of a round trip.
    package func scaled(by factor: Double) -> TimeSpan {
        let product = Double(nanoseconds) * factor
        guard product.magnitude < 9e18 else {
            return TimeSpan(nanoseconds: product < 0 ? .min : .max)
        }
        return TimeSpan(nanoseconds: Int64(product))
    }
}

extension TimeSpan: Comparable {
    package static func < (left: TimeSpan, right: TimeSpan) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}
