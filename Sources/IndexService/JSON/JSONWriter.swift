/// Writes one JSON text from front to back into bytes: how answers are encoded.
///
/// Commas and colons are its business, the order of calls the caller's: keys only inside objects,
/// one value after each key, as many ends as begins (checked in debug builds). Keys are spelled out
/// in the program and hold nothing that needs an escape. It does not sort: for canonical bytes see
/// `JSONValue.canonicalBytes`.
package struct JSONWriter {
    /// What was written so far; a whole text once every container has ended.
    package private(set) var bytes: [UInt8] = []
    private var needsComma = false
    private var openContainers = 0

    /// Begins with room for so many bytes.
    package init(reserving capacity: Int = 0) {
        bytes.reserveCapacity(capacity)
    }
}

// MARK: - Structure

extension JSONWriter {
    package mutating func beginObject() { begin(UInt8(ascii: "{")) }
    package mutating func endObject() { end(UInt8(ascii: "}")) }
    package mutating func beginArray() { begin(UInt8(ascii: "[")) }
    package mutating func endArray() { end(UInt8(ascii: "]")) }

    /// Writes a member's name; its value is to follow.
    package mutating func key(_ name: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        bytes.appendLiteral(name)
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Writes a member's name that is not known before the program runs.
    package mutating func key(escaping name: String) {
        separate()
        bytes.appendJSONString(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    private mutating func begin(_ bracket: UInt8) {
        separate()
        bytes.append(bracket)
        needsComma = false
        openContainers += 1
    }

    private mutating func end(_ bracket: UInt8) {
        assert(openContainers > 0, "an end without its begin")
        bytes.append(bracket)
        needsComma = true
        openContainers -= 1
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }
}

// MARK: - Values

extension JSONWriter {
    package mutating func null() {
        separate()
        bytes.appendLiteral("null")
    }

    package mutating func bool(_ value: Bool) {
        separate()
        bytes.appendLiteral(value ? "true" : "false")
    }

    package mutating func string(_ value: String) {
        separate()
        bytes.appendJSONString(value)
    }

    /// Writes a text that the program spells out and that needs no escape.
    package mutating func string(literal value: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        bytes.appendLiteral(value)
        bytes.append(UInt8(ascii: "\""))
    }

    /// Writes a string from bytes that are known to be valid UTF-8.
    package mutating func string(utf8 value: Span<UInt8>) {
        separate()
        bytes.appendJSONString(utf8: value)
    }

    package mutating func integer(_ value: some BinaryInteger & FixedWidthInteger) {
        assert(value.bitWidth <= 64)
        separate()
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        bytes.appendDecimal(UInt64(value.magnitude))
    }

    /// Writes a number with at most so many significant digits (1 to 17), as ECMAScript lays it
    /// out; `null` for NaN and the infinities, which JSON cannot say.
    package mutating func double(_ value: Double, significantDigits: Int = 17) {
        guard value.isFinite else { return null() }
        separate()
        guard value != 0 else { return bytes.append(UInt8(ascii: "0")) }
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        let decimal = JSONDecimal(shortest: value.magnitude)
        bytes.append(decimal.rounded(toDigits: significantDigits))
    }

    /// Writes bytes that are one JSON value already.
    package mutating func raw(_ value: Span<UInt8>) {
        separate()
        bytes.appendBytes(value)
    }
}
