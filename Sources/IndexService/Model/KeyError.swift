/// Why a text is not a name or a content id; each case says which rule broke.
package enum KeyError: Error, Equatable, CustomStringConvertible {
    case empty
    case nameLength(Int)
    case emptyLabel
    case labelStart(UInt8)
    case character(UInt8)
    case percentEncoding
    case contentIDPrefix
    case contentIDLength(Int)
    case contentIDDigits

    package var description: String {
        switch self {
        case .empty:
            "the key is empty; give a name such as libc6, or b3: and 64 hex digits"
        case .nameLength(let length):
            "the name has \(length) bytes; at most \(Name.maximumLength) are allowed"
        case .emptyLabel:
            "the name has an empty label; single dots separate labels, none stand at either end"
        case .labelStart(let byte):
            "a label begins with \(Self.show(byte)); a label begins with a letter or a digit"
        case .character(let byte):
            "the name contains \(Self.show(byte)); allowed are a-z 0-9 - _ + and dots"
        case .percentEncoding:
            "a percent sign is not followed by two hex digits"
        case .contentIDPrefix:
            "a content id begins with b3:"
        case .contentIDLength(let count):
            "a content id has 64 hex digits after b3:, not \(count)"
        case .contentIDDigits:
            "a content id has only the digits 0-9 and a-f after b3:"
        }
    }

    /// Prints a byte so that it is safe in a log line and an error body.
    private static func show(_ byte: UInt8) -> String {
        if byte > 0x20, byte < 0x7f {
            return "'\(Character(Unicode.Scalar(byte)))'"
        }
        let digits = String(byte, radix: 16)
        return "byte 0x" + (digits.utf8.count == 1 ? "0" : "") + digits
    }
}
