extension Digest: CustomStringConvertible {
    /// The number of hexadecimal digits in a digest.
    public static let hexCount = 2 * byteCount

    /// Reads a digest from ASCII; `nil` unless it is exactly 64 lowercase hexadecimal digits.
    public init?(hex digits: Span<UInt8>) {
        guard digits.count == Self.hexCount else { return nil }
        var bytes = InlineArray<32, UInt8>(repeating: 0)
        var invalid: UInt8 = 0
        for index in bytes.indices {
            let high = Self.nibble(digits[2 &* index])
            let low = Self.nibble(digits[2 &* index &+ 1])
            invalid |= (high | low) & 0xF0
            bytes[index] = high &<< 4 | low & 0x0F
        }
        guard invalid == 0 else { return nil }
        self.init(bytes: bytes.span)
    }

    /// Reads a digest from text; `nil` unless it is exactly 64 lowercase hexadecimal digits.
    public init?(hex text: some StringProtocol) {
        let digest = text.utf8.withContiguousStorageIfAvailable { Digest(hex: $0.span) }
        guard let digest = digest ?? Digest(hex: Array(text.utf8).span) else { return nil }
        self = digest
    }

    /// The 64 lowercase hexadecimal digits.
    public var hex: String {
        String(unsafeUninitializedCapacity: Self.hexCount) { buffer in
            writeHex { buffer[$0] = $1 }
            return Self.hexCount
        }
    }

    /// Appends the 64 lowercase hexadecimal digits as ASCII.
    public func appendHex(to output: inout [UInt8]) {
        output.reserveCapacity(output.count &+ Self.hexCount)
        writeHex { output.append($1) }
    }

    public var description: String { hex }

    @inline(__always)
    private func writeHex(_ write: (Int, UInt8) -> Void) {
        withUnsafeBytes { bytes in
            for index in 0..<Self.byteCount {
                write(2 &* index, Self.digit(bytes[index] &>> 4))
                write(2 &* index &+ 1, Self.digit(bytes[index] & 0x0F))
            }
        }
    }

    /// The value of a digit, or 0xFF.
    @inline(__always)
    private static func nibble(_ digit: UInt8) -> UInt8 {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit &- UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit &- UInt8(ascii: "a") &+ 10
        default: 0xFF
        }
    }

    @inline(__always)
    private static func digit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? UInt8(ascii: "0") &+ nibble : UInt8(ascii: "a") &- 10 &+ nibble
    }
}
