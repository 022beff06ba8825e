/// Writes metrics in the Prometheus text exposition format 0.0.4.
///
/// Source: prometheus.io/docs/instrumenting/exposition_formats.
struct PrometheusText {
    private(set) var bytes: [UInt8] = []

    /// Adds one metric with all its series that have something to show.
    ///
    /// Left out are gauges without a reading (NaN) and, for metrics with many combinations of
    /// labels, those that never occurred: most pairs of route and method do not exist.
    mutating func append(_ family: MetricFamily, from cells: MetricCells) {
        let start = bytes.count
        appendHeader(family.description)
        let body = bytes.count
        for series in 0..<family.seriesCount {
            if case .histogram(let buckets) = family.description.kind {
                appendHistogram(family, series, buckets, cells)
            } else {
                appendScalar(family, series, cells)
            }
        }
        if bytes.count == body { bytes.removeSubrange(start...) }
    }

    private mutating func appendHeader(_ description: MetricDescription) {
        append("# HELP \(description.name) \(Self.escaped(description.help, quote: false))\n")
        append("# TYPE \(description.name) \(description.kind.text)\n")
    }

    private mutating func appendScalar(
        _ family: MetricFamily,
        _ series: Int,
        _ cells: MetricCells
    ) {
        let value = ScalarSeries(first: family.firstCell).value(series: series, in: cells)
        let isIdle = value == 0 && family.description.kind == .counter
        if value.isNaN || (isIdle && isSparse(family)) { return }
        append(family.description.name)
        append(Self.braces(Self.labels(family, series)))
        append(" \(Self.text(value))\n")
    }

    private mutating func appendHistogram(
        _ family: MetricFamily,
        _ series: Int,
        _ buckets: MetricBuckets,
        _ cells: MetricCells
    ) {
        let histogram = HistogramSeries(first: family.firstCell, ticks: family.ticks)
        let (cumulative, sum) = histogram.read(series: series, in: cells)
        let count = cumulative.last ?? 0
        if count == 0 && isSparse(family) { return }
        let name = family.description.name
        let labels = Self.labels(family, series)
        let head = "\(name)_bucket{\(labels)\(labels.isEmpty ? "" : ",")le=\""
        for (position, total) in cumulative.enumerated() {
            append(head)
            append(position < buckets.bounds.count ? Self.text(buckets.bounds[position]) : "+Inf")
            append("\"} \(total)\n")
        }
        let total = Self.text(Double(sum) / Double(buckets.unit.ticks))
        append("\(name)_sum\(Self.braces(labels)) \(total)\n")
        append("\(name)_count\(Self.braces(labels)) \(count)\n")
    }

    private func isSparse(_ family: MetricFamily) -> Bool {
        family.description.labels.count > 1 && family.seriesCount > 4
    }

    /// The labels of a series without the braces around them.
    private static func labels(_ family: MetricFamily, _ series: Int) -> String {
        zip(family.description.labels, family.labelValues(ofSeries: series))
            .map { label, value in "\(label.name)=\"\(escaped(value, quote: true))\"" }
            .joined(separator: ",")
    }

    private static func braces(_ labels: String) -> String {
        labels.isEmpty ? "" : "{\(labels)}"
    }

    /// The text with backslash and line feed and, for a label value, the double quote escaped.
    private static func escaped(_ text: String, quote: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quote: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private mutating func append(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }

    /// A number as the format wants it: whole ones without a fraction, infinity with its sign.
    static func text(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
        return value.description
    }
}
