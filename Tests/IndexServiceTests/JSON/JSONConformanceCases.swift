import IndexService
import Testing

/// A text that must be accepted, with its canonical form.
struct AcceptedText: CustomTestStringConvertible {
    let text: String
    let canonical: String

    init(_ text: String, _ canonical: String? = nil) {
        self.text = text
        self.canonical = canonical ?? text
    }

    var testDescription: String { text }

    static let all: [AcceptedText] = structures + strings + numbers

    static let structures: [AcceptedText] = [
        AcceptedText("null"),
        AcceptedText("true"),
        AcceptedText("false"),
        AcceptedText("[]"),
        AcceptedText("{}"),
        AcceptedText(#""""#),
        AcceptedText("[[]]"),
        AcceptedText("[{}]"),
        AcceptedText("[[],[]]"),
        AcceptedText("[ ]", "[]"),
        AcceptedText("{ }", "{}"),
        AcceptedText(" [1] ", "[1]"),
        AcceptedText("\t\r\n 1\t\r\n ", "1"),
        AcceptedText("[1 , 2\n,\t3]", "[1,2,3]"),
        AcceptedText("[null,1,\"1\",{}]"),
        AcceptedText("[false,[true,[null]]]"),
        AcceptedText(#"{"a":[]}"#),
        AcceptedText(#"{ "a" : 1 }"#, #"{"a":1}"#),
        AcceptedText(#"{"b":1,"a":2}"#, #"{"a":2,"b":1}"#),
        AcceptedText(#"{"a":{"a":{"a":{}}}}"#),
        AcceptedText(#"{"":0}"#),
        AcceptedText(#"{"a":1,"A":2}"#, #"{"A":2,"a":1}"#),
        AcceptedText(#"{"a":1,"aa":2,"ab":3}"#),
        AcceptedText(#"{"10":0,"9":0,"1":0}"#, #"{"1":0,"10":0,"9":0}"#),
        AcceptedText(#"{"a\u0000b":1}"#),
        AcceptedText(#"{"\u0061":1}"#, #"{"a":1}"#),
        AcceptedText("{\"K\":1,\"\u{212A}\":2}"),
        AcceptedText("{\"e\u{301}\":1,\"\u{E9}\":2}"),
    ]

    static let strings: [AcceptedText] = [
        AcceptedText(#""\"\\\/\b\f\n\r\t""#, #""\"\\/\b\f\n\r\t""#),
        AcceptedText(#""\u0000\u001f\u001F""#, #""\u0000\u001f\u001f""#),
        AcceptedText(#""\u0060\u012a\u12AB""#, "\"`\u{12A}\u{12AB}\""),
        AcceptedText(#""\u0022\u005C\u002f""#, #""\"\\/""#),
        AcceptedText(#""\u0008\u0009""#, #""\b\t""#),
        AcceptedText(#""\ud83d\ude00""#, "\"\u{1F600}\""),
        AcceptedText(#""\uD800\uDC00""#, "\"\u{10000}\""),
        AcceptedText(#""\udbff\udfff""#, "\"\u{10FFFF}\""),
        AcceptedText(#""\uFFFF""#, "\"\u{FFFF}\""),
        AcceptedText("\"\u{7F}\""),
        AcceptedText(#""\u007f""#, "\"\u{7F}\""),
        AcceptedText("\"\u{2028}\u{2029}\u{FEFF}\""),
        AcceptedText("\"\u{E9}\u{20AC}\u{1F600}\""),
        AcceptedText(#""a/*b*/c//d""#),
        AcceptedText(#""\\u0000""#),
        AcceptedText(#""\\\"""#),
        AcceptedText(#""1234567\n12345678\n123456789""#),
        AcceptedText(#""12345678901234567890""#),
    ]

    static let numbers: [AcceptedText] = [
        AcceptedText("0"),
        AcceptedText("-0", "0"),
        AcceptedText("-0.0e-0", "0"),
        AcceptedText("1"),
        AcceptedText("-1"),
        AcceptedText("10"),
        AcceptedText("1.5"),
        AcceptedText("1.0", "1"),
        AcceptedText("1e2", "100"),
        AcceptedText("1E+2", "100"),
        AcceptedText("1E-2", "0.01"),
        AcceptedText("0e1", "0"),
        AcceptedText("0.1e1", "1"),
        AcceptedText("123.456e-789", "0"),
        AcceptedText("1e-7"),
        AcceptedText("0.000001"),
        AcceptedText("0.00000123", "0.00000123"),
        AcceptedText("1e20", "100000000000000000000"),
        AcceptedText("1e21", "1e+21"),
        AcceptedText("100000000000000000000"),
        AcceptedText("1000000000000000000000", "1e+21"),
        AcceptedText("9007199254740991"),
        AcceptedText("9007199254740992"),
        AcceptedText("9007199254740994"),
        AcceptedText("295147905179352830000"),
        AcceptedText("9007199254740993.0", "9007199254740992"),
        AcceptedText("1.7976931348623157e308", "1.7976931348623157e+308"),
        AcceptedText("4.9e-324", "5e-324"),
        AcceptedText("2e-324", "0"),
        AcceptedText("2.2250738585072011e-308", "2.225073858507201e-308"),
        AcceptedText("0.1000000000000000055511151231257827021181583404541015625", "0.1"),
        AcceptedText("123456789012345678e-17", "1.2345678901234567"),
        AcceptedText("8.5e22", "8.5e+22"),
        AcceptedText("1e-0000000000000000000000001", "0.1"),
    ]
}

/// Bytes that must be refused, with the rule they break and where.
struct RefusedText: CustomTestStringConvertible {
    let bytes: [UInt8]
    let rule: JSONError.Rule
    let offset: Int

    init(_ text: String, _ rule: JSONError.Rule, _ offset: Int) {
        self.init(Array(text.utf8), rule, offset)
    }

    init(_ bytes: [UInt8], _ rule: JSONError.Rule, _ offset: Int) {
        (self.bytes, self.rule, self.offset) = (bytes, rule, offset)
    }

    var testDescription: String { String(decoding: bytes, as: UTF8.self) }

    static let all: [RefusedText] = structures + literals + strings + encodings + numbers

    static let structures: [RefusedText] = [
        RefusedText("", .endedEarly, 0),
        RefusedText("  ", .endedEarly, 2),
        RefusedText("[", .endedEarly, 1),
        RefusedText("{", .endedEarly, 1),
        RefusedText("]", .expectedValue, 0),
        RefusedText("}", .expectedValue, 0),
        RefusedText("[1", .endedEarly, 2),
        RefusedText("[1,", .endedEarly, 3),
        RefusedText("[1,]", .expectedValue, 3),
        RefusedText("[,1]", .expectedValue, 1),
        RefusedText("[1,,2]", .expectedValue, 3),
        RefusedText("[1 2]", .expectedCommaOrBracket, 3),
        RefusedText("[1}", .expectedCommaOrBracket, 2),
        RefusedText("[1:2]", .expectedCommaOrBracket, 2),
        RefusedText("[]]", .trailingBytes, 2),
        RefusedText("1 2", .trailingBytes, 2),
        RefusedText("[] x", .trailingBytes, 3),
        RefusedText("{}#", .trailingBytes, 2),
        RefusedText("1,", .trailingBytes, 1),
        RefusedText("{1:1}", .expectedName, 1),
        RefusedText("{a:1}", .expectedName, 1),
        RefusedText("{'a':1}", .expectedName, 1),
        RefusedText("{,}", .expectedName, 1),
        RefusedText(#"{"a":1,}"#, .expectedName, 7),
        RefusedText(#"{"a":1,,"b":2}"#, .expectedName, 7),
        RefusedText(#"{"a":1,"#, .endedEarly, 7),
        RefusedText(#"{"a"}"#, .expectedColon, 4),
        RefusedText(#"{"a" 1}"#, .expectedColon, 5),
        RefusedText(#"{"a","b"}"#, .expectedColon, 4),
        RefusedText(#"{"a""#, .endedEarly, 4),
        RefusedText(#"{"a":"#, .endedEarly, 5),
        RefusedText(#"{"a":}"#, .expectedValue, 5),
        RefusedText(#"{"a"::1}"#, .expectedValue, 5),
        RefusedText(#"{"a":1 "b":2}"#, .expectedCommaOrBrace, 7),
        RefusedText(#"{"a":1]"#, .expectedCommaOrBrace, 6),
        RefusedText(#"{"a":1"#, .endedEarly, 6),
        RefusedText("[1]/**/", .trailingBytes, 3),
        RefusedText("// c\n1", .expectedValue, 0),
        RefusedText("[\u{C}]", .expectedValue, 1),
        RefusedText("\u{A0}1", .expectedValue, 0),
        RefusedText(#"{"a":1,"a":1}"#, .duplicateName("a"), 7),
        RefusedText(#"{"b":1,"a":2,"\u0062":3}"#, .duplicateName("b"), 13),
        RefusedText(#"[{"a":{"x":1,"y":2,"x":3}}]"#, .duplicateName("x"), 19),
        RefusedText(#"{"":0,"":0}"#, .duplicateName(""), 6),
    ]

    static let literals: [RefusedText] = [
        RefusedText("nul", .endedEarly, 0),
        RefusedText("nulL", .expectedValue, 0),
        RefusedText("True", .expectedValue, 0),
        RefusedText("TRUE", .expectedValue, 0),
        RefusedText("truee", .trailingBytes, 4),
        RefusedText("[fals]", .expectedValue, 1),
        RefusedText("undefined", .expectedValue, 0),
        RefusedText("NaN", .expectedValue, 0),
        RefusedText("Infinity", .expectedValue, 0),
        RefusedText("-Infinity", .missingDigits, 1),
    ]

    static let strings: [RefusedText] = [
        RefusedText("\"", .endedEarly, 1),
        RefusedText("\"abc", .endedEarly, 4),
        RefusedText("'a'", .expectedValue, 0),
        RefusedText("abc", .expectedValue, 0),
        RefusedText("\"a\nb\"", .controlCharacter, 2),
        RefusedText("\"a\tb\"", .controlCharacter, 2),
        RefusedText("\"\u{0}\"", .controlCharacter, 1),
        RefusedText("\"\u{1F}\"", .controlCharacter, 1),
        RefusedText("\"12345678\u{8}\"", .controlCharacter, 9),
        RefusedText(#""\"#, .endedEarly, 1),
        RefusedText(#""\""#, .endedEarly, 3),
        RefusedText(#""\a""#, .unknownEscape, 1),
        RefusedText(#""\x00""#, .unknownEscape, 1),
        RefusedText(#""\'""#, .unknownEscape, 1),
        RefusedText(#""\U0041""#, .unknownEscape, 1),
        RefusedText(#""\u""#, .badHexEscape, 1),
        RefusedText(#""\u12"#, .endedEarly, 1),
        RefusedText(#""\u00G0""#, .badHexEscape, 1),
        RefusedText(#""\u 123""#, .badHexEscape, 1),
        RefusedText(#""\u+123""#, .badHexEscape, 1),
        RefusedText(#""\u{41}""#, .badHexEscape, 1),
        RefusedText(#""\ud800""#, .loneSurrogate, 1),
        RefusedText(#""\udfff""#, .loneSurrogate, 1),
        RefusedText(#""\ud800abc""#, .loneSurrogate, 1),
        RefusedText(#""\ud800\n""#, .loneSurrogate, 1),
        RefusedText(#""\ud800\u0041""#, .loneSurrogate, 1),
        RefusedText(#""\ud800\ud800""#, .loneSurrogate, 1),
        RefusedText(#""\udc00\ud800""#, .loneSurrogate, 1),
        RefusedText(#""\ud83d"#, .endedEarly, 7),
        RefusedText(#""\ud83d\ude0"#, .endedEarly, 7),
        RefusedText(#"{"\ud800":1}"#, .loneSurrogate, 2),
    ]

    static let encodings: [RefusedText] = [
        RefusedText([0xEF, 0xBB, 0xBF, 0x31], .expectedValue, 0),
        RefusedText([0x22, 0xFF, 0x22], .invalidUTF8, 1),
        RefusedText([0x22, 0x80, 0x22], .invalidUTF8, 1),
        RefusedText([0x22, 0xC3, 0x22], .invalidUTF8, 1),
        RefusedText([0x22, 0xE2, 0x82, 0x22], .invalidUTF8, 1),
        RefusedText([0x22, 0xC0, 0xAF, 0x22], .invalidUTF8, 1),
        RefusedText([0x22, 0xED, 0xA0, 0x80, 0x22], .invalidUTF8, 1),
        RefusedText([0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], .invalidUTF8, 1),
        RefusedText([0x22, 0xF0, 0x9F, 0x98], .invalidUTF8, 1),
        RefusedText([0x00], .expectedValue, 0),
        RefusedText([0x31, 0x00], .trailingBytes, 1),
        RefusedText([0xFF, 0xFE, 0x31, 0x00], .invalidUTF8, 0),
    ]

    static let numbers: [RefusedText] = [
        RefusedText("-", .endedEarly, 1),
        RefusedText("--1", .missingDigits, 1),
        RefusedText("+1", .expectedValue, 0),
        RefusedText(".5", .expectedValue, 0),
        RefusedText("-.5", .missingDigits, 1),
        RefusedText("1.", .endedEarly, 2),
        RefusedText("[1.]", .missingDigits, 3),
        RefusedText("1.e1", .missingDigits, 2),
        RefusedText("01", .leadingZero, 1),
        RefusedText("-01", .leadingZero, 2),
        RefusedText("00", .leadingZero, 1),
        RefusedText("0x1", .trailingBytes, 1),
        RefusedText("1e", .endedEarly, 2),
        RefusedText("1e+", .endedEarly, 3),
        RefusedText("[1e]", .missingDigits, 3),
        RefusedText("1e1.5", .trailingBytes, 3),
        RefusedText("1_000", .trailingBytes, 1),
        RefusedText("1 000", .trailingBytes, 2),
        RefusedText("\u{FF11}", .expectedValue, 0),
        RefusedText("1e400", .numberTooGreat, 0),
        RefusedText("-1.8e308", .numberTooGreat, 0),
        RefusedText("1e99999999999999999999", .numberTooGreat, 0),
        RefusedText("9007199254740993", .inexactInteger, 0),
        RefusedText("[-9223372036854775807]", .inexactInteger, 1),
        RefusedText("9223372036854775808", .inexactInteger, 0),
        RefusedText("18446744073709551616", .inexactInteger, 0),
        RefusedText("100000000000000000000000000001", .inexactInteger, 0),
        RefusedText(
            "[" + String(repeating: "1", count: 1025) + "]",
            .numberTooLong(limit: 1024),
            1
        ),
    ]
}
