#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The bytes of an IP address, for comparing with networks.
struct IPAddress: Sendable, Hashable {
    /// 4 or 16 bytes, most significant first.
    let bytes: [UInt8]

    /// Whether it was written as IPv6 but stands for an IPv4 address (RFC 4291 section 2.5.5.2).
    let wasMapped: Bool

    /// Reads dotted decimal or IPv6 text.
    ///
    /// An IPv4-mapped IPv6 address becomes its IPv4 address, so that no list of networks can be
    /// walked around by writing an address differently.
    init?(_ text: String) {
        if let four = IPAddress.parse(text, family: AF_INET, count: 4) {
            bytes = four
            wasMapped = false
        } else if let sixteen = IPAddress.parse(text, family: AF_INET6, count: 16) {
            let mapped =
                sixteen.prefix(10).allSatisfy { $0 == 0 } && sixteen[10...11] == [255, 255]
            bytes = mapped ? Array(sixteen.suffix(4)) : sixteen
            wasMapped = mapped
        } else {
            return nil
        }
    }

    private static func parse(_ text: String, family: Int32, count: Int) -> [UInt8]? {
        // The C function would stop at a NUL and accept what stands before it.
        guard !text.utf8.contains(0) else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        return inet_pton(family, text, &bytes) == 1 ? bytes : nil
    }
}

/// Host names, as far as a setting has to judge them.
enum HostName {
    /// Labels of 1 to 63 letters, digits, `-` and `_`, at most 253 bytes; the last is no number,
    /// for such text is a mistyped IPv4 address.
    static func isValid(_ text: String) -> Bool {
        isValid(text[...].utf8)
    }

    /// The same of text that is a part of another.
    static func isValid(_ text: Substring.UTF8View) -> Bool {
        guard (1...253).contains(text.count) else { return false }
        var labelLength = 0
        var isNumber = true
        for byte in text {
            if byte == UInt8(ascii: ".") {
                guard (1...63).contains(labelLength) else { return false }
                (labelLength, isNumber) = (0, true)
            } else {
                guard isHostByte(byte) else { return false }
                labelLength += 1
                isNumber = isNumber && byte.isASCIIDigit
            }
        }
        return (1...63).contains(labelLength) && !isNumber
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
