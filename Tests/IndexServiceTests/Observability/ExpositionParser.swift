/// A strict reader of the Prometheus text format 0.0.4, for the tests.
///
/// Stricter than Prometheus: HELP and TYPE must precede the samples of their metric, a metric's
/// samples stand together, no series comes twice, no spaces but single ones, no timestamps.
struct Exposition {
    struct Sample {
        var name: String
        var labels: [(name: String, value: String)]
        var value: Double

        var labelText: String {
            labels.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
        }
    }

    struct Family {
        var name: String
        var help: String
        var type: String
        var samples: [Sample] = []
    }

    struct SyntaxError: Error, CustomStringConvertible {
        var line: Int
        var reason: String
        var description: String { "line \(line): \(reason)" }
    }

    private(set) var families: [Family] = []

    init(_ bytes: [UInt8]) throws {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw SyntaxError(line: 0, reason: "not UTF-8")
        }
        guard text.isEmpty || text.hasSuffix("\n") else {
            throw SyntaxError(line: 0, reason: "the last line does not end")
        }
        var series: Set<String> = []
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .dropLast().enumerated()
        {
            func fail(_ reason: String) -> SyntaxError {
                SyntaxError(line: number + 1, reason: "\(reason): \(line)")
            }
            if line.hasPrefix("# HELP ") {
                let parts = line.dropFirst(7).split(separator: " ", maxSplits: 1)
                guard parts.count == 2, Self.isName(parts[0]) else { throw fail("bad HELP") }
                guard !families.contains(where: { $0.name == parts[0] }) else {
                    throw fail("comes twice")
                }
                let help = try Self.unescaped(parts[1], quote: false).orThrow(fail("bad escape"))
                families.append(Family(name: String(parts[0]), help: help, type: ""))
            } else if line.hasPrefix("# TYPE ") {
                let parts = line.dropFirst(7).split(separator: " ")
                guard parts.count == 2, let last = families.indices.last,
                    families[last].name == parts[0], families[last].type.isEmpty,
                    ["counter", "gauge", "histogram"].contains(parts[1])
                else { throw fail("bad TYPE") }
                families[last].type = String(parts[1])
            } else {
                let sample = try Self.sample(line).orThrow(fail("bad sample"))
                guard let last = families.indices.last, families[last].owns(sample) else {
                    throw fail("no TYPE for it")
                }
                guard series.insert(sample.name + sample.labelText).inserted else {
                    throw fail("series comes twice")
                }
                families[last].samples.append(sample)
            }
        }
    }

    /// The value of a series, its labels given as `name=value,name=value`.
    func value(_ name: String, _ labels: String = "") -> Double? {
        families.lazy.flatMap(\.samples)
            .first { $0.name == name && $0.labelText == labels }?.value
    }

    private static func sample(_ line: Substring) -> Sample? {
        var rest = line
        let name = rest.prefix { $0 != "{" && $0 != " " }
        rest = rest.dropFirst(name.count)
        guard isName(name), let labels = labels(&rest), rest.first == " ",
            let value = number(rest.dropFirst())
        else { return nil }
        return Sample(name: String(name), labels: labels, value: value)
    }

    private static func labels(_ rest: inout Substring) -> [(name: String, value: String)]? {
        guard rest.first == "{" else { return [] }
        rest = rest.dropFirst()
        var labels: [(name: String, value: String)] = []
        while true {
            let name = rest.prefix { $0 != "=" }
            rest = rest.dropFirst(name.count)
            guard isName(name), !name.contains(":"), rest.hasPrefix("=\"") else { return nil }
            rest = rest.dropFirst(2)
            var raw = ""
            while let next = rest.first, next != "\"" {
                raw.append(next)
                rest = rest.dropFirst()
                if next == "\\", let escaped = rest.first {
                    raw.append(escaped)
                    rest = rest.dropFirst()
                }
            }
            guard let value = unescaped(raw[...], quote: true),
                !labels.contains(where: { $0.name == name })
            else { return nil }
            labels.append((String(name), value))
            if rest.hasPrefix("\"}") {
                rest = rest.dropFirst(2)
                return labels
            }
            guard rest.hasPrefix("\",") else { return nil }
            rest = rest.dropFirst(2)
        }
    }

    private static func number(_ text: Substring) -> Double? {
        switch text {
        case "NaN": .nan
        case "+Inf": .infinity
        case "-Inf": -.infinity
        default: text.allSatisfy { "0123456789.e+-".contains($0) } ? Double(text) : nil
        }
    }

    private static func unescaped(_ text: Substring, quote: Bool) -> String? {
        var result = ""
        var rest = text
        while let next = rest.popFirst() {
            guard next == "\\" else {
                result.append(next)
                continue
            }
            switch rest.popFirst() {
            case "\\": result.append("\\")
            case "n": result.append("\n")
            case "\"" where quote: result.append("\"")
            default: return nil
            }
        }
        return result
    }

    private static func isName(_ text: Substring) -> Bool {
        guard let first = text.first, !first.isNumber else { return false }
        return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_:".contains($0)) }
    }
}

extension Exposition.Family {
    func owns(_ sample: Exposition.Sample) -> Bool {
        if type == "histogram" {
            return ["_bucket", "_sum", "_count"].contains { sample.name == name + $0 }
        }
        return !type.isEmpty && sample.name == name
    }
}

extension Optional {
    fileprivate func orThrow(_ error: some Error) throws -> Wrapped {
        guard let self else { throw error }
        return self
    }
}
