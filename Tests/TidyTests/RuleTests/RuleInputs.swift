/// A file to try a rule on; Swift in a module of no special rules unless the test says otherwise.
func makeFile(_ text: String, path: String = "Sources/IndexService/Name.swift") -> SourceFile {
    SourceFile(path: path, text: text)
}

/// The lines, counted from 1, that a rule complains about in one file.
func lines(of violations: [Violation]) -> [Int] {
    violations.compactMap(\.line).sorted()
}
