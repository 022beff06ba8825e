/// Percent-decoding of one URL component (RFC 3986, section 2.1).
enum PercentDecoding {
    /// Decodes once; text without a percent sign comes back as it is.
    ///
    /// Bytes that are no UTF-8 after decoding become U+FFFD, which no key allows.
    static func decode(_ text: some StringProtocol) throws(KeyError) -> String {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
        return String(decoding: try bytes(of: text), as: UTF8.self)
    }

    /// Decodes a key, whose bytes are all ASCII; the error names the first one that is not.
    static func decodeKey(_ text: some StringProtocol) throws(KeyError) -> String {
        guard Substring(text).contains(byte: UInt8(ascii: "%")) else { return String(text) }
        let decoded = try bytes(of: text)
        if let other = decoded.first(where: { $0 > 0x7f }) { throw .character(other) }
        return String(decoding: decoded, as: UTF8.self)
    }

    private static func bytes(of text: some StringProtocol) throws(KeyError) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(text.utf8.count)
        var bytes = text.utf8.makeIterator()
        while let byte = bytes.next() {
            guard byte == UInt8(ascii: "%") else {
                decoded.append(byte)
                continue
            }
            guard let high = bytes.next().flatMap(hexValue),
                let low = bytes.next().flatMap(hexValue)
            else { throw .percentEncoding }
            decoded.append(high << 4 | low)
        }
        return decoded
    }

    private static func hexValue(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
