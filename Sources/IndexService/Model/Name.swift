/// What people type: dot-separated labels, folded to lower case (contract, section 2).
///
/// 1 to 253 bytes; labels of at least one byte, characters `a-z 0-9 - _ +`, a label begins with a
/// letter or a digit. Equal names have equal text, byte for byte.
package struct Name: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The longest name, in bytes: that of a DNS name in presentation form (RFC 1035, section
    /// 2.3.4).
    package static let maximumLength = 253

    /// The validated, folded text.
    package let text: String

    package init(parsing text: some StringProtocol) throws(KeyError) {
        let text = String(text)
        self.text = try Self.isFolded(text.utf8.span) ? text : text.lowercased()
    }

    package init(parsing bytes: [UInt8]) throws(KeyError) {
        let folded = try Self.isFolded(bytes.span) ? bytes : bytes.map(\.asciiLowercased)
        text = String(decoding: folded, as: UTF8.self)
    }

    /// Checks every byte and every label; whether they are in lower case already.
    private static func isFolded(_ bytes: Span<UInt8>) throws(KeyError) -> Bool {
        guard !bytes.isEmpty else { throw .empty }
        guard bytes.count <= maximumLength else { throw .nameLength(bytes.count) }
        var isFolded = true
        var isAtLabelStart = true
        for index in bytes.indices {
            let byte = bytes[index].asciiLowercased
            if byte == UInt8(ascii: ".") {
                guard !isAtLabelStart else { throw .emptyLabel }
                isAtLabelStart = true
                continue
            }
            guard isAllowed(byte) else { throw .character(bytes[index]) }
            guard !isAtLabelStart || isLetterOrDigit(byte) else { throw .labelStart(byte) }
            if byte != bytes[index] { isFolded = false }
            isAtLabelStart = false
        }
        guard !isAtLabelStart else { throw .emptyLabel }
        return isFolded
    }

    /// Whether the last label is an Ed25519 public key in z-base-32, as pkarr writes it.
    ///
    /// Such a name certifies itself: it is resolved from the DHT (BEP 44), never from the index.
    package var isKeyName: Bool { ZBase32.isEncodedKey(lastLabel) }

    /// The public key of a name that certifies itself, as it stands there; nil for other names.
    var keyLabel: Substring? { isKeyName ? Substring(lastLabel) : nil }

    private var lastLabel: Substring.UTF8View {
        text.utf8.suffix(while: { $0 != UInt8(ascii: ".") })
    }

    package var description: String { text }

    package static func < (left: Name, right: Name) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z"))
            || (byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9"))
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        isLetterOrDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
            || byte == UInt8(ascii: "+")
    }
}

extension BidirectionalCollection {
    /// The longest suffix all of whose elements satisfy `predicate`.
    fileprivate func suffix(while predicate: (Element) -> Bool) -> SubSequence {
        var start = endIndex
        while start > startIndex, predicate(self[index(before: start)]) {
            start = index(before: start)
        }
        return self[start...]
    }
}
