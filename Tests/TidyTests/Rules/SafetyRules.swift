/// What may bring the process down, or hide a race or a leak.
func checkForcedOperations(_ file: SourceFile) -> [Violation] {
    guard file.isInSources else { return [] }
    let code = file.code
    let marks = findOffsets(of: "!", in: code).filter { offset in
        guard offset > 0 else { return false }
        let before = code[offset - 1]
        let isNotEqual = offset + 1 < code.count && code[offset + 1] == UInt8(ascii: "=")
        return !isNotEqual && (isIdentifierByte(before) || ")]}>?\"`".utf8.contains(before))
    }
    return marks.map { offset in
        switch wordBefore(offset, in: code) {
        case "try": file.violation(at: offset, "try! traps: write try, or do and catch")
        case "as": file.violation(at: offset, "as! traps: write `guard let x = y as? T`")
        default: file.violation(at: offset, "forced unwrap traps: write `guard let` or `??`")
        }
    }
}

func checkUncheckedSendable(_ file: SourceFile) -> [Violation] {
    guard file.isSwift else { return [] }
    return ["@unchecked", "nonisolated(unsafe)"].flatMap { words in
        findOffsets(of: words, in: file.code).map { offset in
            file.violation(
                at: offset,
                "\(words): keep the state in a Mutex or an actor; if the compiler cannot see that "
                    + "it is safe, add the file and the reason to AllowedUnchecked.swift"
            )
        }
    }
}

/// Rule 7 of the architecture: every task belongs to a group that shutdown waits for.
func checkBareTasks(_ file: SourceFile) -> [Violation] {
    guard file.isInSources else { return [] }
    return findWords("Task", in: file.code).filter { startsTask(at: $0, in: file.code) }.map {
        file.violation(
            at: $0,
            "a bare task outlives its owner: add it to a task group that shutdown waits for, "
                + "or add the file and the reason to AllowedTasks.swift"
        )
    }
}

/// `Task {`, `Task(priority:)`, `Task<A, B> {`, `Task.detached`, `Task.immediate`.
private func startsTask(at offset: Int, in code: [UInt8]) -> Bool {
    var next = skipBlanks(code, from: offset + "Task".utf8.count)
    if next < code.count, code[next] == UInt8(ascii: "<") {
        var depth = 0
        repeat {
            if code[next] == UInt8(ascii: "<") { depth += 1 }
            if code[next] == UInt8(ascii: ">") { depth -= 1 }
            next += 1
        } while depth > 0 && next < code.count
        next = skipBlanks(code, from: next)
    }
    guard next < code.count else { return false }
    if code[next] == UInt8(ascii: ".") {
        return ["detached", "immediate", "immediateDetached"]
            .contains(readIdentifier(code, at: next + 1))
    }
    return code[next] == UInt8(ascii: "{") || code[next] == UInt8(ascii: "(")
}

func checkSleeps(_ file: SourceFile) -> [Violation] {
    guard file.isInTests else { return [] }
    return findCalls(of: ["sleep", "usleep", "nanosleep"], in: file).map { offset in
        file.violation(
            at: offset,
            "a test does not wait for time to pass: hand the instant in, or await the event; "
                + "else add the file and the reason to AllowedTasks.swift"
        )
    }
}

func checkPrints(_ file: SourceFile) -> [Violation] {
    guard file.isInSources, !file.path.hasPrefix("Sources/svc-index/") else { return [] }
    return findCalls(of: ["print", "debugPrint", "NSLog"], in: file).map { offset in
        file.violation(at: offset, "a library does not print: log it, or return it to svc-index")
    }
}

func checkFatalErrors(_ file: SourceFile) -> [Violation] {
    guard file.isSwift else { return [] }
    return findCalls(of: ["fatalError"], in: file).map { offset in
        file.violation(
            at: offset,
            "write precondition(…) for a bug of ours, and an error for anybody else's"
        )
    }
}

/// Calls of free functions and methods of these names.
private func findCalls(of names: [String], in file: SourceFile) -> [Int] {
    names.flatMap { name in
        findWords(name, in: file.code).filter { offset in
            let end = offset + name.utf8.count
            return end < file.code.count && file.code[end] == UInt8(ascii: "(")
        }
    }
}

private func wordBefore(_ offset: Int, in code: [UInt8]) -> String {
    var start = offset
    while start > 0, isIdentifierByte(code[start - 1]) { start -= 1 }
    return readIdentifier(code[start..<offset].map { $0 }, at: 0)
}
