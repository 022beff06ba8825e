import Foundation
import Testing

@testable import IndexService

/// `docs/metrics.md` has one section for each metric of the table, and says what the table says.
@Suite struct MetricsDocumentTests {
    @Test func everyMetricHasItsSectionAndNoOtherHasOne() throws {
        let headings = try document().split(separator: "\n")
            .filter { $0.hasPrefix("### ") }.map(String.init)
        #expect(headings == MetricDescription.all.map { "### `\($0.name)`" })
    }

    @Test(arguments: MetricDescription.all.indices)
    func aSectionSaysWhatTheTableSays(position: Int) throws {
        let section = section(for: MetricDescription.all[position])
        #expect(
            folded(try document()).contains(folded(section)),
            "docs/metrics.md must have this section:\n\(section)"
        )
    }

    /// The text with every run of white space as one space: where lines break does not count.
    private func folded(_ text: String) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    private func document() throws -> String {
        let root = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return try String(
            contentsOf: root.appendingPathComponent("docs/metrics.md"),
            encoding: .utf8
        )
    }

    private func section(for metric: MetricDescription) -> String {
        var kind = metric.kind.text.prefix(1).uppercased() + metric.kind.text.dropFirst()
        if case .histogram(let buckets) = metric.kind {
            let bounds = buckets.bounds.map(PrometheusText.text).joined(separator: ", ")
            kind += " with the buckets \(bounds)"
        }
        let labels = metric.labels.map { label in
            "- `\(label.name)`: " + label.values.map { "`\($0)`" }.joined(separator: ", ")
        }
        return [
            ["### `\(metric.name)`", "", "\(kind). \(metric.help)"], labels,
            ["", "When it rises: \(metric.whenItRises)"],
        ].joined().joined(separator: "\n")
    }
}
