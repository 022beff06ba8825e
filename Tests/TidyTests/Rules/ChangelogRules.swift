import Foundation

/// The groups of Keep a Changelog 1.1.0.
private let groups: Set = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]

/// Keep a Changelog: `## [Unreleased]`, then `## [1.2.3] - 2026-11-20` with the newest first,
/// entries as list items under `### Added` and its like.
func checkChangelog(_ file: SourceFile) -> [Violation] {
    var reader = ChangelogReader(file: file)
    for (index, line) in file.lines.enumerated() { reader.read(line, number: index + 1) }
    return reader.finish()
}

private struct ChangelogReader {
    let file: SourceFile
    var violations: [Violation] = []
    var sections = 0
    var lastVersion: [Int]?
    /// The `###` heading that has no entry yet.
    var emptyGroup: (name: String, number: Int)?
    var isInGroup = false

    mutating func read(_ line: String, number: Int) {
        if line.hasPrefix("## ") {
            closeGroup()
            isInGroup = false
            section(String(line.dropFirst(3)), number)
        } else if line.hasPrefix("### ") {
            closeGroup()
            isInGroup = true
            group(String(line.dropFirst(4)), number)
        } else if line.hasPrefix("- ") || line.hasPrefix("* ") {
            emptyGroup = nil
            if sections > 0, !isInGroup {
                refuse("an entry without a group: put it under `### Added`, …", number)
            }
        }
    }

    mutating func finish() -> [Violation] {
        closeGroup()
        if sections == 0 { refuse("no sections: begin with `## [Unreleased]`", 1) }
        return violations
    }

    private mutating func section(_ title: String, _ number: Int) {
        sections += 1
        if sections == 1 {
            if title != "[Unreleased]" { refuse("begin with `## [Unreleased]`", number) }
            return
        }
        guard let version = parseRelease(title) else {
            return refuse("`\(title)`: write `## [1.2.3] - 2026-11-20`", number)
        }
        if let last = lastVersion, !version.lexicographicallyPrecedes(last) {
            refuse("`\(title)` is not older than the release above: newest first", number)
        }
        lastVersion = version
    }

    private mutating func group(_ name: String, _ number: Int) {
        emptyGroup = (name, number)
        if !groups.contains(name) {
            let names = groups.sorted().joined(separator: ", ")
            refuse("`### \(name)`: the groups are \(names)", number)
        }
    }

    private mutating func closeGroup() {
        if let (name, number) = emptyGroup {
            refuse("`### \(name)` has no entry: write one with `- `, or remove it", number)
        }
        emptyGroup = nil
    }

    private mutating func refuse(_ message: String, _ number: Int) {
        violations.append(file.violation(message, line: number))
    }
}

/// The three numbers of `[1.2.3] - 2026-11-20`, or nil where the title is none.
private func parseRelease(_ title: String) -> [Int]? {
    let parts = title.split(separator: " ")
    guard parts.count == 3, parts[1] == "-", parts[0].hasPrefix("["), parts[0].hasSuffix("]")
    else { return nil }
    let version = numbers(parts[0].dropFirst().dropLast(), separator: ".", count: 3)
    guard let date = numbers(parts[2], separator: "-", count: 3), parts[2].utf8.count == 10,
        (1...12).contains(date[1]), (1...31).contains(date[2])
    else { return nil }
    return version
}

private func numbers(_ text: Substring, separator: Character, count: Int) -> [Int]? {
    let values = text.split(separator: separator, omittingEmptySubsequences: false).map { Int($0) }
    let found = values.compactMap { $0 }
    return found.count == count && values.count == count ? found : nil
}
