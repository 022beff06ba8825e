internal import NIOCore

/// The lines that come in, as far as their length goes: tells a long target from long headers.
///
/// The decoder tells that a head is too large, not what of it. It may be decoding requests that
/// wait behind others, so nothing here depends on where a request begins: a line that begins like a
/// header is one, and any other that is so long is a request line. An empty line ends a head: what
/// was long before it is forgotten with the next read, for this one is not decoded yet. Bodies are
/// lines too.
struct ArrivingLines {
    enum Kind {
        /// Not enough has come to tell.
        case undecided
        case header
        case other
    }

    /// The first line over the limit, of a head that may not be decoded yet.
    private(set) var longOne: Kind?
    /// Whether an empty line came behind it.
    private var isHeadOver = false
    /// Of the line whose end has not come yet.
    private var kind = Kind.undecided
    private var length = 0
    /// Whether nothing of it came but a carriage return.
    private var isBlank = true

    /// Takes the bytes of one read.
    mutating func take(_ bytes: ByteBuffer, longerThan limit: Int) {
        bytes.withUnsafeReadableBytes { bytes in
            if isHeadOver { (longOne, isHeadOver) = (nil, false) }
            var rest = bytes[...]
            // Nothing in here can be long, and nothing has to be forgotten.
            if longOne == nil, length + bytes.count <= limit,
                let end = rest.lastIndex(of: UInt8(ascii: "\n"))
            {
                beginLine()
                rest = rest[(end + 1)...]
            }
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                add(rest[..<end], limit)
                if isBlank { isHeadOver = true }
                beginLine()
                rest = rest[(end + 1)...]
            }
            add(rest, limit)
        }
    }

    private mutating func beginLine() {
        (kind, length, isBlank) = (.undecided, 0, true)
    }

    private mutating func add(_ part: Slice<UnsafeRawBufferPointer>, _ limit: Int) {
        length += part.count
        for byte in part {
            guard kind == .undecided else { break }
            if byte != UInt8(ascii: "\r") { isBlank = false }
            if byte == UInt8(ascii: ":") {
                kind = .header
            } else if !byte.isTokenCharacter, byte != UInt8(ascii: "\r") {
                kind = .other
            }
        }
        guard length > limit else { return }
        // What could not be told of its beginning may be told now.
        if longOne == nil || longOne == .undecided { longOne = kind }
        isHeadOver = false
    }
}
