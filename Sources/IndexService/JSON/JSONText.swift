// Strings as JSON sees them: code units to scan, compare, order and escape.

extension Span<UInt8> {
    /// The first index from `start` that ends plain string content, or `count`.
    ///
    /// Plain is all that may stand in a JSON string as it is: no quote, no backslash, no control
    /// character. Looks at eight bytes a step.
    func endOfPlainText(from start: Int) -> Int {
        let raw = bytes
        var index = start
        while count - index >= 8 {
            let word = UInt64(
                littleEndian: raw.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            )
            let marks = wordMarks(word)
            if marks != 0 { return index + marks.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < count, !endsPlainText(self[index]) { index += 1 }
        return index
    }
}

private let ones: UInt64 = 0x0101_0101_0101_0101

/// The high bit of each byte that is a quote, a backslash or below 0x20.
///
/// A borrow can mark bytes above a true mark, never below one, so the lowest mark is exact.
private func wordMarks(_ word: UInt64) -> UInt64 {
    let quote = word ^ (ones &* UInt64(UInt8(ascii: "\"")))
    let backslash = word ^ (ones &* UInt64(UInt8(ascii: "\\")))
    let marks =
        ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)
        | ((word &- ones &* 0x20) & ~word)
    return marks & (ones &* 0x80)
}

private func endsPlainText(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
}

/// Below, at or above zero as `left` stands before, at or after `right` by UTF-16 code units.
///
/// RFC 8785 section 3.2.3 sorts so. UTF-8 has the same order but for one thing: characters beyond
/// U+FFFF (lead bytes F0 to F4) are surrogate pairs in UTF-16 and come before U+E000 to U+FFFF
/// (lead bytes EE and EF), so those leads are ranked the other way round.
func compareByUTF16(_ left: String, _ right: String) -> Int {
    let left = left.utf8Span.span
    let right = right.utf8Span.span
    let shared = min(left.count, right.count)
    var index = 0
    while index < shared {
        let (a, b) = (left[index], right[index])
        if a != b { return utf16Rank(a) - utf16Rank(b) }
        index += 1
    }
    return left.count - right.count
}

private func utf16Rank(_ byte: UInt8) -> Int {
    switch byte {
    case 0xF0...: Int(byte) - 2
    case 0xEE...: Int(byte) + 5
    default: Int(byte)
    }
}

extension String {
    /// Whether both are the same code units; `==` would also take equivalent ones for equal.
    func hasSameUTF8(as other: String) -> Bool {
        let left = utf8Span.span
        let right = other.utf8Span.span
        guard left.count == right.count else { return false }
        for index in 0..<left.count where left[index] != right[index] { return false }
        return true
    }

    /// Whether these are the code units of a name that the program spells out.
    func hasSameUTF8(as name: StaticString) -> Bool {
        guard utf8.count == name.utf8CodeUnitCount else { return false }
        return name.withUTF8Buffer { $0.elementsEqual(utf8) }
    }

    func hashUTF8(into hasher: inout Hasher) {
        utf8Span.span.withUnsafeBytes { hasher.combine(bytes: $0) }
        hasher.combine(UInt8(0xFF))
    }
}

extension [UInt8] {
    /// Appends a string in quotes, escaped as RFC 8785 section 3.2.2.2 wants it.
    mutating func appendJSONString(_ string: String) {
        appendJSONString(utf8: string.utf8Span.span)
    }

    /// The same from valid UTF-8 that never was a `String`.
    mutating func appendJSONString(utf8 text: Span<UInt8>) {
        append(UInt8(ascii: "\""))
        var start = 0
        while true {
            let end = text.endOfPlainText(from: start)
            appendBytes(text.extracting(start..<end))
            guard end < text.count else { break }
            appendEscape(of: text[end])
            start = end + 1
        }
        append(UInt8(ascii: "\""))
    }

    mutating func appendBytes(_ span: Span<UInt8>) {
        span.withUnsafeBufferPointer { append(contentsOf: $0) }
    }

    private mutating func appendEscape(of byte: UInt8) {
        append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): append(byte)
        case 0x08: append(UInt8(ascii: "b"))
        case 0x09: append(UInt8(ascii: "t"))
        case 0x0A: append(UInt8(ascii: "n"))
        case 0x0C: append(UInt8(ascii: "f"))
        case 0x0D: append(UInt8(ascii: "r"))
        default:
            appendBytes([0x75, 0x30, 0x30, 0x30 + (byte >> 4), hexDigit(byte & 0x0F)].span)
        }
    }
}

private func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? 0x30 + value : 0x57 + value
}
