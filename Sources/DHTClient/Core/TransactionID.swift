/// The `t` of a query of ours: up to eight bytes, kept in a register.
///
/// Ours are six bytes: the slot of the transaction table and a random nonce, so that a reply is
/// matched without hashing and cannot be guessed by someone who does not see the query.
package struct TransactionID: Hashable, Sendable {
    /// The bytes in the low end, first byte most significant.
    private let bits: UInt64
    private let count: UInt8

    init(slot: UInt16, nonce: UInt32) {
        bits = UInt64(slot) << 32 | UInt64(nonce)
        count = 6
    }

    /// The first eight bytes of a given text; for the vectors of the specifications.
    package init(_ bytes: [UInt8]) {
        let kept = bytes.prefix(8)
        bits = kept.reduce(0) { $0 << 8 | UInt64($1) }
        count = UInt8(kept.count)
    }

    /// The transaction of a reply; nil when its length is none of ours.
    init?(_ bytes: Span<UInt8>, _ range: ByteRange) {
        guard range.count == 6, bytes.holds(range) else { return nil }
        bits =
            UInt64(bytes.bigEndian16(at: range.start)) << 32
            | UInt64(bytes.bigEndian32(at: range.start + 2))
        count = 6
    }

    var slot: Int { Int(bits >> 32 & 0xFFFF) }
    var nonce: UInt32 { UInt32(truncatingIfNeeded: bits) }

    func append(to bytes: inout [UInt8]) {
        var shift = (Int(count) - 1) * 8
        while shift >= 0 {
            bytes.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift)))
            shift -= 8
        }
    }

    var byteCount: Int { Int(count) }
}
