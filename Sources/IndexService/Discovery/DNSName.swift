/// A domain name as DNS packets hold it, folded to lower case: equal names have equal bytes.
package struct DNSName: Hashable, Sendable {
    /// Labels, each behind its length, and the closing zero (RFC 1035, section 3.1).
    let wire: [UInt8]

    /// The longest name in bytes, with the lengths and the closing zero (RFC 1035, section 2.3.4).
    package static let maximumCount = 255
    /// The longest label in bytes.
    package static let maximumLabelCount = 63
    /// Where the first name of a packet can stand: behind the header.
    private static let firstOffset = 12

    /// Nil when DNS cannot hold such a name: a label that is empty or too long, or too many.
    package init?(labels: [String]) {
        var wire: [UInt8] = []
        for label in labels.lazy.map(\.utf8) {
            guard (1...Self.maximumLabelCount).contains(label.count),
                wire.count + label.count + 2 <= Self.maximumCount
            else { return nil }
            wire.append(UInt8(truncatingIfNeeded: label.count))
            wire.append(contentsOf: label.lazy.map(\.asciiLowercased))
        }
        self.wire = wire + [0]
    }

    /// Reads the name at an offset of a packet and moves the offset behind it; nil when malformed.
    ///
    /// A pointer must lead to before the piece that holds it, so every chain of them ends.
    init?(reading packet: Span<UInt8>, at offset: inout Int) {
        var wire: [UInt8] = []
        var position = offset
        var pieceStart = offset
        // Behind the first pointer, which is where the name ends in its record.
        var end: Int?
        while position >= 0, position < packet.count {
            let length = Int(packet[position])
            let next = position + 1 + length
            switch length >> 6 {
            case 0 where length == 0:
                offset = end ?? next
                self.wire = wire + [0]
                return
            case 0:
                guard next <= packet.count, wire.count + length + 2 <= Self.maximumCount else {
                    return nil
                }
                wire.append(packet[position])
                for index in position + 1..<next { wire.append(packet[index].asciiLowercased) }
                position = next
            case 3:
                guard position + 1 < packet.count else { return nil }
                let target = (length & 0x3F) << 8 | Int(packet[position + 1])
                guard target >= Self.firstOffset, target < pieceStart else { return nil }
                end = end ?? position + 2
                (position, pieceStart) = (target, target)
            default:
                return nil
            }
        }
        return nil
    }
}
