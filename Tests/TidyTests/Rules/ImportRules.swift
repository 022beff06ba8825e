/// What the modules at the bottom may import: the arrows of the architecture point one way.
private let allowedImports: [(folder: String, modules: Set<String>)] = [
    ("Sources/DHTClient/Core/", []),
    (
        "Sources/Cache/Spill/",
        [
            "Synchronization", "Dispatch", "Foundation", "Glibc", "GRDB", "GRDBSQLite", "Waiting",
        ]
    ),
    ("Sources/Waiting/", ["Synchronization", "Dispatch"]),
    ("Sources/Cache/", ["Synchronization"]),
    ("Sources/BLAKE3/", ["BLAKE3AVX2", "BLAKE3AVX512", "_Builtin_intrinsics"]),
]

func checkImports(_ file: SourceFile) -> [Violation] {
    guard let rule = allowedImports.first(where: { file.path.hasPrefix($0.folder) }) else {
        return []
    }
    return findImports(in: file).filter { !rule.modules.contains($0.module) }.map { found in
        let modules = rule.modules.sorted().joined(separator: ", ")
        let allowed = modules.isEmpty ? "nothing" : modules
        return file.violation(
            at: found.offset,
            "import \(found.module): \(rule.folder) may import \(allowed); "
                + "hand in what it needs, or move the code up"
        )
    }
}

/// The modules a Swift file imports; `import struct Foundation.URL` imports Foundation.
func findImports(in file: SourceFile) -> [(module: String, offset: Int)] {
    guard file.isSwift else { return [] }
    let kinds: Set = ["struct", "class", "enum", "protocol", "typealias", "func", "let", "var"]
    return findWords("import", in: file.code).compactMap { offset in
        var start = skipBlanks(file.code, from: offset + "import".utf8.count)
        var word = readIdentifier(file.code, at: start)
        if kinds.contains(word) {
            start = skipBlanks(file.code, from: start + word.utf8.count)
            word = readIdentifier(file.code, at: start)
        }
        return word.isEmpty ? nil : (word, offset)
    }
}
