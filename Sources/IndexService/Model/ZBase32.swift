/// z-base-32 as pkarr writes public keys: 52 characters for 32 bytes, the last 4 bits zero.
enum ZBase32 {
    private static let alphabet = Array("ybndrfg8ejkmcpqxot1uwisza345h769".utf8)
    private static let encodedKeyLength = 52
    private static let keyCount = 32

    /// Whether `label` is the encoding of exactly 32 bytes.
    static func isEncodedKey(_ label: some BidirectionalCollection<UInt8>) -> Bool {
        guard label.count == encodedKeyLength, let last = label.last else { return false }
        // 52 characters carry 260 bits: the 4 padding bits of the last one must be zero, so that
        // one key has one spelling.
        return label.allSatisfy(alphabet.contains) && (last == alphabet[0] || last == alphabet[16])
    }

    /// The 52 characters of 32 bytes; nil for any other count.
    static func encode(_ key: [UInt8]) -> String? {
        guard key.count == keyCount else { return nil }
        var text: [UInt8] = []
        var (bits, count): (UInt32, UInt32) = (0, 0)
        for byte in key {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 5 {
                count -= 5
                text.append(alphabet[Int(bits >> count & 31)])
                bits &= 1 << count - 1
            }
        }
        text.append(alphabet[Int(bits << (5 - count) & 31)])
        return String(decoding: text, as: UTF8.self)
    }

    /// The 32 bytes that a label encodes; nil when it is not the encoding of a key.
    static func decode(_ label: some BidirectionalCollection<UInt8>) -> [UInt8]? {
        guard isEncodedKey(label) else { return nil }
        var key: [UInt8] = []
        var (bits, count): (UInt32, UInt32) = (0, 0)
        for character in label {
            guard let value = alphabet.firstIndex(of: character) else { return nil }
            bits = bits << 5 | UInt32(value)
            count += 5
            if count >= 8 {
                count -= 8
                key.append(UInt8(truncatingIfNeeded: bits >> count))
                bits &= 1 << count - 1
            }
        }
        return key
    }
}
