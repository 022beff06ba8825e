/// Measured values, and their quantiles.
package struct Distribution: Sendable {
    private var values: [Double] = []

    package init() {}

    package var count: Int { values.count }

    package mutating func add(_ value: Double) {
        values.append(value)
    }

    /// The sum of values that are counts.
    package var total: Int { Int(values.reduce(0, +)) }

    package var mean: Double {
        values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
    }

    /// The p50, p95 and p99 and the largest value, by the nearest rank.
    package var summary: Summary {
        let sorted = values.sorted()
        func rank(_ fraction: Double) -> Double {
            guard !sorted.isEmpty else { return 0 }
            let index = (sorted.count * Int(fraction * 100) + 99) / 100 - 1
            return sorted[min(max(0, index), sorted.count - 1)]
        }
        return Summary(p50: rank(0.5), p95: rank(0.95), p99: rank(0.99), max: sorted.last ?? 0)
    }

    package struct Summary: Equatable, Sendable {
        package let p50: Double
        package let p95: Double
        package let p99: Double
        package let max: Double

        package var json: String {
            func text(_ value: Double) -> String { "\(Double(Int(value * 100 + 0.5)) / 100)" }
            return """
                {"p50": \(text(p50)), "p95": \(text(p95)), "p99": \(text(p99)), "max": \(text(max))}
                """
        }
    }
}
