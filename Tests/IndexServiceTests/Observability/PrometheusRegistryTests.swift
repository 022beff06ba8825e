import Randomness
import CoreMetrics
import Testing

@testable import IndexService

@Suite struct PrometheusRegistryTests {
    @Test func histogramBucketsAreCumulativeAndEndInTheCount() throws {
        let registry = makeRegistry()
        let recorder = Recorder(label: "sizes", factory: registry)
        var generator = SeededRandom(seed: 7)
        var values: [Int] = []
        for _ in 0..<500 {
            values.append(Int.random(in: 0...120, using: &generator))
            recorder.record(values.last ?? 0)
        }
        let exposition = try Exposition(registry.exposition())
        for bound in [1, 10, 100] {
            let below = Double(values.filter { $0 <= bound }.count)
            #expect(exposition.value("sizes_bucket", "le=\(bound)") == below, "seed 7")
        }
        #expect(exposition.value("sizes_bucket", "le=+Inf") == 500)
        #expect(exposition.value("sizes_count") == 500)
        #expect(exposition.value("sizes_sum") == Double(values.reduce(0, +)))
    }

    @Test func aValueOnABoundBelongsToItsBucket() throws {
        let registry = makeRegistry()
        let timer = Timer(label: "wait_seconds", factory: registry)
        timer.recordNanoseconds(10_000_000)
        timer.recordNanoseconds(10_000_001)
        let exposition = try Exposition(registry.exposition())
        #expect(exposition.value("wait_seconds_bucket", "le=0.01") == 1)
        #expect(exposition.value("wait_seconds_bucket", "le=0.5") == 2)
        #expect(exposition.value("wait_seconds_sum") == 0.020000001)
    }

    @Test func recordersAndTimersOfOneNameShareTheHistogram() throws {
        let registry = makeRegistry()
        Timer(label: "wait_seconds", factory: registry).recordMilliseconds(300)
        Recorder(label: "wait_seconds", factory: registry).record(0.2)
        Recorder(label: "wait_ms", factory: registry).record(250)
        Timer(label: "wait_ms", factory: registry).recordMilliseconds(250)
        let exposition = try Exposition(registry.exposition())
        #expect(exposition.value("wait_seconds_sum") == 0.5)
        #expect(exposition.value("wait_ms_sum") == 500)
        #expect(exposition.value("wait_ms_bucket", "le=250") == 2)
    }

    @Test func absurdValuesAreClampedAndNeverTrap() throws {
        let registry = makeRegistry()
        let recorder = Recorder(label: "wait_seconds", factory: registry)
        for value in [-1.0, -.infinity, .nan] { recorder.record(value) }
        recorder.record(Int64.min)
        #expect(try Exposition(registry.exposition()).value("wait_seconds_sum") == 0)
        for value in [.infinity, 1e300] { recorder.record(value) }
        recorder.record(Int64.max)
        let exposition = try Exposition(registry.exposition())
        #expect(exposition.value("wait_seconds_count") == 6)
        #expect(exposition.value("wait_seconds_bucket", "le=0.5") == 3)
    }

    @Test func countersTakeWholeNumbersAndFractionsButNeverFall() throws {
        let registry = makeRegistry()
        let counter = Counter(label: "things_total", dimensions: odd, factory: registry)
        counter.increment(by: 5)
        counter.increment(by: -3)
        let fractions = FloatingPointCounter(
            label: "things_total",
            dimensions: odd,
            factory: registry
        )
        fractions.increment(by: 0.25)
        #expect(try Exposition(registry.exposition()).value("things_total", oddText) == 5.25)
        counter.reset()
        #expect(try Exposition(registry.exposition()).value("things_total", oddText) == 0)
    }

    @Test func gaugesGoBothWaysAndNoReadingIsLeftOut() throws {
        let registry = makeRegistry()
        let meter = Meter(label: "level", factory: registry)
        meter.set(10)
        meter.increment(by: 1.5)
        meter.decrement(by: 20)
        #expect(try Exposition(registry.exposition()).value("level") == -8.5)
        Recorder(label: "level", dimensions: [], aggregate: false, factory: registry).record(3)
        #expect(try Exposition(registry.exposition()).value("level") == 3)
        meter.set(Double.nan)
        #expect(try Exposition(registry.exposition()).families.allSatisfy { $0.name != "level" })
    }

    @Test func labelValuesAndHelpAreEscaped() throws {
        let registry = makeRegistry()
        Counter(label: "things_total", dimensions: odd, factory: registry).increment()
        let text = String(decoding: registry.exposition(), as: UTF8.self)
        #expect(text.contains(#"# HELP things_total A \\ and a\nline "quoted"."#))
        #expect(text.contains(#"things_total{kind="a\"b\\c\nd"} 1"#))
        let family = try #require(try Exposition(registry.exposition()).families.first)
        #expect(family.help == "A \\ and a\nline \"quoted\".")
        #expect(family.samples.contains { $0.labels.first?.value == "a\"b\\c\nd" })
    }

    @Test func dimensionsCountInAnyOrder() throws {
        let registry = makeRegistry()
        let dimensions = [("first", "b"), ("second", "y")]
        Counter(label: "pairs_total", dimensions: dimensions, factory: registry).increment()
        Counter(label: "pairs_total", dimensions: dimensions.reversed(), factory: registry)
            .increment()
        let exposition = try Exposition(registry.exposition())
        #expect(exposition.value("pairs_total", "first=b,second=y") == 2)
        #expect(exposition.families.first { $0.name == "pairs_total" }?.samples.count == 1)
    }

    @Test(arguments: [
        ("things_total", [("kind", "unheard of")]), ("things_total", []),
        ("things_total", [("other", "plain")]),
        ("things_total", [("kind", "plain"), ("kind", "plain")]),
        ("level", []), ("sizes", []), ("unknown_total", []),
    ])
    func whatIsNotInTheTableRecordsNothing(name: String, dimensions: [(String, String)]) {
        let registry = makeRegistry()
        let before = registry.exposition()
        Counter(label: name, dimensions: dimensions, factory: registry).increment()
        Timer(label: name, dimensions: dimensions, factory: registry).recordSeconds(1)
        #expect(registry.exposition() == before)
    }

    @Test func collectorsRunBeforeEachExposition() throws {
        let registry = makeRegistry()
        let meter = Meter(label: "level", factory: registry)
        registry.onScrape { meter.increment() }
        _ = registry.exposition()
        #expect(try Exposition(registry.exposition()).value("level") == 2)
    }

    @Test func stripesNeverShareACacheLine() {
        for loop in [0, 1, 7, 100, -1, .min, .max] {
            let stripe = MetricStripe(loop: loop)
            #expect(stripe.offset >= MetricCells.stripeLength)
            #expect(stripe.offset < MetricCells.stripeLength * MetricCells.stripeCount)
            #expect(stripe.offset % MetricCells.stripeLength == 0)
        }
        // 16 unused cells of 8 bytes: two lines of 64 bytes wherever the memory begins.
        #expect(MetricCells.stripeLength - MetricCells.capacity == 16)
    }

    private let odd = [("kind", "a\"b\\c\nd")]
    private let oddText = "kind=a\"b\\c\nd"

    private func makeRegistry() -> PrometheusRegistry {
        PrometheusRegistry([
            MetricDescription(
                "things_total",
                .counter,
                [.init(name: "kind", values: ["plain", "a\"b\\c\nd"])],
                help: "A \\ and a\nline \"quoted\".",
                whenItRises: ""
            ),
            MetricDescription(
                "pairs_total",
                .counter,
                [
                    .init(name: "first", values: ["a", "b"]),
                    .init(name: "second", values: ["x", "y", "z"]),
                ],
                help: "Pairs.",
                whenItRises: ""
            ),
            MetricDescription("level", .gauge, help: "Level.", whenItRises: ""),
            MetricDescription(
                "sizes",
                .histogram(MetricBuckets([1, 10, 100], in: .plain)),
                help: "Sizes.",
                whenItRises: ""
            ),
            MetricDescription(
                "wait_seconds",
                .histogram(MetricBuckets([0.01, 0.5], in: .seconds)),
                help: "Waits.",
                whenItRises: ""
            ),
            MetricDescription(
                "wait_ms",
                .histogram(MetricBuckets([250], in: .milliseconds)),
                help: "Waits.",
                whenItRises: ""
            ),
        ])
    }
}
