// The text of a document is known to be valid UTF-8 before any of this runs, so a piece of it
// between two ASCII bytes is valid too.

extension JSONParser {
    /// Reads a string from its opening quote to behind its closing one.
    mutating func string(_ bytes: Span<UInt8>) throws(JSONError) -> String {
        let start = position + 1
        let end = bytes.endOfPlainText(from: start)
        guard end < bytes.count, bytes[end] == UInt8(ascii: "\"") else {
            return try escapedString(bytes, from: start)
        }
        position = end + 1
        var text = UTF8Span(unchecked: bytes.extracting(start..<end), isKnownASCII: isASCII)
        _ = text.checkForASCII()
        return String(copying: text)
    }

    /// The slow path: unescapes piece by piece into `unescaped`.
    private mutating func escapedString(
        _ bytes: Span<UInt8>,
        from start: Int
    ) throws(JSONError) -> String {
        unescaped.removeAll(keepingCapacity: true)
        position = start
        while true {
            let end = bytes.endOfPlainText(from: position)
            unescaped.appendBytes(bytes.extracting(position..<end))
            position = end
            guard position < bytes.count else { throw failure(.endedEarly) }
            switch bytes[position] {
            case UInt8(ascii: "\""):
                position += 1
                return String(decoding: unescaped, as: UTF8.self)
            case UInt8(ascii: "\\"): try escape(bytes)
            default: throw failure(.controlCharacter)
            }
        }
    }

    private mutating func escape(_ bytes: Span<UInt8>) throws(JSONError) {
        guard position + 1 < bytes.count else { throw failure(.endedEarly) }
        switch bytes[position + 1] {
        case UInt8(ascii: "\""): unescaped.append(0x22)
        case UInt8(ascii: "\\"): unescaped.append(0x5C)
        case UInt8(ascii: "/"): unescaped.append(0x2F)
        case UInt8(ascii: "b"): unescaped.append(0x08)
        case UInt8(ascii: "f"): unescaped.append(0x0C)
        case UInt8(ascii: "n"): unescaped.append(0x0A)
        case UInt8(ascii: "r"): unescaped.append(0x0D)
        case UInt8(ascii: "t"): unescaped.append(0x09)
        case UInt8(ascii: "u"): return try unicodeEscape(bytes)
        default: throw failure(.unknownEscape)
        }
        position += 2
    }

    /// Reads `\uXXXX`, or the two that make a surrogate pair (RFC 8259 section 7).
    private mutating func unicodeEscape(_ bytes: Span<UInt8>) throws(JSONError) {
        let start = position
        var code = try codeUnit(bytes)
        if UTF16.isLeadSurrogate(code) {
            guard position < bytes.count else { throw failure(.endedEarly) }
            guard bytes.hasUnicodeEscape(at: position) else {
                throw .syntax(.loneSurrogate, offset: start)
            }
            let trail = try codeUnit(bytes)
            guard UTF16.isTrailSurrogate(trail) else {
                throw .syntax(.loneSurrogate, offset: start)
            }
            code = 0x10000 + ((code & 0x3FF) << 10) + (trail & 0x3FF)
        }
        guard let scalar = Unicode.Scalar(code) else {
            throw .syntax(.loneSurrogate, offset: start)
        }
        unescaped.append(contentsOf: scalar.utf8)
    }

    /// The code unit of a `\uXXXX` that begins at the next byte.
    private mutating func codeUnit(_ bytes: Span<UInt8>) throws(JSONError) -> UInt32 {
        guard bytes.count - position >= 6 else {
            throw failure(bytes.hasOnlyHex(from: position + 2) ? .endedEarly : .badHexEscape)
        }
        var code: UInt32 = 0
        for index in position + 2..<position + 6 {
            guard let digit = hexValue(bytes[index]) else { throw failure(.badHexEscape) }
            code = code << 4 | digit
        }
        position += 6
        return code
    }
}

extension UTF16 {
    fileprivate static func isLeadSurrogate(_ code: UInt32) -> Bool { code >> 10 == 0x36 }
    fileprivate static func isTrailSurrogate(_ code: UInt32) -> Bool { code >> 10 == 0x37 }
}

extension Span<UInt8> {
    fileprivate func hasUnicodeEscape(at index: Int) -> Bool {
        count - index >= 2 && self[index] == UInt8(ascii: "\\")
            && self[index + 1] == UInt8(ascii: "u")
    }

    fileprivate func hasOnlyHex(from index: Int) -> Bool {
        for index in index..<count where hexValue(self[index]) == nil { return false }
        return true
    }
}

private func hexValue(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte &- UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte &- UInt8(ascii: "a") &+ 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte &- UInt8(ascii: "A") &+ 10)
    default: nil
    }
}
