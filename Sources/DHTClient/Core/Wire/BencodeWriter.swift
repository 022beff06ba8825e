/// Appends bencode to a buffer that it owns; the caller brings dictionary keys in sorted order.
package struct BencodeWriter: Sendable {
    /// Everything written so far.
    package var bytes: [UInt8] = []

    package init() {}

    package mutating func beginDictionary() { bytes.append(UInt8(ascii: "d")) }

    package mutating func beginList() { bytes.append(UInt8(ascii: "l")) }

    /// Closes a dictionary or a list.
    package mutating func end() { bytes.append(UInt8(ascii: "e")) }

    package mutating func integer(_ value: Int64) {
        bytes.append(UInt8(ascii: "i"))
        decimal(value)
        bytes.append(UInt8(ascii: "e"))
    }

    package mutating func string(_ value: [UInt8]) {
        stringHeader(count: value.count)
        bytes.append(contentsOf: value)
    }

    package mutating func string(_ value: ArraySlice<UInt8>) {
        stringHeader(count: value.count)
        bytes.append(contentsOf: value)
    }

    /// A string whose contents are a piece of a received datagram.
    package mutating func string(_ source: Span<UInt8>, _ range: ByteRange) {
        guard source.holds(range) else { return stringHeader(count: 0) }
        stringHeader(count: range.count)
        bytes.append(source, range)
    }

    package mutating func string(_ id: NodeID) {
        stringHeader(count: NodeID.byteCount)
        id.append(to: &bytes)
    }

    /// A key or a fixed value.
    package mutating func text(_ value: StaticString) {
        value.withUTF8Buffer { buffer in
            stringHeader(count: buffer.count)
            bytes.append(contentsOf: buffer)
        }
    }

    /// The length and the colon; exactly `count` bytes must follow.
    package mutating func stringHeader(count: Int) {
        decimal(Int64(count))
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func decimal(_ value: Int64) {
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        let start = bytes.count
        var rest = value.magnitude
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0
        if bytes.count - start > 1 { bytes[start...].reverse() }
    }
}
