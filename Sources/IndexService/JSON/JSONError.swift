/// Why a JSON text, or a field in it, was refused.
///
/// Everything here is the sender's mistake, so it is a value that becomes a 400 or a numbered line
/// of an import report; `detail` is one sentence that is safe to send back.
package enum JSONError: Error, Hashable, Sendable {
    /// The bytes are not the JSON we accept; `offset` is the byte, from 0, where that showed.
    case syntax(Rule, offset: Int)
    /// The JSON is well-formed but a field is unknown, missing or of the wrong kind.
    case field(String)

    /// The rule that a text broke.
    package enum Rule: Hashable, Sendable {
        case tooLarge(limit: Int)
        case tooDeep(limit: Int)
        case invalidUTF8
        case endedEarly
        case expectedValue
        case expectedName
        case expectedColon
        case expectedCommaOrBrace
        case expectedCommaOrBracket
        case trailingBytes
        case duplicateName(String)
        case controlCharacter
        case unknownEscape
        case badHexEscape
        case loneSurrogate
        case leadingZero
        case missingDigits
        case numberTooLong(limit: Int)
        case numberTooGreat
        case inexactInteger
    }

    /// One sentence for the person who sent the text.
    package var detail: String {
        switch self {
        case .syntax(let rule, let offset): "\(rule.reason), at byte \(offset)"
        case .field(let sentence): sentence
        }
    }
}

extension JSONError.Rule {
    /// The rule in words, without the place.
    package var reason: String {
        switch self {
        case .tooLarge(let limit): "the text is over \(limit) bytes"
        case .tooDeep(let limit): "arrays and objects are nested over \(limit) deep"
        case .invalidUTF8: "the text is not valid UTF-8"
        case .endedEarly: "the text ends before its value does"
        case .expectedValue: "a JSON value was expected here"
        case .expectedName: "a member name in double quotes was expected here"
        case .expectedColon: "a colon was expected after the member name"
        case .expectedCommaOrBrace: "a comma or '}' was expected after the member"
        case .expectedCommaOrBracket: "a comma or ']' was expected after the element"
        case .trailingBytes: "only white space may follow the value"
        case .duplicateName(let name):
            "the name \(quotedForMessage(name)) stands twice in one object"
        default: textReason
        }
    }

    /// The rules inside of a string or a number.
    private var textReason: String {
        switch self {
        case .controlCharacter: "a control character in a string must be escaped"
        case .unknownEscape: "a backslash must be followed by one of \"\\/bfnrtu"
        case .badHexEscape: "\\u must be followed by four hexadecimal digits"
        case .loneSurrogate: "a \\u escape of a surrogate needs its other half"
        case .leadingZero: "a number must not begin with a superfluous zero"
        case .missingDigits: "a digit was expected in the number"
        case .numberTooLong(let limit): "a number is written with over \(limit) characters"
        case .numberTooGreat: "a number is too great for an IEEE 754 double"
        case .inexactInteger:
            "an IEEE 754 double cannot keep this integer's digits (RFC 8785); write it as a string"
        default: "the text is not JSON"
        }
    }
}

/// A sender's text made fit for a one-line message: quoted, escaped, cut after 64 characters.
func quotedForMessage(_ text: String) -> String {
    var bytes: [UInt8] = []
    let head = text.unicodeScalars.prefix(64)
    bytes.appendJSONString(String(String.UnicodeScalarView(head)))
    let quoted = String(decoding: bytes, as: UTF8.self)
    return head.endIndex == text.unicodeScalars.endIndex ? quoted : quoted + "…"
}
