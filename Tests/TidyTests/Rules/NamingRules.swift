import Foundation

/// Endings of names that say nothing about what a thing is.
private let emptyEndings = [
    "Manager", "Managers", "Helper", "Helpers", "Util", "Utils", "Utility", "Utilities", "Impl",
]

private let advice = "name it by what it holds or does (rule 9 of the architecture)"

func checkTypeNames(_ file: SourceFile) -> [Violation] {
    findTypes(in: file).flatMap { type in
        var violations: [Violation] = []
        if let ending = emptyEnding(of: type.name) {
            violations.append(
                file.violation(at: type.offset, "\(type.name) ends with \(ending): \(advice)")
            )
        }
        if type.name == moduleName(of: file) {
            violations.append(
                file.violation(at: type.offset, "\(type.name) has its module's name: \(advice)")
            )
        }
        return violations
    }
}

func checkFileNames(_ file: SourceFile) -> [Violation] {
    let stem = file.name.prefix { $0 != "." }
    let words =
        file.isSwift
        ? stem.split(separator: "+").map(String.init)
        : stem.split { "_-".contains($0) }.suffix(1).map(\.capitalized)
    guard file.isSwift || file.isScript else { return [] }
    return words.compactMap(emptyEnding).map { ending in
        file.violation("the file's name ends with \(ending): \(advice)")
    }
}

private func emptyEnding(of name: String) -> String? {
    emptyEndings.first { name.hasSuffix($0) }
}

/// The types a Swift file declares.
private func findTypes(in file: SourceFile) -> [(name: String, offset: Int)] {
    guard file.isSwift else { return [] }
    return ["struct", "class", "enum", "actor", "protocol", "typealias"].flatMap { keyword in
        findWords(keyword, in: file.code).compactMap { offset in
            let start = skipBlanks(file.code, from: offset + keyword.utf8.count)
            let name = readIdentifier(file.code, at: start)
            return name.isEmpty ? nil : (name, offset)
        }
    }
}

/// The module of a file in Sources; DHTCore lives in a folder of its client's.
private func moduleName(of file: SourceFile) -> String? {
    guard file.isInSources else { return nil }
    if file.path.hasPrefix("Sources/DHTClient/Core/") { return "DHTCore" }
    return file.path.split(separator: "/").dropFirst().first.map(String.init)
}

/// Every file is made on the day it has content.
func checkDeadFiles(_ file: SourceFile) -> [Violation] {
    guard file.isSwift else { return [] }
    let codeLines = (0..<file.lineCount).count { index in
        file.code[file.lineRange(index)].contains { $0 != UInt8(ascii: " ") }
    }
    let declarations = [
        "struct", "class", "enum", "actor", "protocol", "extension", "func", "let", "var",
        "typealias", "macro",
    ]
    let declares = declarations.contains { !findWords($0, in: file.code).isEmpty }
    if codeLines >= 3 && declares { return [] }
    return [file.violation("nothing is declared here: remove the file until it has content")]
}

/// Words in comments that put work off; in scripts, anywhere.
func checkPutOffWork(_ file: SourceFile) -> [Violation] {
    guard file.isProse, !file.isMarkdown else { return [] }
    // Put together here, so that this file passes its own test.
    return ["TO" + "DO", "FIX" + "ME", "X" + "XX"].flatMap { word in
        findWords(word, in: file.comments).map { offset in
            file.violation(at: offset, "\(word): do it now, or open an issue and name it")
        }
    }
}
