import Testing

/// One broken rule: where, and what to write instead.
struct Violation: CustomStringConvertible, Equatable {
    let path: String
    /// Counted from 1; nil where the whole file is meant.
    let line: Int?
    let message: String

    var description: String {
        line.map { "\(path):\($0): \(message)" } ?? "\(path): \(message)"
    }
}

/// Records every violation as an issue of its own, the first forty of them.
func expectNone(_ violations: [Violation], sourceLocation: SourceLocation = #_sourceLocation) {
    for violation in violations.prefix(40) {
        Issue.record("\(violation)", sourceLocation: sourceLocation)
    }
    if violations.count > 40 {
        Issue.record("and \(violations.count - 40) more", sourceLocation: sourceLocation)
    }
}

/// What a rule finds outside its exemptions, and the exemptions that are of no use.
func unexcused(
    in files: [SourceFile],
    allowing exemptions: [Exemption],
    by rule: (SourceFile) -> [Violation]
) -> [Violation] {
    var useless = Dictionary(exemptions.map { ($0.path, $0.reason) }, uniquingKeysWith: { $1 })
    let excused = useless
    var violations: [Violation] = []
    for file in files {
        let found = rule(file)
        guard let reason = excused[file.path] else {
            violations += found
            continue
        }
        if !found.isEmpty && !reason.isEmpty { useless[file.path] = nil }
    }
    let complaint = "this exemption has no reason or is not needed any more: remove it"
    return violations
        + useless.keys.sorted().map { Violation(path: $0, line: nil, message: complaint) }
}
