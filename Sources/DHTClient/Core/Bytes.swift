/// A piece of a datagram: where it begins and how long it is.
///
/// Decoded messages point into the datagram instead of copying it; readers take the bytes again.
package struct ByteRange: Hashable, Sendable {
    package var start: Int
    package var count: Int

    package init(start: Int, count: Int) {
        self.start = start
        self.count = count
    }

    /// The offset behind the last byte.
    package var end: Int { start + count }
}

extension Span<UInt8> {
    /// The bytes of a range that lies within this span; empty when it does not.
    func slice(_ range: ByteRange) -> [UInt8] {
        var result: [UInt8] = []
        result.append(self, range)
        return result
    }

    /// Whether a range holds exactly these ASCII bytes.
    func matches(_ range: ByteRange, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount, holds(range) else { return false }
        return text.withUTF8Buffer { expected in
            for index in 0..<range.count where self[range.start + index] != expected[index] {
                return false
            }
            return true
        }
    }

    /// Whether a range lies within this span.
    func holds(_ range: ByteRange) -> Bool {
        range.start >= 0 && range.count >= 0 && range.start <= count - range.count
    }

    /// Eight bytes as a big-endian number; the caller has checked that they are there.
    func bigEndian64(at offset: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<8 { value = value << 8 | UInt64(self[offset + index]) }
        return value
    }

    /// Four bytes as a big-endian number; the caller has checked that they are there.
    func bigEndian32(at offset: Int) -> UInt32 {
        var value: UInt32 = 0
        for index in 0..<4 { value = value << 8 | UInt32(self[offset + index]) }
        return value
    }

    /// Two bytes as a big-endian number; the caller has checked that they are there.
    func bigEndian16(at offset: Int) -> UInt16 {
        UInt16(self[offset]) << 8 | UInt16(self[offset + 1])
    }
}

extension [UInt8] {
    /// Appends a number most significant byte first, as everything on the wire is.
    mutating func appendBigEndian<Number: FixedWidthInteger>(_ number: Number) {
        var shift = Number.bitWidth - 8
        while shift >= 0 {
            append(UInt8(truncatingIfNeeded: number >> Number(shift)))
            shift -= 8
        }
    }

    /// Appends the part of a datagram that a range names; nothing when it does not lie within.
    mutating func append(_ bytes: Span<UInt8>, _ range: ByteRange) {
        guard bytes.holds(range) else { return }
        for index in range.start..<range.end { append(bytes[index]) }
    }

    /// Reads an even number of hexadecimal digits of either case; nil for anything else.
    package init?(hex: String) {
        let digits = Array(hex.utf8)
        guard digits.count.isMultiple(of: 2) else { return nil }
        self = []
        reserveCapacity(digits.count / 2)
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = Self.nibble(digits[index]), let low = Self.nibble(digits[index + 1])
            else { return nil }
            append(high << 4 | low)
        }
    }

    /// The bytes as lowercase hexadecimal digits.
    package var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(count * 2)
        for byte in self {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
