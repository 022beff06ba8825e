package import Cache
internal import Foundation
internal import NIOCore

extension MonotonicInstant {
    /// The system's monotonic clock: it never goes back, whatever happens to the wall clock.
    package static func now() -> MonotonicInstant {
        MonotonicInstant(nanoseconds: NIODeadline.now().uptimeNanoseconds)
    }

    /// Later than anything: no deadline.
    package static let distantFuture = MonotonicInstant(nanoseconds: .max)

    /// Whole seconds from `earlier` to this instant; 0 when it is not later.
    package func seconds(since earlier: MonotonicInstant) -> Int {
        Int(clamping: nanoseconds(since: earlier) / 1_000_000_000)
    }

    /// Nanoseconds from `earlier` to this instant; 0 when it is not later.
    package func nanoseconds(since earlier: MonotonicInstant) -> UInt64 {
        nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
    }

    /// The instant so many seconds later.
    package func advanced(bySeconds seconds: Int) -> MonotonicInstant {
        advanced(by: UInt64(clamping: seconds) &* 1_000_000_000)
    }
}

/// Both clocks at one moment: RAM counts by the monotonic one, disk by the wall clock.
struct ClockReading: Sendable {
    let instant: MonotonicInstant
    /// Milliseconds since 1970.
    let wallClock: Int64

    static func now() -> ClockReading {
        ClockReading(
            instant: .now(),
            wallClock: Int64(Date.now.timeIntervalSince1970 * 1000)
        )
    }

    /// An instant as the disk has it; what cannot be represented is clamped.
    func wallClock(of other: MonotonicInstant) -> Int64 {
        let isLater = other >= instant
        let distance =
            isLater ? other.nanoseconds(since: instant) : instant.nanoseconds(since: other)
        let milliseconds = Int64(clamping: distance / 1_000_000)
        let (time, overflow) =
            isLater
            ? wallClock.addingReportingOverflow(milliseconds)
            : wallClock.subtractingReportingOverflow(milliseconds)
        return overflow ? (isLater ? .max : .min) : time
    }

    /// A time of the disk as an instant; what cannot be represented is clamped.
    func instant(of time: Int64) -> MonotonicInstant {
        let isLater = time >= wallClock
        let (difference, isFar) = time.subtractingReportingOverflow(wallClock)
        let (distance, overflow) = difference.magnitude.multipliedReportingOverflow(by: 1_000_000)
        let isBeyond = isFar || overflow
        if isLater { return isBeyond ? .distantFuture : instant.advanced(by: distance) }
        let nanoseconds = instant.nanoseconds
        return MonotonicInstant(
            nanoseconds: isBeyond || distance > nanoseconds ? 0 : nanoseconds - distance
        )
    }
}
