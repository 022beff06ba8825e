import Testing

@Suite struct LengthRulesTests {
    @Test func fileOf501LinesIsRefused() {
        let line = "let a = 1\n"
        #expect(checkFileLength(makeFile(String(repeating: line, count: 500))).isEmpty)
        #expect(checkFileLength(makeFile(String(repeating: line, count: 501))).count == 1)
    }

    @Test func lineOf101ColumnsIsRefused() {
        let long = String(repeating: "x", count: 101)
        let file = makeFile("let a = 1\n\(long)\n\(long.dropLast())\n")
        #expect(checkLineLength(file).map(\.line) == [2])
    }

    @Test func columnsAreCharactersAndNotBytes() {
        #expect(checkLineLength(makeFile(String(repeating: "é", count: 100))).isEmpty)
    }

    @Test func tablesAndLinksOfPagesMayBeLong() {
        let long = String(repeating: "x", count: 101)
        let page = "| \(long) |\n[a](\(long))\nhttps://host.example/\(long)\n\(long)\n"
        #expect(checkLineLength(makeFile(page, path: "README.md")).map(\.line) == [4])
        #expect(checkLineLength(makeFile(page)).count == 4)
    }

    @Test func functionOf71LinesIsRefused() {
        #expect(checkFunctionLength(makeFile(makeFunction(lines: 70))).isEmpty)
        let violations = checkFunctionLength(makeFile("struct A {\n\(makeFunction(lines: 71))\n}"))
        #expect(violations.map(\.line) == [2])
        #expect(violations.first?.message.hasPrefix("long has 71 lines") == true)
    }

    @Test(arguments: ["init(a: Int)", "deinit", "subscript(i: Int) -> Int", "var a: [Int]"])
    func everythingWithABodyIsMeasured(signature: String) {
        let text = makeFunction(lines: 71, signature: signature)
        #expect(checkFunctionLength(makeFile(text)).count == 1)
    }

    @Test func signatureOverSeveralLinesCounts() {
        let signature = "func long<T>(\n    a: T,\n    b: (Int) -> Int = { $0 }\n) -> T\nwhere T: A"
        let text = makeFunction(lines: 71, signature: signature)
        #expect(checkFunctionLength(makeFile(text)).count == 1)
    }

    @Test func requirementsAndStoredPropertiesHaveNoBody() {
        let filler = String(repeating: "// a line\n", count: 80)
        let text = "protocol P {\n    func a() -> Int\n\(filler)    var b: Int { get }\n}\n"
        #expect(checkFunctionLength(makeFile(text)).isEmpty)
        #expect(checkFunctionLength(makeFile("var table: [Int] = [\n\(filler)]\n")).isEmpty)
        #expect(checkFunctionLength(makeFile("let a = A.init(1)\n\(filler)do {\n}\n")).isEmpty)
    }

    @Test func bracesInStringsAndCommentsAreNotCounted() {
        let inside = "    let a = \"{\" // {\n    let b = \"\"\"\n    { \\(\"{\") {\n    \"\"\"\n"
        let filler = String(repeating: "let c = 1\n", count: 80)
        let text = "func short() {\n\(inside)}\n\(filler)func other() {\n}\n"
        #expect(checkFunctionLength(makeFile(text)).isEmpty)
        let names = findBodies(in: makeFile(text).code).map(\.name)
        #expect(names == ["short", "other"])
    }
}

private func makeFunction(lines: Int, signature: String = "func long()") -> String {
    let inside = lines - signature.split(separator: "\n").count - 1
    return "\(signature) {\n" + String(repeating: "    a()\n", count: inside) + "}"
}
