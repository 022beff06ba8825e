/// Tells Swift code from comments and strings, well enough for rules about style.
///
/// Knows nested comments, escapes, interpolation (which is code), raw and multi-line strings,
/// raw identifiers, and regex literals where they are easy to recognise. Never fails: text that
/// is not Swift gives some mask.
struct SwiftMask {
    /// The source with comments, and what stands between quotes, turned into spaces.
    private(set) var code: [UInt8]
    /// The comments, everything else turned into spaces.
    private(set) var comments: [UInt8]

    private let source: [UInt8]
    private var index = 0
    /// The strings whose interpolation is being read, outermost first.
    private var interpolations: [Interpolation] = []

    private struct Delimiter {
        var hashes: Int
        var quotes: Int
    }

    private struct Interpolation {
        let string: Delimiter
        var parentheses = 0
    }

    init(_ source: [UInt8]) {
        self.source = source
        code = source
        comments = source.map { $0 == newline ? newline : space }
    }

    mutating func run() {
        while index < source.count { step() }
    }

    /// Reads one token, at least one byte.
    private mutating func step() {
        switch source[index] {
        case slash where peek(1) == slash: lineComment()
        case slash where peek(1) == asterisk: blockComment()
        case slash where startsRegex: hide(until: regexEnd ?? index + 1)
        case quote: openString(hashes: 0)
        case hash: hashes()
        case backtick: rawIdentifier()
        case openParenthesis: parenthesis(+1)
        case closeParenthesis: parenthesis(-1)
        default: index += 1
        }
    }
}

// Comments.
extension SwiftMask {
    private mutating func lineComment() {
        while index < source.count, source[index] != newline { keepComment() }
    }

    private mutating func blockComment() {
        var depth = 0
        repeat {
            if source[index] == slash, peek(1) == asterisk {
                depth += 1
                keepComment()
            } else if source[index] == asterisk, peek(1) == slash {
                depth -= 1
                keepComment()
            }
            keepComment()
        } while depth > 0 && index < source.count
    }

    private mutating func keepComment() {
        guard index < source.count else { return }
        comments[index] = source[index]
        hide()
    }
}

// Strings.
extension SwiftMask {
    private mutating func hashes() {
        var count = 0
        while peek(count) == hash { count += 1 }
        if peek(count) == quote {
            index += count
            openString(hashes: count)
        } else if peek(count) == slash {
            index += count + 1
            hide(untilSlashAndHashes: count)
        } else {
            index += count
        }
    }

    private mutating func openString(hashes: Int) {
        let quotes = peek(1) == quote && peek(2) == quote ? 3 : 1
        index += quotes
        string(Delimiter(hashes: hashes, quotes: quotes))
    }

    /// Hides a string from inside it to its end, or to an interpolation.
    private mutating func string(_ delimiter: Delimiter) {
        while index < source.count {
            if source[index] == newline, delimiter.quotes == 1 { return }
            if closes(delimiter) {
                index += delimiter.quotes + delimiter.hashes
                return
            }
            guard source[index] == backslash, hasHashes(delimiter.hashes, at: 1) else {
                hide()
                continue
            }
            let isInterpolation = peek(1 + delimiter.hashes) == openParenthesis
            for _ in 0..<(2 + delimiter.hashes) where index < source.count { hide() }
            if isInterpolation {
                interpolations.append(Interpolation(string: delimiter))
                return
            }
        }
    }

    private func closes(_ delimiter: Delimiter) -> Bool {
        (0..<delimiter.quotes).allSatisfy { peek($0) == quote }
            && hasHashes(delimiter.hashes, at: delimiter.quotes)
    }

    private func hasHashes(_ count: Int, at offset: Int) -> Bool {
        (0..<count).allSatisfy { peek(offset + $0) == hash }
    }

    /// Counts parentheses inside an interpolation; its end goes on with the string.
    private mutating func parenthesis(_ change: Int) {
        guard let last = interpolations.indices.last else {
            index += 1
            return
        }
        interpolations[last].parentheses += change
        if interpolations[last].parentheses < 0 {
            hide()
            string(interpolations.removeLast().string)
        } else {
            index += 1
        }
    }
}

// Raw identifiers and regex literals.
extension SwiftMask {
    /// Turns what stands between backticks into a plain word.
    private mutating func rawIdentifier() {
        var end = index + 1
        while end < source.count, source[end] != backtick, source[end] != newline { end += 1 }
        guard end < source.count, source[end] == backtick else {
            index += 1
            return
        }
        for offset in (index + 1)..<end where !isIdentifierByte(code[offset]) {
            code[offset] = UInt8(ascii: "_")
        }
        index = end + 1
    }

    /// Whether a slash stands where an operand is expected and another closes it on the line.
    private var startsRegex: Bool {
        guard let next = peek(1), next != space, next != newline, next != UInt8(ascii: "=") else {
            return false
        }
        var before = index - 1
        while before >= 0, source[before] == space { before -= 1 }
        let expectsOperand = before < 0 || "(,=:[{!&|?;\n".utf8.contains(source[before])
        return expectsOperand && regexEnd != nil
    }

    private var regexEnd: Int? {
        var end = index + 1
        while end < source.count, source[end] != newline {
            if source[end] == slash { return end + 1 }
            end += source[end] == backslash ? 2 : 1
        }
        return nil
    }

    private mutating func hide(untilSlashAndHashes hashes: Int) {
        while index < source.count {
            if source[index] == slash, hasHashes(hashes, at: 1) {
                index += 1 + hashes
                return
            }
            hide()
        }
    }

    private mutating func hide(until end: Int) {
        while index < min(end, source.count) { hide() }
    }

    private mutating func hide() {
        if source[index] != newline { code[index] = space }
        index += 1
    }

    private func peek(_ offset: Int) -> UInt8? {
        index + offset < source.count ? source[index + offset] : nil
    }
}

private let newline = UInt8(ascii: "\n")
private let space = UInt8(ascii: " ")
private let slash = UInt8(ascii: "/")
private let asterisk = UInt8(ascii: "*")
private let quote = UInt8(ascii: "\"")
private let hash = UInt8(ascii: "#")
private let backslash = UInt8(ascii: "\\")
private let backtick = UInt8(ascii: "`")
private let openParenthesis = UInt8(ascii: "(")
private let closeParenthesis = UInt8(ascii: ")")
