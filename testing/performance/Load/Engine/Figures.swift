import Foundation

/// The figures of a run, as `--json` prints them.
///
/// Times are milliseconds, shares 0 to 1.
package struct Figures: Codable, Sendable {
    package struct Latency: Codable, Sendable {
        package let count: UInt64
        /// Of `count`; the others count with their waiting: they timed out or were never sent.
        package let answers: Int
        package let mean, p50, p75, p90, p95, p99, p999, p9999, max: Double
    }

    package let url: String
    package let rate: Double?
    package let connections, threads, batch: Int
    package let seconds: Double
    package let answers, answersInAll, hits, missing: Int
    package let perSecond: Double
    package let bytesPerSecond: Double
    package let latency: Latency
    /// Of 429 and 503 alone.
    package let refusals: Latency
    /// The same from when they were sent.
    package let refusalsFromSending: Latency
    package let routes: [String: Latency]
    /// Pairs of a percentage and the latency that so many do not exceed, for plots.
    package let spectrum: [[Double]]
    package let status: [String: Int]
    package let errors, throttled, unsent: Int
    /// Once more, on a new connection: no errors, unless that one failed too.
    package let resent: Int
    package let connectErrors, brokenErrors, timeouts: Int
    /// Under way when somebody stopped the run; in no other figure.
    package let abandoned: Int
    package let errorShare, throttledShare, unsentShare, hitShare: Double
    package let generatorMicrosPerAnswer: Double
    package let generatorLateP99: Double

    package init(_ result: LoadResult, plan: LoadPlan) {
        let tally = result.tally
        url = "http://\(plan.host):\(plan.port)\(plan.path ?? "")"
        (rate, connections, threads) = (plan.rate, plan.connections, plan.threads)
        (batch, seconds) = (plan.batch, result.seconds)
        (answers, answersInAll) = (tally.answers, tally.answersInAll)
        (hits, missing) = (tally.hits, tally.missing)
        perSecond = result.seconds > 0 ? Double(tally.answers) / result.seconds : 0
        // Bytes are counted in the warm-up too; their rate is that of the measured answers.
        bytesPerSecond = perSecond * Double(tally.bytes) / Double(max(1, tally.answersInAll))
        latency = Self.latency(tally.latency, answers: tally.answers)
        refusals = Self.latency(tally.refusals, answers: tally.throttled)
        refusalsFromSending = Self.latency(tally.refusalsFromSending, answers: tally.throttled)
        routes = Dictionary(
            uniqueKeysWithValues: Route.allCases.compactMap { route in
                let answers = tally.answersByRoute[route.rawValue]
                return tally.byRoute[route.rawValue].map {
                    (route.name, Self.latency($0, answers: answers))
                }
            }
        )
        spectrum = Self.spectrumPercents.map { percent in
            [percent, Self.milliseconds(tally.latency.value(atPercent: percent))]
        }
        status = Dictionary(uniqueKeysWithValues: tally.byStatus.map { ("\($0)", $1) })
        (errors, throttled, unsent) = (tally.errors, tally.throttled, tally.unsent)
        (connectErrors, brokenErrors) = (tally.connectErrors, tally.brokenErrors)
        (timeouts, resent) = (tally.timeouts, tally.resent)
        abandoned = tally.abandoned
        (errorShare, throttledShare) = (tally.errorShare, tally.throttledShare)
        unsentShare = tally.unsentShare
        hitShare = tally.answers > 0 ? Double(tally.hits) / Double(tally.answers) : 0
        generatorMicrosPerAnswer = result.cpuSeconds * 1e6 / Double(max(1, tally.answersInAll))
        generatorLateP99 = Self.milliseconds(tally.lateness.value(atPercent: 99))
    }

    private static let spectrumPercents: [Double] = [
        0, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 92.5, 95, 96, 97, 98, 99, 99.5, 99.9, 99.95,
        99.99, 99.999, 100,
    ]

    private static func milliseconds(_ value: UInt64) -> Double { Double(value) / 1e6 }

    private static func latency(_ histogram: Histogram, answers: Int) -> Latency {
        func at(_ percent: Double) -> Double { milliseconds(histogram.value(atPercent: percent)) }
        return Latency(
            count: histogram.count,
            answers: answers,
            mean: histogram.mean / 1e6,
            p50: at(50),
            p75: at(75),
            p90: at(90),
            p95: at(95),
            p99: at(99),
            p999: at(99.9),
            p9999: at(99.99),
            max: milliseconds(histogram.largest)
        )
    }

    package func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}

/// The table for people.
extension Figures {
    package var table: String {
        var lines = [
            "\(url), \(rate.map { "\(Self.number($0, 0)) requests/s asked for" } ?? "saturation"), "
                + "\(connections) connections, \(threads) threads, batches of \(batch), "
                + "\(Self.number(seconds, 1)) s",
            "",
            "| route | answers | mean ms | p50 | p75 | p90 | p95 | p99 | p99.9 | p99.99 | max |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        ]
        if routes.count > 1 {
            lines += routes.sorted { $0.key < $1.key }.map { Self.row($0.key, $0.value) }
        }
        lines.append(Self.row(routes.count == 1 ? routes.keys.first ?? "all" : "all", latency))
        let statuses = status.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        lines += [
            "",
            "requests/s       \(Self.number(perSecond, 0))",
            "bytes/s          \(Self.number(bytesPerSecond, 0))",
            "by status        \(statuses.joined(separator: ", "))",
            "cache hits       \(Self.number(hitShare * 100, 1)) %",
            "errors           \(errors) (\(Self.number(errorShare * 100, 3)) %): "
                + "\(missing) missing, \(connectErrors) not connected, \(brokenErrors) broken, "
                + "\(timeouts) timed out",
            "429 and 503      \(throttled) (\(Self.number(throttledShare * 100, 3)) %)",
            "generator        \(Self.number(generatorMicrosPerAnswer, 2)) µs of processor time an "
                + "answer, sends late by \(Self.number(generatorLateP99, 3)) ms at the p99",
        ]
        if resent > 0 {
            lines.append(
                "resent           \(resent) requests whose connection closed before an answer began"
            )
        }
        if unsent > 0 {
            lines.append(
                "fell behind      \(unsent) due requests (\(Self.number(unsentShare * 100, 3)) %) "
                    + "found no free connection before the end; their waiting is in the latency"
            )
        }
        if timeouts > 0 {
            lines.append("timed out        the waiting of these requests is in the latency")
        }
        if abandoned > 0 {
            lines.append("stopped          \(abandoned) requests under way are in no figure")
        }
        return lines.joined(separator: "\n")
    }

    private static func row(_ name: String, _ latency: Latency) -> String {
        let times = [
            latency.mean, latency.p50, latency.p75, latency.p90, latency.p95, latency.p99,
            latency.p999, latency.p9999, latency.max,
        ]
        let cells = times.map { number($0, 3) }.joined(separator: " | ")
        return "| \(name) | \(number(Double(latency.answers), 0)) | \(cells) |"
    }

    package static func number(_ value: Double, _ digits: Int) -> String {
        let text = String(format: "%.\(digits)f", value)
        guard let point = text.firstIndex(of: ".") ?? Optional(text.endIndex) else { return text }
        var whole = String(text[..<point])
        var position = whole.index(whole.endIndex, offsetBy: -3, limitedBy: whole.startIndex)
        while let place = position, place > whole.startIndex {
            whole.insert(",", at: place)
            position = whole.index(place, offsetBy: -3, limitedBy: whole.startIndex)
        }
        return whole + text[point...]
    }
}
