internal import CoreMetrics

/// The swift-metrics view of one counter or gauge.
final class ScalarHandler: CounterHandler, FloatingPointCounterHandler, MeterHandler,
    RecorderHandler
{
    private let series: ScalarSeries
    private let cells: MetricCells

    init(_ series: ScalarSeries, in cells: MetricCells) {
        self.series = series
        self.cells = cells
    }

    /// Adds to a counter, which cannot fall: negative amounts are ignored.
    func increment(by amount: Int64) {
        guard amount > 0 else { return }
        series.add(amount, on: .shared, in: cells)
    }

    func increment(by amount: Double) {
        guard amount.isFinite else { return }
        series.addFraction(amount, in: cells)
    }

    func decrement(by amount: Double) { increment(by: -amount) }
    func reset() { series.set(0, in: cells) }
    func set(_ value: Int64) { series.set(Double(value), in: cells) }
    func set(_ value: Double) { series.set(value, in: cells) }
    func record(_ value: Int64) { set(value) }
    func record(_ value: Double) { set(value) }
}

/// The swift-metrics view of one histogram.
final class HistogramHandler: RecorderHandler, TimerHandler {
    let unit: MetricBuckets.Unit
    private let series: HistogramSeries
    private let cells: MetricCells

    init(_ series: HistogramSeries, unit: MetricBuckets.Unit, in cells: MetricCells) {
        self.series = series
        self.unit = unit
        self.cells = cells
    }

    /// Counts a value given in the unit in which the histogram is shown.
    func record(_ value: Int64) {
        let (ticks, overflow) = value.multipliedReportingOverflow(by: unit.ticks)
        recordNanoseconds(overflow ? (value < 0 ? 0 : .max) : ticks)
    }

    /// Counts a value given in the unit in which the histogram is shown; NaN is ignored.
    func record(_ value: Double) {
        let ticks = (value * Double(unit.ticks)).rounded()
        guard !ticks.isNaN else { return }
        recordNanoseconds(Int64(exactly: ticks) ?? (ticks < 0 ? 0 : .max))
    }

    func recordNanoseconds(_ duration: Int64) {
        series.record(duration, on: .shared, in: cells)
    }
}
