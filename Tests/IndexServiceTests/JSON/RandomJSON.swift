import Randomness
import IndexService

/// Random JSON documents, the same for the same seed.
///
/// Draws what breaks parsers and canonicalisers: names around the surrogate range, escapes,
/// extreme numbers, needless white space.
struct RandomJSON: RandomNumberGenerator {
    private var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    mutating func next() -> UInt64 { random.next() }

    /// A document as someone might write it, nested `depth` deep at most.
    mutating func text(depth: Int = 5) -> [UInt8] {
        var bytes: [UInt8] = []
        appendValue(to: &bytes, depth: depth)
        return bytes
    }

    /// A finite double of any magnitude.
    mutating func double() -> Double {
        while true {
            let double = Double(bitPattern: next())
            if double.isFinite { return double }
        }
    }

    private mutating func appendValue(to bytes: inout [UInt8], depth: Int) {
        appendSpace(to: &bytes)
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &self) {
        case 0: bytes += Array("null".utf8)
        case 1: bytes += Array((Bool.random(using: &self) ? "true" : "false").utf8)
        case 2: bytes += Array(String(Int32.random(in: .min ... .max, using: &self)).utf8)
        case 3: bytes += Array(number().utf8)
        case 4, 5: appendString(to: &bytes)
        case 6: appendArray(to: &bytes, depth: depth - 1)
        default: appendObject(to: &bytes, depth: depth - 1)
        }
        appendSpace(to: &bytes)
    }

    private mutating func appendArray(to bytes: inout [UInt8], depth: Int) {
        bytes.append(UInt8(ascii: "["))
        for index in 0..<Int.random(in: 0...5, using: &self) {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            appendValue(to: &bytes, depth: depth)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    private mutating func appendObject(to bytes: inout [UInt8], depth: Int) {
        bytes.append(UInt8(ascii: "{"))
        for index in 0..<Int.random(in: 0...8, using: &self) {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            appendSpace(to: &bytes)
            appendString(to: &bytes, suffix: String(index))
            appendSpace(to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            appendValue(to: &bytes, depth: depth)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    /// A string of characters that are hard in one way or another; `suffix` makes it unique.
    private mutating func appendString(to bytes: inout [UInt8], suffix: String = "") {
        bytes.append(UInt8(ascii: "\""))
        for _ in 0..<Int.random(in: 0...12, using: &self) {
            let scalar = scalar()
            let mustEscape = scalar.value < 0x20 || scalar == "\"" || scalar == "\\"
            if mustEscape || Int.random(in: 0..<8, using: &self) == 0 {
                for unit in String(scalar).utf16 {
                    let hex = String(unit, radix: 16, uppercase: Bool.random(using: &self))
                    bytes += Array(("\\u" + String(repeating: "0", count: 4 - hex.count)).utf8)
                    bytes += Array(hex.utf8)
                }
            } else {
                bytes += Array(String(scalar).utf8)
            }
        }
        bytes += Array(suffix.utf8)
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func scalar() -> Unicode.Scalar {
        let range: ClosedRange<UInt32> =
            switch Int.random(in: 0..<10, using: &self) {
            case 0: 0...0x1F
            case 1: 0x80...0x7FF
            case 2: 0xD700...0xD7FF
            case 3: 0xE000...0xFFFF
            case 4: 0x10000...0x10FFFF
            default: 0x20...0x7F
            }
        return Unicode.Scalar(UInt32.random(in: range, using: &self)) ?? "?"
    }

    /// A number as text, never an integer that a double cannot keep.
    private mutating func number() -> String {
        switch Int.random(in: 0..<4, using: &self) {
        case 0: "\(double())"
        case 1: "\(Double.random(in: -1000...1000, using: &self))"
        case 2: "-0"
        default: "\(next() % 10).50E+\(next() % 200)"
        }
    }

    private mutating func appendSpace(to bytes: inout [UInt8]) {
        guard Int.random(in: 0..<6, using: &self) == 0 else { return }
        bytes.append([0x20, 0x0A, 0x0D, 0x09][Int.random(in: 0..<4, using: &self)])
    }
}

/// Parses a text with limits that most tests do not care about.
func makeJSON(
    _ text: String,
    bytes: Int = 1 << 20,
    depth: Int = 64
) throws(JSONError) -> JSONValue {
    try makeJSON(Array(text.utf8), bytes: bytes, depth: depth)
}

func makeJSON(
    _ text: [UInt8],
    bytes: Int = 1 << 20,
    depth: Int = 64
) throws(JSONError) -> JSONValue {
    var parser = JSONParser(limits: JSONParser.Limits(bytes: bytes, depth: depth))
    return try parser.parse(text.span)
}

/// The canonical form of a text, as text.
func makeCanonical(_ text: String) throws(JSONError) -> String {
    String(decoding: try makeJSON(text).canonicalBytes(), as: UTF8.self)
}
