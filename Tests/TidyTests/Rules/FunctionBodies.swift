/// A function, initialiser, subscript or computed property that has a body.
struct FunctionBody: Equatable {
    let name: String
    /// The offset of `func`, `init`, … and of the closing brace.
    let keyword: Int
    let close: Int
}

/// Every body in masked Swift code, found by counting brackets.
func findBodies(in code: [UInt8]) -> [FunctionBody] {
    ["func", "init", "deinit", "subscript", "var"].flatMap { keyword in
        findWords(keyword, in: code).compactMap { offset in
            makeBody(keyword, at: offset, in: code)
        }
    }
}

private func makeBody(_ keyword: String, at offset: Int, in code: [UInt8]) -> FunctionBody? {
    // `.init(…)` and `self.init(…)` are calls.
    if offset > 0, code[offset - 1] == UInt8(ascii: ".") { return nil }
    let end = offset + keyword.utf8.count
    guard let open = findOpeningBrace(in: code, from: end, isProperty: keyword == "var"),
        let close = findClosingBrace(in: code, from: open)
    else { return nil }
    let hasName = keyword == "func" || keyword == "var"
    let start = skipBlanks(code, from: end)
    let name = hasName ? readName(code, at: start) : keyword
    return FunctionBody(name: name, keyword: offset, close: close)
}

/// An identifier, an operator, or a raw identifier, up to what follows it.
private func readName(_ code: [UInt8], at start: Int) -> String {
    var end = start
    while end < code.count, !"(<:\n".utf8.contains(code[end]) { end += 1 }
    return String(decoding: code[start..<end], as: UTF8.self)
}

/// The brace that opens the body, or nil for a requirement, a call or a stored property.
private func findOpeningBrace(in code: [UInt8], from start: Int, isProperty: Bool) -> Int? {
    var depth = 0
    var index = start
    while index < code.count {
        switch code[index] {
        case UInt8(ascii: "{") where depth == 0: return index
        case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
        case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
        case UInt8(ascii: "=") where isProperty && depth == 0: return nil
        case UInt8(ascii: ";") where depth == 0: return nil
        case UInt8(ascii: "\n") where depth == 0:
            guard signatureGoesOn(in: code, at: index) else { return nil }
        default: break
        }
        if depth < 0 { return nil }
        index += 1
    }
    return nil
}

/// Whether a line end lies inside a signature: after a comma, or before what may follow.
private func signatureGoesOn(in code: [UInt8], at lineEnd: Int) -> Bool {
    var before = lineEnd - 1
    while before > 0, code[before] == UInt8(ascii: " ") { before -= 1 }
    if before > 0, code[before] == UInt8(ascii: ",") { return true }
    var next = lineEnd
    while next < code.count, " \n\t".utf8.contains(code[next]) { next += 1 }
    guard next < code.count else { return false }
    if "{-)".utf8.contains(code[next]) { return true }
    return ["where", "async", "throws", "rethrows"].contains(readIdentifier(code, at: next))
}

private func findClosingBrace(in code: [UInt8], from open: Int) -> Int? {
    var depth = 0
    for index in open..<code.count {
        if code[index] == UInt8(ascii: "{") { depth += 1 }
        if code[index] == UInt8(ascii: "}") {
            depth -= 1
            if depth == 0 { return index }
        }
    }
    return nil
}
