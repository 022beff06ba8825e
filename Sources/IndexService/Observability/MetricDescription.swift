/// One metric of the fixed list: its name, what it may carry, and what to do when it rises.
///
/// The table of all of them (``MetricDescription/all``) drives the exposition, the bounds on label
/// values, and the test of `docs/metrics.md`.
package struct MetricDescription: Sendable {
    /// What is counted, and how it is shown.
    package enum Kind: Sendable, Equatable {
        /// Only goes up, until the process restarts.
        case counter
        /// Goes up and down.
        case gauge
        /// A distribution over fixed buckets.
        case histogram(MetricBuckets)

        /// The word of the exposition's TYPE line.
        package var text: String {
            switch self {
            case .counter: "counter"
            case .gauge: "gauge"
            case .histogram: "histogram"
            }
        }
    }

    /// A label and every value that it may ever have.
    package struct Label: Sendable, Equatable {
        package let name: String
        package let values: [String]

        package init(name: String, values: [String]) {
            self.name = name
            self.values = values
        }

        /// A label whose values are the cases of an enum, in their order.
        package init<Value: MetricLabelValue>(_ name: String, _: Value.Type) {
            self.init(name: name, values: Value.allCases.map(\.text))
        }
    }

    package let name: String
    package let kind: Kind
    /// In the order of the exposition; the last one varies fastest.
    package let labels: [Label]
    /// One sentence for the HELP line.
    package let help: String
    /// What the operator should do, for `docs/metrics.md`.
    package let whenItRises: String

    package init(
        _ name: String,
        _ kind: Kind,
        _ labels: [Label] = [],
        help: String,
        whenItRises: String
    ) {
        self.name = name
        self.kind = kind
        self.labels = labels
        self.help = help
        self.whenItRises = whenItRises
    }
}

/// The upper bounds of a histogram's buckets, in the unit in which they are shown.
package struct MetricBuckets: Sendable, Equatable {
    /// What is recorded, and what it is divided by when it is shown.
    package enum Unit: Sendable, Equatable {
        /// Durations, recorded in nanoseconds and shown in seconds.
        case seconds
        /// Durations, recorded in nanoseconds and shown in milliseconds.
        case milliseconds
        /// Whole numbers, shown as they are.
        case plain

        /// Recorded ticks in one shown unit.
        var ticks: Int64 {
            switch self {
            case .seconds: 1_000_000_000
            case .milliseconds: 1_000_000
            case .plain: 1
            }
        }
    }

    /// Ascending and positive; the bucket `+Inf` is implied.
    package let bounds: [Double]
    package let unit: Unit

    package init(_ bounds: [Double], in unit: Unit) {
        self.bounds = bounds
        self.unit = unit
    }

    /// The bounds in the unit of what is recorded.
    var ticks: [Int64] {
        bounds.map { Int64(($0 * Double(unit.ticks)).rounded()) }
    }
}

/// An enum whose cases are the values of a metric's label, counted from zero.
package protocol MetricLabelValue: CaseIterable, Hashable, Sendable, RawRepresentable<Int> {
    /// The value as it stands in the exposition.
    var text: String { get }
}
