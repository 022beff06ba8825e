package import CoreMetrics
internal import Synchronization

/// The swift-metrics backend that keeps the fixed list of metrics and exposes them as text.
///
/// Every series is laid out when the registry is made, so recording takes no lock and nothing can
/// grow. A metric or a label value that is not in the table gets a handler that does nothing:
/// whatever other libraries record never reaches the exposition.
package final class PrometheusRegistry: MetricsFactory {
    /// The media type of ``exposition()``: Prometheus text format 0.0.4.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    let cells = MetricCells()
    let families: [MetricFamily]
    private let positions: [String: Int]
    private let collectors = Mutex<[@Sendable () -> Void]>([])

    /// Lays out the cells; traps when the table repeats a name or needs more cells than there are.
    package init(_ descriptions: [MetricDescription] = MetricDescription.all) {
        var families: [MetricFamily] = []
        var positions: [String: Int] = [:]
        var next = 0
        for description in descriptions {
            precondition(positions[description.name] == nil, "\(description.name) comes twice")
            positions[description.name] = families.count
            let family = MetricFamily(description, firstCell: next)
            families.append(family)
            next += family.cellCount
        }
        precondition(next <= MetricCells.capacity, "\(next) cells are needed: raise the capacity")
        self.families = families
        self.positions = positions
    }

    /// Adds a reading to take before each exposition, on the thread that asks for it.
    package func onScrape(_ collect: @escaping @Sendable () -> Void) {
        collectors.withLock { $0.append(collect) }
    }

    /// All metrics as text, after the readings registered with ``onScrape(_:)`` were taken.
    package func exposition() -> [UInt8] {
        let collectors = collectors.withLock { $0 }
        for collect in collectors { collect() }
        var text = PrometheusText()
        for family in families { text.append(family, from: cells) }
        return text.bytes
    }

    /// The counter or gauge of this name; traps when the table has none.
    func scalar(_ name: String) -> ScalarSeries {
        guard let family = family(name), family.ticks.isEmpty else {
            preconditionFailure("no counter or gauge \(name) in MetricDescription.all")
        }
        return ScalarSeries(first: family.firstCell)
    }

    /// The histogram of this name; traps when the table has none.
    func histogram(_ name: String) -> HistogramSeries {
        guard let family = family(name), !family.ticks.isEmpty else {
            preconditionFailure("no histogram \(name) in MetricDescription.all")
        }
        return HistogramSeries(first: family.firstCell, ticks: family.ticks)
    }

    private func family(_ name: String) -> MetricFamily? {
        positions[name].map { families[$0] }
    }
}

// What swift-metrics asks of a backend. Handlers are views of the cells: two handlers of one series
// add to the same numbers, and destroying one destroys nothing.
extension PrometheusRegistry {
    package func makeCounter(
        label: String,
        dimensions: [(String, String)]
    ) -> any CounterHandler {
        scalarHandler(label, dimensions, kind: .counter) ?? NOOPMetricsHandler.instance
    }

    package func makeFloatingPointCounter(
        label: String,
        dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        scalarHandler(label, dimensions, kind: .counter) ?? NOOPMetricsHandler.instance
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        scalarHandler(label, dimensions, kind: .gauge) ?? NOOPMetricsHandler.instance
    }

    /// A histogram when `aggregate` is true, else a gauge that shows the last value.
    package func makeRecorder(
        label: String,
        dimensions: [(String, String)],
        aggregate: Bool
    ) -> any RecorderHandler {
        guard aggregate else {
            return scalarHandler(label, dimensions, kind: .gauge) ?? NOOPMetricsHandler.instance
        }
        return histogramHandler(label, dimensions) ?? NOOPMetricsHandler.instance
    }

    /// A histogram of durations; one of plain numbers is no timer and records nothing.
    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        guard let handler = histogramHandler(label, dimensions), handler.unit != .plain else {
            return NOOPMetricsHandler.instance
        }
        return handler
    }

    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}

    private func scalarHandler(
        _ name: String,
        _ dimensions: [(String, String)],
        kind: MetricDescription.Kind
    ) -> ScalarHandler? {
        guard let family = family(name), family.description.kind == kind,
            let series = family.series(for: dimensions)
        else { return nil }
        return ScalarHandler(ScalarSeries(first: family.cell(ofSeries: series)), in: cells)
    }

    private func histogramHandler(
        _ name: String,
        _ dimensions: [(String, String)]
    ) -> HistogramHandler? {
        guard let family = family(name), case .histogram(let buckets) = family.description.kind,
            let series = family.series(for: dimensions)
        else { return nil }
        return HistogramHandler(
            HistogramSeries(first: family.cell(ofSeries: series), ticks: family.ticks),
            unit: buckets.unit,
            in: cells
        )
    }
}
