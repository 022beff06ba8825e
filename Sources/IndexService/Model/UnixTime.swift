internal import Glibc

/// A wall-clock time in whole seconds since 1970-01-01T00:00:00Z: what goes to disk and into
/// answers.
package struct UnixTime: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let seconds: Int64

    package init(seconds: Int64) {
        self.seconds = seconds
    }

    /// The system's wall clock now.
    package static func now() -> UnixTime {
        UnixTime(seconds: Int64(time(nil)))
    }

    /// `ttl` seconds later; stops at the largest representable time.
    package func advanced(bySeconds ttl: Int) -> UnixTime {
        let (sum, overflow) = seconds.addingReportingOverflow(Int64(ttl))
        return UnixTime(seconds: overflow ? .max : sum)
    }

    /// Seconds from `earlier` to this time; 0 when the clock went backwards.
    package func seconds(since earlier: UnixTime) -> Int64 {
        guard self > earlier else { return 0 }
        let (difference, overflow) = seconds.subtractingReportingOverflow(earlier.seconds)
        return overflow ? .max : difference
    }

    package static func < (left: UnixTime, right: UnixTime) -> Bool {
        left.seconds < right.seconds
    }

    /// RFC 3339 in UTC, such as `2026-11-20T10:00:00Z`.
    package var description: String {
        let (days, second) = seconds.quotientAndRemainderFloor(dividingBy: 86_400)
        let (year, month, day) = Self.civilDate(daysSinceEpoch: days)
        func two(_ number: Int64) -> String { (number < 10 ? "0" : "") + String(number) }
        return "\(year)-\(two(month))-\(two(day))T"
            + "\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))Z"
    }

    /// The proleptic Gregorian date of a day number, by Howard Hinnant's `civil_from_days`.
    private static func civilDate(
        daysSinceEpoch: Int64
    ) -> (year: Int64, month: Int64, day: Int64) {
        // Far outside the years that any record has, and safe from overflow.
        let shifted = min(max(daysSinceEpoch, -700_000), 3_000_000) + 719_468
        let (era, dayOfEra) = shifted.quotientAndRemainderFloor(dividingBy: 146_097)
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}

extension Int64 {
    fileprivate func quotientAndRemainderFloor(
        dividingBy divisor: Int64
    ) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
