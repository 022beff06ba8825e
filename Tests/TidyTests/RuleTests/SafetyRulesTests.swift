import Testing

@Suite struct SafetyRulesTests {
    @Test(arguments: [
        "let a = b!", "let a = b[0]!.c", "let a = c()!", "var a: Int!", "let a = try! b()",
        "let a = b as! Int", "print(\"\\(a!)\")", "let a: [Int]! = nil", "let a = b?.c!",
    ])
    func forcedOperationIsRefused(line: String) {
        #expect(lines(of: checkForcedOperations(makeFile("let ok = 1\n\(line)\n"))) == [2])
    }

    @Test(arguments: [
        "if !a && !(b) { }", "let a = b != c", "let a = [!b, !c]", "#if !os(Linux)",
        "a ? !b : !c", "// a!", "let a = \"b!\"", "let a = #\"b!\"#", "/* a! /* b! */ c! */",
        "\"\"\"\n a!\n\"\"\"", "@Test func `never traps!`() {}", "let a = b as? Int",
        "return !a", "let a = /b!/",
    ])
    func otherExclamationMarksAreFine(line: String) {
        #expect(checkForcedOperations(makeFile(line)) == [])
    }

    @Test func testsMayForce() {
        let file = makeFile("let a = b!", path: "Tests/CacheTests/LRUTests.swift")
        #expect(checkForcedOperations(file) == [])
    }

    @Test(arguments: ["final class A: @unchecked Sendable {}", "nonisolated(unsafe) var a = 1"])
    func uncheckedSendableIsRefused(line: String) {
        #expect(lines(of: checkUncheckedSendable(makeFile(line))) == [1])
        #expect(checkUncheckedSendable(makeFile("// \(line)")) == [])
    }

    @Test(arguments: [
        "Task { }", "Task(priority: .high) { }", "Task.detached { }", "Task<Void, Never> { }",
        "let a = Task<Result<Int, Never>, Never>{ }", "Task.immediate { }",
    ])
    func bareTaskIsRefused(line: String) {
        #expect(lines(of: checkBareTasks(makeFile("\n\(line)"))) == [2])
    }

    @Test(arguments: [
        "let a: Task<Void, Never>?", "Task.isCancelled", "try Task.checkCancellation()",
        "group.addTask { }", "// Task { }", "struct MyTask { }", "TaskLocal(1)",
    ])
    func otherUsesOfTasksAreFine(line: String) {
        #expect(checkBareTasks(makeFile(line)) == [])
    }

    @Test(arguments: [
        "try await Task.sleep(for: .seconds(1))", "sleep(1)", "usleep(1)", "Thread.sleep(1)",
        "try await clock.sleep(until: end)",
    ])
    func sleepInATestIsRefused(line: String) {
        #expect(lines(of: checkSleeps(makeFile(line, path: "Tests/CacheTests/A.swift"))) == [1])
        #expect(checkSleeps(makeFile(line)) == [], "sources are none of this rule's business")
    }

    @Test func printInALibraryIsRefused() {
        let text = "print(a)\n// print(a)\nlet b = \"print(a)\"\nblueprint(a)\ndebugPrint(a)\n"
        #expect(lines(of: checkPrints(makeFile(text))) == [1, 5])
        #expect(checkPrints(makeFile(text, path: "Sources/svc-index/Demo.swift")) == [])
    }

    @Test func fatalErrorIsRefused() {
        let text = "fatalError(\"a\")\n// fatalError(\nprecondition(a)\n"
        #expect(lines(of: checkFatalErrors(makeFile(text))) == [1])
    }
}

@Suite struct ExemptionTests {
    private let bare = makeFile("Task { }", path: "Sources/A/Bare.swift")
    private let clean = makeFile("let a = 1", path: "Sources/A/Clean.swift")

    private func check(_ exemptions: [Exemption]) -> [String] {
        unexcused(in: [bare, clean], allowing: exemptions, by: checkBareTasks).map(\.path)
    }

    @Test func exemptionExcusesItsFileOnly() {
        #expect(check([]) == [bare.path])
        #expect(check([Exemption(path: bare.path, reason: "the demo ends with it")]) == [])
    }

    @Test func exemptionWithoutUseOrReasonIsRefused() {
        let needed = Exemption(path: bare.path, reason: "the demo ends with it")
        #expect(check([needed, Exemption(path: clean.path, reason: "was")]) == [clean.path])
        #expect(check([needed, Exemption(path: "Sources/Gone.swift", reason: "was")]).count == 1)
        #expect(check([Exemption(path: bare.path, reason: "")]) == [bare.path])
    }
}
