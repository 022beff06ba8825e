/// Reads bencode (BEP 3) from borrowed bytes: no recursion, no copies, no allocation.
///
/// `scan` proves the structure of one value and where it ends; afterwards the small readers below
/// walk through it. Those check bounds again, so they are safe on their own.
package enum Bencode {
    /// How much structure one datagram may have.
    package struct Limits: Sendable {
        /// Containers inside containers; at most 31.
        package var depth = 10
        /// Values and keys in all, containers among them.
        package var items = 500

        package init() {}
    }

    /// Why bytes are not acceptable bencode.
    package enum Failure: Error, Equatable, Sendable {
        case truncated
        case unexpectedByte
        case badInteger
        case badLength
        case keyNotString
        case keyWithoutValue
        case tooDeep
        case tooManyItems
    }

    /// Proves that one complete value starts at an offset, and returns the offset behind it.
    ///
    /// Unsorted and repeated keys pass, because nodes on the network send the former; bytes behind
    /// the value are the caller's business.
    package static func scan(
        _ bytes: Span<UInt8>,
        from start: Int = 0,
        limits: Limits = Limits()
    ) throws(Failure) -> Int {
        var state = ScanState(limits: limits)
        var offset = start
        repeat {
            guard offset >= 0, offset < bytes.count else { throw .truncated }
            let byte = bytes[offset]
            if byte == UInt8(ascii: "e"), state.depth > 0 {
                try state.leave()
                offset += 1
                continue
            }
            try state.countItem(isString: isDigit(byte))
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                guard let string = string(bytes, at: offset) else { throw .badLength }
                offset = string.end
            case UInt8(ascii: "i"):
                guard let integer = integer(bytes, at: offset) else { throw .badInteger }
                offset = integer.end
            case UInt8(ascii: "l"), UInt8(ascii: "d"):
                try state.enter(dictionary: byte == UInt8(ascii: "d"))
                offset += 1
            default: throw .unexpectedByte
            }
        } while state.depth > 0
        return offset
    }

    /// The contents of the string at an offset; nil when there is none or it is cut off.
    package static func string(_ bytes: Span<UInt8>, at offset: Int) -> ByteRange? {
        var position = offset
        var length = 0
        while position >= 0, position < bytes.count, isDigit(bytes[position]) {
            // Six digits are more than any datagram holds; a leading zero stands alone.
            guard position - offset < 6, position == offset || length > 0 else { return nil }
            length = length * 10 + Int(bytes[position] - UInt8(ascii: "0"))
            position += 1
        }
        guard position > offset, position < bytes.count, bytes[position] == UInt8(ascii: ":"),
            length <= bytes.count - position - 1
        else { return nil }
        return ByteRange(start: position + 1, count: length)
    }

    /// The integer at an offset and the offset behind it; nil when it is malformed or over 64 bits.
    package static func integer(_ bytes: Span<UInt8>, at offset: Int) -> (value: Int64, end: Int)? {
        guard offset >= 0, offset < bytes.count, bytes[offset] == UInt8(ascii: "i") else {
            return nil
        }
        var position = offset + 1
        let isNegative = position < bytes.count && bytes[position] == UInt8(ascii: "-")
        if isNegative { position += 1 }
        let firstDigit = position
        var value: Int64 = 0
        while position < bytes.count, isDigit(bytes[position]) {
            guard position == firstDigit || value != 0 else { return nil }  // a leading zero
            let digit = Int64(bytes[position] - UInt8(ascii: "0"))
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) =
                isNegative
                ? product.subtractingReportingOverflow(digit)
                : product.addingReportingOverflow(digit)
            guard !overflow, !carry else { return nil }
            value = sum
            position += 1
        }
        guard position > firstDigit, position < bytes.count, bytes[position] == UInt8(ascii: "e"),
            !(isNegative && value == 0)
        else { return nil }
        return (value, position + 1)
    }

    /// The offset of the first key of the dictionary, or first item of the list, at an offset.
    package static func contents(_ bytes: Span<UInt8>, of kind: Container, at offset: Int) -> Int? {
        guard offset >= 0, offset < bytes.count, bytes[offset] == kind.rawValue else { return nil }
        return offset + 1
    }

    /// The two kinds of container, by the byte that opens them.
    package enum Container: UInt8, Sendable {
        case dictionary = 0x64
        case list = 0x6C
    }

    /// Whether a container's contents end at an offset.
    package static func isEnd(_ bytes: Span<UInt8>, at offset: Int) -> Bool {
        offset < 0 || offset >= bytes.count || bytes[offset] == UInt8(ascii: "e")
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }
}

/// The stack of `scan`, one bit a level instead of a call a level.
private struct ScanState {
    let limits: Bencode.Limits
    var depth = 0
    private var items = 0
    /// Bit n: level n is a dictionary.
    private var dictionaries: UInt32 = 0
    /// Bit n: level n has read a key and waits for its value.
    private var awaitingValue: UInt32 = 0

    init(limits: Bencode.Limits) {
        self.limits = limits
    }

    private var level: UInt32 { 1 << UInt32(truncatingIfNeeded: depth) }

    mutating func countItem(isString: Bool) throws(Bencode.Failure) {
        items += 1
        guard items <= limits.items else { throw .tooManyItems }
        guard dictionaries & level != 0 else { return }
        if awaitingValue & level == 0, !isString { throw .keyNotString }
        awaitingValue ^= level
    }

    mutating func enter(dictionary: Bool) throws(Bencode.Failure) {
        guard depth < min(limits.depth, 31) else { throw .tooDeep }
        depth += 1
        dictionaries = dictionary ? dictionaries | level : dictionaries & ~level
        awaitingValue &= ~level
    }

    mutating func leave() throws(Bencode.Failure) {
        guard awaitingValue & level == 0 else { throw .keyWithoutValue }
        depth -= 1
    }
}
