import NIOCore
import Testing

@testable import IndexService

/// What the lines that come in are taken for, however they are cut into reads.
@Suite struct ArrivingLinesTests {
    private static let long = String(repeating: "x", count: 20)

    /// Bytes, and the kind of the first line of over 16 bytes among them.
    private static let texts: [(String, ArrivingLines.Kind?)] = [
        ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", nil),
        ("GET /\(long) HTTP/1.1\r\nHost: h\r\n\r\n", .other),
        ("GET /\(long)", .other),
        ("GET /\r\nX-Long: \(long)\r\n\r\n", .header),
        ("GET /\r\nX-Long: \(long)", .header),
        ("GET /\r\n\r\nGET /\(long) HTTP/1.1\r\nX: y\r\n", .other),
        ("GET /\(long)\r\n\r\nGET /\r\nX-\(long): y\r\n", .other),
        ("GET /\r\nX_\(long): y\r\n\r\n", .header),
        ("GET /\r\n\(long)_.!: y\r\n\r\n", .header),
        (#"{"key":"value"}GET /\#(long) HTTP/1.1"#, .other),
        ("\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n", nil),
    ]

    @Test(arguments: texts.indices) func cutsChangeNothing(index: Int) {
        let (text, expected) = Self.texts[index]
        let bytes = Array(text.utf8)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                var lines = ArrivingLines()
                let parts = [bytes[..<first], bytes[first..<second], bytes[second...]]
                let kinds = parts.compactMap { part in
                    lines.take(ByteBuffer(bytes: part), longerThan: 16)
                    return lines.longOne
                }
                let kind = kinds.first { $0 != .undecided }
                #expect(kind == expected, "\(text.debugDescription), \(first), \(second)")
            }
        }
    }

    @Test func whatWasLongInAHeadIsForgottenBehindIt() {
        var lines = ArrivingLines()
        for read in ["GET /\(Self.long)\r\nHost: h\r\n", "\r", "\n"] {
            lines.take(ByteBuffer(string: read), longerThan: 16)
            #expect(lines.longOne == .other)
        }
        lines.take(ByteBuffer(string: "GET / HTTP/1.1\r\nX-A: b\r\n"), longerThan: 16)
        #expect(lines.longOne == nil)
        lines.take(ByteBuffer(string: "X-B: \(Self.long)\r\n"), longerThan: 16)
        #expect(lines.longOne == .header)
    }
}
