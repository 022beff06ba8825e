/// Keys, values and what stands between them.
extension TOMLReader {
    var newline: UInt8 { UInt8(ascii: "\n") }
    var carriageReturn: UInt8 { UInt8(ascii: "\r") }

    /// The next byte; a carriage return only counts as one in front of a newline.
    var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func advance(_ byte: UInt8) {
        position += 1
        if byte == newline { line += 1 }
    }

    func fault(_ text: String) -> TOMLFault { TOMLFault(line: line, text: text) }

    /// The next character, for a message; not more of the line, which may hold a secret.
    var shownNext: String {
        let rest = bytes[position...].prefix { $0 != newline && $0 != carriageReturn }
        let character = String(decoding: rest.prefix(4), as: UTF8.self).prefix(1)
        return character.isEmpty ? "nothing" : RawSetting.quoted(String(character))
    }

    mutating func skipBlanks() {
        while let byte = peek, byte.isBlank {
            position += 1
        }
    }

    /// A comment may hold anything but control characters.
    mutating func skipComment() throws(TOMLFault) {
        guard peek == UInt8(ascii: "#") else { return }
        while let byte = peek, !isLineEnd {
            guard !isControl(byte) else { throw fault("has a control character in a comment") }
            position += 1
        }
    }

    mutating func expect(_ byte: UInt8) throws(TOMLFault) {
        skipBlanks()
        guard peek == byte else {
            let wanted = Character(Unicode.Scalar(byte))
            throw fault("has \(shownNext) where \(wanted) should be")
        }
        position += 1
    }

    /// Names with dots between them.
    mutating func keyPath() throws(TOMLFault) -> [String] {
        var path: [String] = []
        repeat {
            if !path.isEmpty { position += 1 }
            skipBlanks()
            path.append(try keyName())
            skipBlanks()
            guard path.count <= TOMLReader.longestPath else {
                throw fault("has a key of more than \(TOMLReader.longestPath) names")
            }
        } while peek == UInt8(ascii: ".")
        return path
    }

    private mutating func keyName() throws(TOMLFault) -> String {
        if let quote = peek, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
            return try string(quote)
        }
        let name = bytes[position...].prefix { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard !name.isEmpty else { throw fault("has \(shownNext) where a key should be") }
        position += name.count
        return String(decoding: name, as: UTF8.self)
    }

    /// Anything but an inline table.
    mutating func value() throws(TOMLFault) -> RawSetting {
        switch peek {
        case UInt8(ascii: "\""), UInt8(ascii: "'"): .string(try string(bytes[position]))
        case UInt8(ascii: "[") where !isInArray: try array()
        case UInt8(ascii: "["): throw fault("has an array in an array")
        case UInt8(ascii: "{"): throw fault("has an inline table inside another value")
        default: try bareValue()
        }
    }

    private mutating func array() throws(TOMLFault) -> RawSetting {
        var items: [String] = []
        var isOfStrings = true
        isInArray = true
        position += 1
        while true {
            try skipLines()
            if peek == UInt8(ascii: "]") { break }
            if case .string(let item) = try value() {
                items.append(item)
            } else {
                isOfStrings = false
            }
            try skipLines()
            if peek == UInt8(ascii: ",") { position += 1 } else { break }
        }
        try expect(UInt8(ascii: "]"))
        isInArray = false
        return isOfStrings ? .list(items) : .unsupported("array with other things than strings")
    }

    /// Blanks, comments and ends of lines.
    private mutating func skipLines() throws(TOMLFault) {
        repeat {
            skipBlanks()
            try skipComment()
            guard isLineEnd else { return }
            if peek == carriageReturn { position += 1 }
            advance(newline)
        } while true
    }

    var isLineEnd: Bool {
        if peek == carriageReturn {
            return position + 1 < bytes.count && bytes[position + 1] == newline
        }
        return peek == newline
    }

    private func isControl(_ byte: UInt8) -> Bool {
        byte < 0x20 && byte != UInt8(ascii: "\t") || byte == 0x7F
    }
}

extension TOMLReader {
    /// A basic string with escapes, or a literal one without.
    private mutating func string(_ quote: UInt8) throws(TOMLFault) -> String {
        guard !bytes[position...].starts(with: [quote, quote, quote]) else {
            throw fault("has a string of several lines, which no setting can be")
        }
        var text: [UInt8] = []
        position += 1
        while let byte = peek, byte != quote {
            guard !isControl(byte) else { break }
            position += 1
            if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                text += String(try escape()).utf8
            } else {
                text.append(byte)
            }
        }
        guard peek == quote else { throw fault("has a string that does not end on its line") }
        position += 1
        return String(decoding: text, as: UTF8.self)
    }

    /// What stands behind a backslash.
    private mutating func escape() throws(TOMLFault) -> Character {
        let plain: [UInt8: Character] = [
            UInt8(ascii: "b"): "\u{8}", UInt8(ascii: "t"): "\t", UInt8(ascii: "n"): "\n",
            UInt8(ascii: "f"): "\u{C}", UInt8(ascii: "r"): "\r", UInt8(ascii: "\""): "\"",
            UInt8(ascii: "\\"): "\\",
        ]
        guard let byte = peek else { throw fault("ends in a string") }
        if let character = plain[byte] {
            position += 1
            return character
        }
        let count = byte == UInt8(ascii: "u") ? 4 : byte == UInt8(ascii: "U") ? 8 : 0
        let digits = bytes[(position + 1)...].prefix(count)
        let text = String(decoding: digits, as: UTF8.self)
        guard count > 0, digits.count == count, text.utf8.allSatisfy(isHexDigit),
            let scalar = UInt32(text, radix: 16).flatMap(Unicode.Scalar.init)
        else { throw fault("has an unknown escape in a string: \\\(Unicode.Scalar(byte))") }
        position += 1 + count
        return Character(scalar)
    }

    /// A value without quotes or brackets.
    private mutating func bareValue() throws(TOMLFault) -> RawSetting {
        let word = bytes[position...].prefix { byte in
            !isControl(byte) && !" \t,]}#=".utf8.contains(byte)
        }
        let text = String(decoding: word, as: UTF8.self)
        guard let value = TOMLReader.bareValue(text) else {
            guard !word.isEmpty else { throw fault("has \(shownNext) where a value should be") }
            throw fault("has a value that is no TOML; text stands in quotes")
        }
        position += word.count
        return value
    }

    private static func bareValue(_ text: String) -> RawSetting? {
        if text == "true" || text == "false" { return .boolean(text == "true") }
        if let integer = integer(text) { return integer }
        let digits = text.drop { $0 == "+" || $0 == "-" }
        if text.count - digits.count <= 1, digits == "inf" || digits == "nan" {
            return .unsupported("number that is not whole")
        }
        guard let first = digits.utf8.first, (0x30...0x39).contains(first) else { return nil }
        if digits.utf8.allSatisfy("0123456789_.eE+-".utf8.contains),
            digits.contains(where: ".eE".contains)
        {
            return .unsupported("number that is not whole")
        }
        guard text.utf8.allSatisfy("0123456789-:.TtZz+".utf8.contains),
            digits.contains(where: "-:".contains)
        else { return nil }
        return .unsupported("date or time")
    }

    /// Decimal, or with 0x, 0o, 0b; single underscores between digits; no zeros in front.
    private static func integer(_ text: String) -> RawSetting? {
        let radixes: [(String, Int)] = [("0x", 16), ("0o", 8), ("0b", 2)]
        let prefixed = radixes.first { text.hasPrefix($0.0) }
        let unsigned = text.first == "-" || text.first == "+" ? text.dropFirst() : text[...]
        let digits = prefixed.map { text.dropFirst($0.0.count) } ?? unsigned
        let groups = digits.split(separator: "_", omittingEmptySubsequences: false)
        let radix = prefixed?.1 ?? 10
        let isWellFormed = groups.allSatisfy { group in
            !group.isEmpty && group.allSatisfy { $0.isASCII && ($0.hexDigitValue ?? 16) < radix }
        }
        guard isWellFormed, radix != 10 || digits == "0" || !digits.hasPrefix("0") else {
            return nil
        }
        let sign = prefixed == nil && text.first == "-" ? "-" : ""
        return Int(sign + groups.joined(), radix: radix).map { .integer($0) }
            ?? .unsupported("number of more than 64 bits")
    }

    private func isHexDigit(_ byte: UInt8) -> Bool {
        Character(Unicode.Scalar(byte)).hexDigitValue != nil
    }
}
