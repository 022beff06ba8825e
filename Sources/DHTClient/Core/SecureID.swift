/// BEP 42: ids whose first 21 bits follow from the node's address, so that nobody can choose
/// freely where in the id space to sit.
package enum SecureID {
    /// Whether an id is one that its address allows.
    ///
    /// Local addresses are exempt, because behind one of them nobody knows the address others see.
    package static func isValid(_ id: NodeID, for endpoint: Endpoint) -> Bool {
        guard endpoint.scope == .global else { return true }
        let expected = checksum(of: endpoint, salt: UInt8(truncatingIfNeeded: id.low & 7))
        return UInt32(truncatingIfNeeded: id.high >> 43) == expected >> 11
    }

    /// An id that the address allows; what the address leaves open is random.
    package static func make(
        for endpoint: Endpoint,
        using generator: inout some RandomNumberGenerator
    ) -> NodeID {
        make(for: endpoint, salt: UInt8(truncatingIfNeeded: generator.next()), using: &generator)
    }

    /// The same with the last byte of the id given, whose low three bits are the `r` of BEP 42.
    static func make(
        for endpoint: Endpoint,
        salt: UInt8,
        using generator: inout some RandomNumberGenerator
    ) -> NodeID {
        let random = NodeID.random(using: &generator)
        let prefix = UInt64(checksum(of: endpoint, salt: salt & 7) >> 11) << 43
        return NodeID(
            high: prefix | random.high & (1 << 43 - 1),
            middle: random.middle,
            low: random.low & 0xFFFF_FF00 | UInt32(salt)
        )
    }

    /// The CRC-32C of the masked address with `salt` in its top three bits.
    static func checksum(of endpoint: Endpoint, salt: UInt8) -> UInt32 {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8)
        switch endpoint.family {
        case .v4:
            let address = UInt32(truncatingIfNeeded: endpoint.low)
            bytes.appendBigEndian(address & 0x030F_3FFF | UInt32(salt) << 29)
        case .v6:
            bytes.appendBigEndian(endpoint.high & 0x0103_070F_1F3F_7FFF | UInt64(salt) << 61)
        }
        return crc32c(bytes)
    }

    /// CRC-32C (Castagnoli), bit by bit: eight bytes at most are hashed, a table would not pay.
    static func crc32c(_ bytes: [UInt8]) -> UInt32 {
        var crc = UInt32.max
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 {
                crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1
            }
        }
        return ~crc
    }
}
