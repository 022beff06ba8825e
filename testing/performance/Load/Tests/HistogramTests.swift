import Testing

@testable import LoadEngine

/// A histogram beside the sorted list of the same values.
@Suite struct HistogramTests {
    private func makeValues(count: Int, seed: UInt64) -> [UInt64] {
        var random = Randomness(seed: seed)
        // Spread over all magnitudes up to 2^41, as latencies are.
        return (0..<count).map { _ in random.next() >> UInt64(23 + random.below(40)) }
    }

    private func makeHistogram(_ values: [UInt64]) -> Histogram {
        var histogram = Histogram()
        for value in values { histogram.record(value) }
        return histogram
    }

    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func percentilesAreWithinOnePercentOfTheExactOnes(seed: UInt64) {
        let values = makeValues(count: 1 + Int(seed) * 37, seed: seed)
        let (histogram, sorted) = (makeHistogram(values), values.sorted())
        for percent in [0, 1, 10, 50, 75, 90, 95, 99, 99.9, 99.99, 100] as [Double] {
            let rank = max(1, Int((percent / 100 * Double(sorted.count)).rounded(.up)))
            let exact = sorted[rank - 1]
            let found = histogram.value(atPercent: percent)
            #expect(found >= exact, "a percentile is never told too low")
            #expect(Double(found - exact) <= Double(exact) * 0.01)
        }
    }

    @Test func everyValueIsInABucketThatEndsWithinOnePercentOfIt() {
        var random = Randomness(seed: 9)
        let edges = (0..<42).flatMap { bit in
            [-1, 0, 1].map { UInt64(max(0, (1 << bit) + $0)) }
        }
        let drawn = (0..<20_000).map { _ in random.next() >> UInt64(22 + random.below(42)) }
        for value in edges + drawn {
            let bucket = Histogram.bucket(of: value)
            let end = Histogram.upperEnd(of: bucket)
            #expect(end >= value && Double(end - value) <= Double(value) * 0.01)
            if bucket > 0 { #expect(Histogram.upperEnd(of: bucket - 1) < value) }
        }
    }

    @Test func mergedHistogramsAreThatOfAllValues() {
        let (first, second) = (makeValues(count: 500, seed: 1), makeValues(count: 300, seed: 2))
        var merged = makeHistogram(first)
        merged.merge(makeHistogram(second))
        let whole = makeHistogram(first + second)
        for percent in stride(from: 0.0, through: 100, by: 0.5) {
            #expect(merged.value(atPercent: percent) == whole.value(atPercent: percent))
        }
        #expect(merged.count == 800 && merged.mean == whole.mean)
        #expect(merged.largest == whole.largest && merged.smallest == whole.smallest)
    }

    @Test func hugeValuesAreCountedAndTheLargestStaysExact() {
        let histogram = makeHistogram([1, .max, 1 << 50])
        #expect(histogram.count == 3)
        #expect(histogram.largest == .max)
        #expect(Histogram().value(atPercent: 50) == 0)
    }
}
