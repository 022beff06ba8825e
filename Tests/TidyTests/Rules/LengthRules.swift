/// The longest file, line and function that may be written here.
enum Limits {
    static let fileLines = 500
    static let columns = 100
    static let functionLines = 70
    static let readmeLines = 100
    static let fileBytes = 512 * 1024
}

func checkFileLength(_ file: SourceFile) -> [Violation] {
    guard file.isSwift || file.isScript, file.lineCount > Limits.fileLines else { return [] }
    return [
        file.violation(
            "\(file.lineCount) lines: split it by topic into Type+Topic.swift, "
                + "at most \(Limits.fileLines) lines each"
        )
    ]
}

/// Lines count in characters.
///
/// In Markdown, tables and lines with a link may be longer.
func checkLineLength(_ file: SourceFile) -> [Violation] {
    guard file.isProse else { return [] }
    return (0..<file.lineCount).compactMap { index in
        let range = file.lineRange(index)
        guard range.count > Limits.columns else { return nil }
        let line = String(decoding: file.bytes[range], as: UTF8.self)
        guard line.count > Limits.columns, !(file.isMarkdown && mayBeLong(line)) else { return nil }
        return file.violation(
            "\(line.count) columns: break the line, at most \(Limits.columns)",
            line: index + 1
        )
    }
}

private func mayBeLong(_ line: String) -> Bool {
    line.drop { $0 == " " }.hasPrefix("|") || line.contains("](") || line.contains("://")
}

/// From the line with the keyword to the closing brace, comments and blank lines included.
func checkFunctionLength(_ file: SourceFile) -> [Violation] {
    guard file.isSwift else { return [] }
    return findBodies(in: file.code).compactMap { body in
        let length = file.line(at: body.close) - file.line(at: body.keyword) + 1
        guard length > Limits.functionLines else { return nil }
        return file.violation(
            at: body.keyword,
            "\(body.name) has \(length) lines: take out steps that have a name of their own, "
                + "at most \(Limits.functionLines) lines"
        )
    }
}
