import Foundation

func checkFileSizes(_ sizes: [String: Int]) -> [Violation] {
    sizes.sorted { $0.key < $1.key }.compactMap { path, size in
        let isFixture = SourceFile(path: path, bytes: []).isFixture
        guard size > Limits.fileBytes, !isFixture else { return nil }
        let message = "\(size) bytes: make it when it is needed, or put it under Fixtures"
        return Violation(path: path, line: nil, message: message)
    }
}

/// Paths that exist on one machine only.
func checkMachinePaths(_ file: SourceFile) -> [Violation] {
    // Put together here, so that this file passes its own test.
    let roots = ["/wo" + "rk/", "/opt/swift" + "-packages", "/ro" + "ot/", "/tmp/" + "h-"]
    return roots.flatMap { root in
        findOffsets(of: root, in: file.bytes).filter { offset in
            guard offset > 0 else { return true }
            let before = file.bytes[offset - 1]
            return !isIdentifierByte(before) && !".-~/".utf8.contains(before)
        }.map { offset in
            file.violation(
                at: offset,
                "\(root)… is a path of one machine: write one relative to the package"
            )
        }
    }
}

func checkReadmeLength(_ file: SourceFile) -> [Violation] {
    guard file.lineCount >= Limits.readmeLines else { return [] }
    return [
        file.violation(
            "\(file.lineCount) lines: what it is, how to run it, where to read on; fewer than "
                + "\(Limits.readmeLines) lines, the rest belongs in docs/"
        )
    ]
}

/// Every `make target` in a page's code exists in the Makefile.
func checkMakeTargets(_ file: SourceFile, makefile: SourceFile) -> [Violation] {
    let targets = findTargets(in: makefile)
    return findCode(in: file).flatMap { line, text in
        findMakeCalls(in: text).filter { !targets.contains($0) }.map { target in
            file.violation(
                "`make \(target)`: the Makefile has no such target; add it or correct the page",
                line: line
            )
        }
    }
}

/// The targets that commands like `VAR=1 make -j2 test SEED=1 && make lint` ask for.
private func findMakeCalls(in text: String) -> [String] {
    text.prefix { $0 != "#" }.split { "&;|()".contains($0) }.flatMap { command in
        var words = command.split(separator: " ").map(String.init)[...]
        words = words.drop { $0 == "$" || $0.contains("=") || $0 == "sudo" }
        guard words.popFirst() == "make" else { return [String]() }
        return words.filter { word in
            !word.hasPrefix("-") && !word.contains("=")
                && word.allSatisfy { $0.isLetter || $0.isNumber || "-_.".contains($0) }
        }
    }
}

private func findTargets(in makefile: SourceFile) -> Set<String> {
    let names = makefile.lines.flatMap { line -> [Substring] in
        guard let first = line.first, first != "\t", first != "#", first != " ",
            let colon = line.firstIndex(of: ":")
        else { return [] }
        let rest = line[line.index(after: colon)...]
        if rest.hasPrefix("=") || rest.hasPrefix(":=") || line[..<colon].contains("=") { return [] }
        return line[..<colon].split(separator: " ")
    }
    return Set(names.map(String.init))
}

/// Every decision is named where a reader looks for decisions.
func checkDecisionsAreListed(paths: Set<String>, indexes: [SourceFile]) -> [Violation] {
    let decisions = paths.filter {
        $0.hasPrefix("docs/adr/") && $0.hasSuffix(".md") && $0 != "docs/adr/README.md"
    }
    return decisions.sorted().compactMap { path in
        let name = String(path.dropFirst("docs/adr/".count))
        if indexes.contains(where: { !findOffsets(of: name, in: $0.bytes).isEmpty }) { return nil }
        let message = "no page names it: link it from docs/adr/README.md or ARCHITECTURE.md"
        return Violation(path: path, line: nil, message: message)
    }
}

/// The formatter's settings are there and say what the other rules say.
func checkFormatSettings(_ file: SourceFile?) -> [Violation] {
    struct Settings: Decodable {
        struct Indentation: Decodable { let spaces: Int? }
        let lineLength: Int?
        let indentation: Indentation?
    }
    let settings = file.flatMap {
        try? JSONDecoder().decode(Settings.self, from: Data($0.bytes))
    }
    if settings?.lineLength == Limits.columns, settings?.indentation?.spaces == 4 { return [] }
    let message = "swift format needs this file with lineLength \(Limits.columns) and 4 spaces"
    return [Violation(path: ".swift-format", line: nil, message: message)]
}
