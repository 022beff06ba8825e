package import Cache
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
