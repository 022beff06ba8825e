import NIOCore
import Testing

@testable import IndexService

/// What the lines that come in are taken for, however they are cut into reads.
@Suite struct ArrivingLinesTests {
    private static let long = String(repeating: "x", count: 20)

    /// Bytes, and the kind of the last line of over 16 bytes among them.
    private static let texts: [(String, ArrivingLines.Kind?)] = [
        ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", nil),
        ("GET /\(long) HTTP/1.1\r\nHost: h\r\n\r\n", .other),
        ("GET /\(long)", .other),
        ("GET /\r\nX-Long: \(long)\r\n\r\n", .header),
        ("GET /\r\nX-Long: \(long)", .header),
        ("GET /\r\n\r\nGET /\(long) HTTP/1.1\r\nX: y\r\n", .other),
        ("GET /\(long)\r\n\r\nGET /\r\nX-\(long): y\r\n", .header),
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
                }
                #expect(kinds.last == expected, "\(text.debugDescription), \(first), \(second)")
            }
        }
    }
}
