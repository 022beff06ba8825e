/// Where the numbers of one metric lie: a row of cells for each combination of its label values.
struct MetricFamily: Sendable {
    let description: MetricDescription
    let firstCell: Int
    /// Bounds of the buckets in recorded ticks; empty for counters and gauges.
    let ticks: [Int64]

    init(_ description: MetricDescription, firstCell: Int) {
        self.description = description
        self.firstCell = firstCell
        if case .histogram(let buckets) = description.kind {
            ticks = buckets.ticks
        } else {
            ticks = []
        }
    }

    /// Cells of one series: a histogram's buckets with `+Inf` and the sum, else two numbers.
    var stride: Int {
        if case .histogram = description.kind { ticks.count + 2 } else { 2 }
    }

    /// The number of combinations of label values.
    var seriesCount: Int {
        description.labels.reduce(1) { $0 * $1.values.count }
    }

    var cellCount: Int { seriesCount * stride }

    func cell(ofSeries series: Int) -> Int {
        firstCell + series * stride
    }

    /// The series for these dimensions in any order, or nil unless exactly our labels are given.
    func series(for dimensions: [(String, String)]) -> Int? {
        guard dimensions.count == description.labels.count else { return nil }
        var series = 0
        for label in description.labels {
            guard
                let (_, value) = dimensions.first(where: { $0.0 == label.name }),
                let position = label.values.firstIndex(of: value)
            else { return nil }
            series = series * label.values.count + position
        }
        return series
    }

    /// The label values of a series, in the order of the labels.
    func labelValues(ofSeries series: Int) -> [String] {
        var rest = series
        var values: [String] = []
        for label in description.labels.reversed() {
            values.append(label.values[rest % label.values.count])
            rest /= label.values.count
        }
        return values.reversed()
    }
}

/// A counter or a gauge: a floating-point number that is set, and a striped count added to it.
struct ScalarSeries: Sendable {
    let first: Int

    @inline(__always)
    func add(_ amount: Int64, series: Int = 0, on stripe: MetricStripe, in cells: MetricCells) {
        cells.add(amount, at: first &+ series &* 2 &+ 1, on: stripe)
    }

    func addFraction(_ amount: Double, series: Int = 0, in cells: MetricCells) {
        cells.addDouble(amount, at: first + series * 2)
    }

    /// Replaces the value; what is added at the same moment may be lost.
    func set(_ value: Double, series: Int = 0, in cells: MetricCells) {
        cells.clear(at: first + series * 2 + 1)
        cells.setDouble(value, at: first + series * 2)
    }

    /// The value; NaN when it was set to that, which means that there is no reading.
    func value(series: Int = 0, in cells: MetricCells) -> Double {
        cells.double(at: first + series * 2) + Double(cells.sum(at: first + series * 2 + 1))
    }
}

/// A histogram: a striped count for each bucket, not cumulative, then the striped sum of all ticks.
struct HistogramSeries: Sendable {
    let first: Int
    let ticks: [Int64]

    /// Counts a value given in recorded ticks; negative ones count as 0.
    @inline(__always)
    func record(_ value: Int64, series: Int = 0, on stripe: MetricStripe, in cells: MetricCells) {
        let value = max(0, value)
        let row = first &+ series &* (ticks.count &+ 2)
        var bucket = 0
        while bucket < ticks.count, ticks[bucket] < value { bucket &+= 1 }
        cells.add(1, at: row &+ bucket, on: stripe)
        cells.add(value, at: row &+ ticks.count &+ 1, on: stripe)
    }

    /// The cumulative counts, the last one being the count of all, and the sum in ticks.
    func read(series: Int, in cells: MetricCells) -> (cumulative: [Int64], sum: Int64) {
        let row = first + series * (ticks.count + 2)
        var total: Int64 = 0
        let cumulative = (0...ticks.count).map { bucket in
            total &+= cells.sum(at: row + bucket)
            return total
        }
        return (cumulative, cells.sum(at: row + ticks.count + 1))
    }
}
