/// How long nodes took to answer lately: a small decaying histogram that gives quantiles.
///
/// Buckets are quarter octaves from 1 ms to 16 s; when full, all counts are halved, so about the
/// last few hundred answers count and the state never grows.
package struct ReplyTimes: Sendable {
    private var counts = InlineArray<64, UInt16>(repeating: 0)
    private var total = 0

    private static let bucketsPerOctave = 4
    /// The first bucket ends here, in microseconds.
    private static let base = 1_024.0
    /// At this many answers the past is halved.
    private static let window = 512
    /// Below this many answers there is no opinion.
    private static let minimum = 8

    package init() {}

    /// Answers that the quantiles rest on.
    package var count: Int { total }

    package mutating func record(_ time: TimeSpan) {
        counts[Self.bucket(of: time)] += 1
        total += 1
        guard total >= Self.window else { return }
        total = 0
        for index in counts.indices {
            counts[index] /= 2
            total += Int(counts[index])
        }
    }

    /// The time within which a fraction of the answers came; nil until enough are known.
    package func quantile(_ fraction: Double) -> TimeSpan? {
        guard total >= Self.minimum else { return nil }
        let rank = fraction * Double(total)
        var seen = 0.0
        for index in counts.indices where counts[index] > 0 {
            let count = Double(counts[index])
            if seen + count >= rank {
                let lower = index == 0 ? 0 : Self.upperBound(of: index - 1)
                let within = max(0, min(1, (rank - seen) / count))
                let microseconds = lower + (Self.upperBound(of: index) - lower) * within
                return TimeSpan(nanoseconds: Int64(microseconds * 1_000))
            }
            seen += count
        }
        return TimeSpan(nanoseconds: Int64(Self.upperBound(of: counts.count - 1) * 1_000))
    }

    /// The quantile, but no more than three times what the fastest third needs.
    ///
    /// While few answers are known, a handful of slow ones would otherwise set the delays for all.
    package func usualQuantile(_ fraction: Double) -> TimeSpan? {
        guard let time = quantile(fraction), let usual = quantile(0.35) else { return nil }
        return min(time, usual.scaled(by: 3))
    }

    private static func bucket(of time: TimeSpan) -> Int {
        let microseconds = Double(max(0, time.nanoseconds)) / 1_000
        guard microseconds > base else { return 0 }
        // The exponent gives the octave, the significand the quarter.
        let ratio = microseconds / base
        let quarter = Int((ratio.significand - 1) * Double(bucketsPerOctave))
        return min(63, 1 + Int(ratio.exponent) * bucketsPerOctave + quarter)
    }

    /// The end of a bucket in microseconds.
    private static func upperBound(of index: Int) -> Double {
        guard index > 0 else { return base }
        let (octave, quarter) = (index - 1).quotientAndRemainder(dividingBy: bucketsPerOctave)
        let significand = 1 + Double(quarter + 1) / Double(bucketsPerOctave)
        return base * Double(sign: .plus, exponent: octave, significand: 1) * significand
    }
}
