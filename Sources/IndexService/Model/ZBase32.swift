/// z-base-32 as pkarr writes public keys: 52 characters for 32 bytes, the last 4 bits zero.
enum ZBase32 {
    private static let alphabet = Array("ybndrfg8ejkmcpqxot1uwisza345h769".utf8)
    private static let encodedKeyLength = 52

    /// Whether `label` is the encoding of exactly 32 bytes.
    static func isEncodedKey(_ label: some BidirectionalCollection<UInt8>) -> Bool {
        guard label.count == encodedKeyLength, let last = label.last else { return false }
        // 52 characters carry 260 bits: the 4 padding bits of the last one must be zero, so that
        // one key has one spelling.
        return label.allSatisfy(alphabet.contains) && (last == alphabet[0] || last == alphabet[16])
    }
}
