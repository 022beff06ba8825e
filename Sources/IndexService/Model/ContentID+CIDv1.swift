extension ContentID {
    /// Reads a CIDv1 of IPFS, in lower-case base32, whose multihash is a BLAKE3 of 32 bytes.
    ///
    /// Such as `bafkr4i…`; any codec. Nil for everything else.
    package init?(cidV1 text: ArraySlice<UInt8>) {
        // 1 + 9 + 1 + 1 + 32 bytes at most, with a codec of the longest varint.
        guard text.first == UInt8(ascii: "b"), text.count <= 72,
            let bytes = Self.decodeBase32(text.dropFirst())
        else { return nil }
        var rest = bytes[...]
        guard rest.popFirst() == 1, Self.skipVarint(&rest),
            rest.popFirst() == 0x1E, rest.popFirst() == 32
        else { return nil }
        self.init(bytes: rest)
    }

    /// Skips an unsigned varint of at most 9 bytes; false when there is none.
    private static func skipVarint(_ bytes: inout ArraySlice<UInt8>) -> Bool {
        for index in 0..<9 {
            guard let byte = bytes.popFirst() else { return false }
            // A last byte of 0 would be a longer spelling of a shorter number.
            if byte < 0x80 { return byte != 0 || index == 0 }
        }
        return false
    }

    /// Base32 of RFC 4648 in lower case, without padding characters; padding bits must be zero.
    private static func decodeBase32(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var (bits, count): (UInt32, UInt32) = (0, 0)
        for character in text {
            switch character {
            case UInt8(ascii: "a")...UInt8(ascii: "z"):
                bits = bits << 5 | UInt32(character - UInt8(ascii: "a"))
            case UInt8(ascii: "2")...UInt8(ascii: "7"):
                bits = bits << 5 | UInt32(character - UInt8(ascii: "2") + 26)
            default: return nil
            }
            count += 5
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> count))
                bits &= 1 << count - 1
            }
        }
        return count < 5 && bits == 0 ? bytes : nil
    }
}
