/// A setting's value as a source gives it, before its row has judged it.
package enum RawSetting: Sendable, Equatable {
    /// From the command line or the environment, where everything is text.
    case text(String)

    /// From the file, where values have types.
    case string(String)
    case integer(Int)
    case boolean(Bool)
    case list([String])

    /// From the file, of a type that no setting has; carries the type's name.
    case unsupported(String)
}

extension RawSetting: CustomStringConvertible {
    /// Longest piece of a value in a message, in characters.
    private static let longestShown = 80

    /// The value for a message: short, on one line, without control characters.
    package var description: String {
        switch self {
        case .text(let text), .string(let text): RawSetting.quoted(text)
        case .integer(let number): String(number)
        case .boolean(let value): String(value)
        case .list(let items): RawSetting.quoted(items.joined(separator: ","))
        case .unsupported(let type): "a value of type \(type)"
        }
    }

    /// Text that cannot forge a line of a log or steer a terminal.
    static func quoted(_ text: String) -> String {
        let shown = text.prefix(longestShown)
        return String(shown).debugDescription + (shown.endIndex < text.endIndex ? "…" : "")
    }
}

extension RawSetting: Encodable {
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let text), .string(let text), .unsupported(let text):
            try container.encode(text)
        case .integer(let number): try container.encode(number)
        case .boolean(let value): try container.encode(value)
        case .list(let items): try container.encode(items)
        }
    }
}
