internal import NIOCore

/// The lines that come in, as far as their length goes: tells a long target from long headers.
///
/// The decoder tells that a head is too large, not what of it. It may be decoding requests that
/// wait behind others, so nothing here depends on where a request begins: a line that begins like a
/// header is one, and any other that is so long is a request line. Bodies are lines too, which are
/// forgotten with the next long line of a head.
struct ArrivingLines {
    enum Kind {
        /// Not enough has come to tell.
        case undecided
        case header
        case other
    }

    /// Of the line whose end has not come yet.
    private var kind = Kind.undecided
    private var length = 0

    /// Takes the bytes of one read.
    ///
    /// - Returns: the kind of the last line of over `limit` bytes among them, what came of it
    ///   before included; nil when there is none.
    mutating func take(_ bytes: ByteBuffer, longerThan limit: Int) -> Kind? {
        bytes.withUnsafeReadableBytes { bytes in
            guard length + bytes.count > limit else {
                if let end = bytes.lastIndex(of: UInt8(ascii: "\n")) {
                    self = ArrivingLines()
                    add(bytes[(end + 1)...])
                } else {
                    add(bytes[...])
                }
                return nil
            }
            var longest: Kind?
            var rest = bytes[...]
            while true {
                let end = rest.firstIndex(of: UInt8(ascii: "\n"))
                add(rest[..<(end ?? rest.endIndex)])
                if length > limit { longest = kind }
                guard let end else { return longest }
                self = ArrivingLines()
                rest = rest[(end + 1)...]
            }
        }
    }

    private mutating func add(_ part: Slice<UnsafeRawBufferPointer>) {
        length += part.count
        guard kind == .undecided else { return }
        for byte in part {
            if byte == UInt8(ascii: ":") { return kind = .header }
            guard byte.isASCIIAlphanumeric || byte == UInt8(ascii: "-") else {
                return kind = .other
            }
        }
    }
}
