import Foundation

/// A line of Markdown outside fenced code.
private struct ProseLine {
    let number: Int
    let text: String
}

func checkHeading(_ file: SourceFile) -> [Violation] {
    // Templates of issues and pull requests have their title elsewhere.
    guard file.isMarkdown, !file.path.hasPrefix(".github/") else { return [] }
    let headings = splitMarkdown(file).prose.filter { $0.text.hasPrefix("# ") }
    if headings.isEmpty {
        return [file.violation("no title: begin with one line `# Title`", line: 1)]
    }
    return headings.dropFirst().map {
        file.violation("a second title: write `## …`, one `# ` a file", line: $0.number)
    }
}

/// Relative links lead to a file or folder of the repository.
func checkLinks(_ file: SourceFile, paths: Set<String>) -> [Violation] {
    guard file.isMarkdown else { return [] }
    return splitMarkdown(file).prose.flatMap { line in
        findLinks(in: withoutCodeSpans(line.text)).compactMap { target in
            guard let path = resolve(target, from: file.path), !paths.contains(path) else {
                return nil
            }
            return file.violation(
                "the link to \(target) leads nowhere: name a file of this repository, relative "
                    + "to this one",
                line: line.number
            )
        }
    }
}

/// Prose and code of a Markdown file; fences are ``` or ~~~.
private func splitMarkdown(_ file: SourceFile) -> (prose: [ProseLine], code: [ProseLine]) {
    var (prose, code) = ([ProseLine](), [ProseLine]())
    var fence: String?
    for (index, text) in file.lines.enumerated() {
        let start = text.drop { $0 == " " }.prefix(3)
        let isFence = start == "```" || start == "~~~"
        if isFence, fence == nil {
            fence = String(start)
        } else if isFence, fence == String(start) {
            fence = nil
        } else if fence == nil {
            prose.append(ProseLine(number: index + 1, text: text))
        } else {
            code.append(ProseLine(number: index + 1, text: text))
        }
    }
    return (prose, code)
}

/// The code of a Markdown file with its line numbers: fenced lines, and spans in prose.
func findCode(in file: SourceFile) -> [(line: Int, text: String)] {
    let (prose, code) = splitMarkdown(file)
    let spans = prose.flatMap { line in
        splitSpans(line.text).filter(\.isCode).map { (line.number, $0.text) }
    }
    return code.map { ($0.number, $0.text) } + spans
}

private func withoutCodeSpans(_ text: String) -> String {
    splitSpans(text).map { $0.isCode ? "code" : $0.text }.joined()
}

/// A line split at its backticks; a span without an end is prose.
private func splitSpans(_ text: String) -> [(text: String, isCode: Bool)] {
    let parts = text.split(separator: "`", omittingEmptySubsequences: false)
    return parts.enumerated().map { index, part in
        (String(part), index % 2 == 1 && index < parts.count - 1)
    }
}

/// Targets of `[text](target "title")` and of `[name]: target`.
private func findLinks(in line: String) -> [String] {
    var targets = line.split(separator: "](", omittingEmptySubsequences: false).dropFirst()
        .compactMap { $0.split(separator: ")", omittingEmptySubsequences: false).first }
    let parts = line.split(separator: "]:", maxSplits: 1)
    if line.hasPrefix("["), !line.hasPrefix("[^"), parts.count == 2 { targets.append(parts[1]) }
    return targets.compactMap { target in
        target.split(separator: " ").first.map {
            $0.trimmingCharacters(in: CharacterSet(charactersIn: "<>"))
        }
    }
}

/// The path a relative link means, or nil for links out of the repository or within the page.
private func resolve(_ target: String, from path: String) -> String? {
    if target.hasPrefix("#") || target.contains("://") || target.hasPrefix("mailto:") { return nil }
    let bare = target.prefix { $0 != "#" && $0 != "?" }
    guard let decoded = String(bare).removingPercentEncoding else { return target }
    var parts = path.split(separator: "/").dropLast().map(String.init)
    for part in decoded.split(separator: "/") where part != "." {
        if part != ".." {
            parts.append(String(part))
        } else if parts.popLast() == nil {
            return target
        }
    }
    return decoded.hasPrefix("/") ? target : parts.joined(separator: "/")
}
