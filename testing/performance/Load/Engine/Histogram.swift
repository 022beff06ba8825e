/// Counts of values in log-linear buckets, so that percentiles are within 0.8 % of what was seen.
///
/// Values below 128 have a bucket each; above, every power of two is cut into 128 equal buckets.
/// The memory is fixed (36 KiB). Values of 2^42 and more (73 minutes in nanoseconds) share the
/// last bucket; `largest` still has them exactly.
package struct Histogram: Sendable {
    private static let subBits: UInt64 = 7
    private static let subCount = 1 << subBits
    private static let highestBit: UInt64 = 41
    private static let bucketCount = Int(highestBit - subBits + 2) * subCount

    private var buckets = [UInt64](repeating: 0, count: bucketCount)
    package private(set) var count: UInt64 = 0
    package private(set) var sum: Double = 0
    package private(set) var smallest = UInt64.max
    package private(set) var largest: UInt64 = 0

    package init() {}

    package var mean: Double { count == 0 ? 0 : sum / Double(count) }

    package mutating func record(_ value: UInt64) {
        buckets[Self.bucket(of: value)] += 1
        count += 1
        sum += Double(value)
        smallest = min(smallest, value)
        largest = max(largest, value)
    }

    /// Records many values at once, from `least` to `most`.
    ///
    /// `countUpTo` says how many of them do not exceed a bound; it is asked once a bucket.
    mutating func record(
        from least: UInt64,
        through most: UInt64,
        mean: Double,
        countUpTo: (UInt64) -> UInt64
    ) {
        var seen: UInt64 = 0
        let last = Self.bucket(of: most)
        for bucket in Self.bucket(of: least)...last {
            let counted = countUpTo(bucket == last ? most : Self.upperEnd(of: bucket))
            buckets[bucket] += counted - seen
            seen = counted
        }
        count += seen
        sum += mean * Double(seen)
        smallest = min(smallest, least)
        largest = max(largest, most)
    }

    package mutating func merge(_ other: Histogram) {
        for index in buckets.indices { buckets[index] += other.buckets[index] }
        count += other.count
        sum += other.sum
        smallest = min(smallest, other.smallest)
        largest = max(largest, other.largest)
    }

    /// The value that `percent` of all values do not exceed, 0 for an empty histogram.
    ///
    /// It is the upper end of a bucket, never above the largest value.
    package func value(atPercent percent: Double) -> UInt64 {
        guard count > 0 else { return 0 }
        let share = max(0, min(percent, 100)) / 100
        let wanted = max(1, UInt64((share * Double(count)).rounded(.up)))
        var seen: UInt64 = 0
        for (index, number) in buckets.enumerated() where number > 0 {
            seen += number
            if seen >= wanted { return max(smallest, min(Self.upperEnd(of: index), largest)) }
        }
        return largest
    }

    /// Which bucket a value counts in.
    static func bucket(of value: UInt64) -> Int {
        let value = min(value, (1 << (highestBit + 1)) - 1)
        guard value >= UInt64(subCount) else { return Int(value) }
        let exponent = 63 - UInt64(value.leadingZeroBitCount)
        let shift = exponent - subBits
        return Int(shift + 1) * subCount + Int(value >> shift) - subCount
    }

    /// The largest value that counts in a bucket.
    static func upperEnd(of bucket: Int) -> UInt64 {
        guard bucket >= subCount else { return UInt64(bucket) }
        let shift = UInt64(bucket / subCount - 1)
        let low = UInt64(bucket % subCount + subCount) << shift
        return low + (1 << shift) - 1
    }
}
