/// A 160-bit number of the Kademlia space: a node's id, an info-hash or the target of an item.
///
/// BEP 5: ids and info-hashes share one space and are compared by XOR distance. Three machine words
/// instead of an array keep a contact small and comparisons free of memory traffic.
package struct NodeID: Hashable, Sendable {
    /// The first eight bytes, most significant first.
    let high: UInt64
    /// Bytes 8 to 15.
    let middle: UInt64
    /// The last four bytes.
    let low: UInt32

    package init(high: UInt64, middle: UInt64, low: UInt32) {
        self.high = high
        self.middle = middle
        self.low = low
    }

    /// The bytes an id has on the wire.
    package static let byteCount = 20
    /// The bits of an id, and so the number of buckets a table can have.
    package static let bitCount = 160

    package static let zero = NodeID(high: 0, middle: 0, low: 0)

    /// Reads 20 bytes at an offset; nil when there are fewer.
    package init?(_ bytes: Span<UInt8>, at offset: Int = 0) {
        guard offset >= 0, bytes.count - offset >= NodeID.byteCount else { return nil }
        high = bytes.bigEndian64(at: offset)
        middle = bytes.bigEndian64(at: offset + 8)
        low = bytes.bigEndian32(at: offset + 16)
    }

    /// Reads exactly 20 bytes; nil for any other count.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count == NodeID.byteCount else { return nil }
        self.init(bytes.span)
    }

    /// Reads exactly 40 hexadecimal digits of either case; nil for anything else.
    package init?(hex: String) {
        guard let bytes = [UInt8](hex: hex) else { return nil }
        self.init(bytes)
    }

    /// The 20 bytes in wire order.
    package var bytes: [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(NodeID.byteCount)
        append(to: &result)
        return result
    }

    /// Appends the 20 bytes in wire order.
    package func append(to bytes: inout [UInt8]) {
        bytes.appendBigEndian(high)
        bytes.appendBigEndian(middle)
        bytes.appendBigEndian(low)
    }

    /// The XOR distance to another id.
    package func distance(to other: NodeID) -> Distance {
        Distance(high: high ^ other.high, middle: middle ^ other.middle, low: low ^ other.low)
    }

    /// The number of leading bits that both ids share, 160 for equal ids.
    package func commonPrefixLength(with other: NodeID) -> Int {
        distance(to: other).leadingZeroBitCount
    }

    /// An id of uniformly random bits.
    package static func random(using generator: inout some RandomNumberGenerator) -> NodeID {
        let high = generator.next()
        let middle = generator.next()
        return NodeID(high: high, middle: middle, low: UInt32(truncatingIfNeeded: generator.next()))
    }

    /// A random id that shares exactly `prefixLength` leading bits with this one.
    ///
    /// Used to refresh a bucket: a lookup for such an id walks through that bucket's range.
    package func randomNeighbour(
        sharing prefixLength: Int,
        using generator: inout some RandomNumberGenerator
    ) -> NodeID {
        let random = NodeID.random(using: &generator)
        let kept = Distance.mask(leading: prefixLength)
        let flipped = Distance.mask(leading: prefixLength + 1)
        // Bits before the prefix's end are ours, the bit there is ours inverted, the rest random.
        return NodeID(
            high: (high & kept.high) | (~high & flipped.high & ~kept.high)
                | (random.high & ~flipped.high),
            middle: (middle & kept.middle) | (~middle & flipped.middle & ~kept.middle)
                | (random.middle & ~flipped.middle),
            low: (low & kept.low) | (~low & flipped.low & ~kept.low) | (random.low & ~flipped.low)
        )
    }

    /// Such an id, not anywhere in the bucket's range but at a place in it.
    ///
    /// - Parameter place: in units of 2^-64 of the range; it has no effect in the ranges beyond the
    ///   first 63, which are narrower than that.
    package func randomNeighbour(
        sharing prefixLength: Int,
        at place: UInt64,
        using generator: inout some RandomNumberGenerator
    ) -> NodeID {
        let random = randomNeighbour(sharing: prefixLength, using: &generator)
        let kept = Distance.mask(leading: prefixLength + 1).high
        return NodeID(
            high: random.high & kept | place >> UInt64(prefixLength + 1),
            middle: random.middle,
            low: random.low
        )
    }
}

extension NodeID: CustomStringConvertible {
    /// The id as 40 lowercase hexadecimal digits.
    package var description: String {
        bytes.hex
    }
}

/// The XOR of two ids: how far apart they are, as a 160-bit unsigned number.
package struct Distance: Hashable, Sendable {
    let high: UInt64
    let middle: UInt64
    let low: UInt32

    /// Larger than the distance of any two ids that differ from each other in a usual way.
    static let maximum = Distance(high: .max, middle: .max, low: .max)

    /// The number of leading bits that the two ids share.
    var leadingZeroBitCount: Int {
        if high != 0 { return high.leadingZeroBitCount }
        if middle != 0 { return 64 + middle.leadingZeroBitCount }
        return 128 + low.leadingZeroBitCount
    }

    /// Whether a bit is set; the first is 0.
    func hasBit(_ index: Int) -> Bool {
        switch index {
        case ..<64: high >> UInt64(63 - index) & 1 == 1
        case ..<128: middle >> UInt64(127 - index) & 1 == 1
        default: low >> UInt32(max(0, 159 - index)) & 1 == 1
        }
    }

    /// The number whose first `count` bits are set.
    static func mask(leading count: Int) -> Distance {
        func word(_ bits: Int) -> UInt64 {
            bits <= 0 ? 0 : bits >= 64 ? .max : ~(UInt64.max >> UInt64(bits))
        }
        return Distance(
            high: word(count),
            middle: word(count - 64),
            low: UInt32(truncatingIfNeeded: word(count - 128) >> 32)
        )
    }
}

extension Distance: Comparable {
    package static func < (left: Distance, right: Distance) -> Bool {
        if left.high != right.high { return left.high < right.high }
        if left.middle != right.middle { return left.middle < right.middle }
        return left.low < right.low
    }
}
