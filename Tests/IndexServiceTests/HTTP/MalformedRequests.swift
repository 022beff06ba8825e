@testable import IndexService

/// Bytes that are no request of HTTP/1.1, each wrong in one way.
enum MalformedRequests {
    /// A right request up to its headers' end, to be spoilt.
    private static let host = "Host: h\r\n"
    private static let token = "Authorization: Bearer \(RunningService.token)\r\n"
    private static let post = "POST /admin/purge HTTP/1.1\r\n\(host)\(token)"
    private static let body = #"{"keys":["a"]}"#

    static let requestLines: [(name: String, bytes: [UInt8])] = [
        ("no target", text("GET\r\n\r\n")),
        ("no version", text("GET /healthz\r\n\r\n")),
        ("words behind the version", text("GET /healthz HTTP/1.1 please\r\n\(host)\r\n")),
        ("lower-case method", text("get /healthz HTTP/1.1\r\n\(host)\r\n")),
        ("unknown method", text("BREW /healthz HTTP/1.1\r\n\(host)\r\n")),
        ("no method", text(" /healthz HTTP/1.1\r\n\(host)\r\n")),
        ("space before the method", text(" GET /healthz HTTP/1.1\r\n\(host)\r\n")),
        ("a method of 100 kB", text(String(repeating: "A", count: 100_000))),
        ("tabs for spaces", text("GET\t/healthz\tHTTP/1.1\r\n\(host)\r\n")),
        ("a space in the target", text("GET /heal thz HTTP/1.1\r\n\(host)\r\n")),
        ("NUL in the target", text("GET /heal\0thz HTTP/1.1\r\n\(host)\r\n")),
        ("DEL in the target", text("GET /heal\u{7f}thz HTTP/1.1\r\n\(host)\r\n")),
        ("a control in the target", text("GET /heal\u{1}thz HTTP/1.1\r\n\(host)\r\n")),
        ("a bare CR in the target", text("GET /heal\rthz HTTP/1.1\r\n\(host)\r\n")),
        ("raw UTF-8 in the target", text("GET /resolve/caf\u{e9} HTTP/1.1\r\n\(host)\r\n")),
        ("raw high bytes in the target", text("GET /") + [0xff, 0xfe] + text(" HTTP/1.1\r\n\r\n")),
        ("a target without a slash", text("GET healthz HTTP/1.1\r\n\(host)\r\n")),
        ("a scheme with one slash", text("GET http:/healthz HTTP/1.1\r\n\(host)\r\n")),
        ("HTTP/0.9", text("GET /healthz HTTP/0.9\r\n\(host)\r\n")),
        ("HTTP/1.2", text("GET /healthz HTTP/1.2\r\n\(host)\r\n")),
        ("HTTP/2.0", text("GET /healthz HTTP/2.0\r\n\(host)\r\n")),
        ("HTTP/3", text("GET /healthz HTTP/3\r\n\(host)\r\n")),
        ("HTTP/1", text("GET /healthz HTTP/1\r\n\(host)\r\n")),
        ("HTTP/11.1", text("GET /healthz HTTP/11.1\r\n\(host)\r\n")),
        ("http/1.1", text("GET /healthz http/1.1\r\n\(host)\r\n")),
        ("ICY/1.1", text("GET /healthz ICY/1.1\r\n\(host)\r\n")),
        ("HTTP/1.1 with a bare CR", text("GET /healthz HTTP/1.1\r\(host)\r\n\r\n")),
    ]

    static let headers: [(name: String, bytes: [UInt8])] = [
        ("no colon", get("Header\r\n")),
        ("no name", get(": value\r\n")),
        ("a space before the colon", get("X-A : value\r\n")),
        ("a space in the name", get("X A: value\r\n")),
        ("a tab in the name", get("X\tA: value\r\n")),
        ("a bracket in the name", get("X(A): value\r\n")),
        ("NUL in the name", get("X\0A: value\r\n")),
        ("a high byte in the name", get("X\u{e9}: value\r\n")),
        ("NUL in a value", get("X-A: a\0b\r\n")),
        ("a control in a value", get("X-A: a\u{1}b\r\n")),
        ("a bare CR in a value", get("X-A: a\rb\r\n")),
        ("a bare LF in a value", get("X-A: a\nb\r\n")),
        ("a folded line", get("X-A: a\r\n b\r\n")),
        ("a folded first line", text("GET /healthz HTTP/1.1\r\n X-A: a\r\n\(host)\r\n")),
        ("no Host", text("GET /healthz HTTP/1.1\r\n\r\n")),
        ("two Hosts", get("Host: h\r\n")),
        ("two Hosts in HTTP/1.0", text("GET /healthz HTTP/1.0\r\n\(host)\(host)\r\n")),
        ("a space in Host", text("GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n")),
        ("a path in Host", text("GET /healthz HTTP/1.1\r\nHost: a/b\r\n\r\n")),
        ("a user in Host", text("GET /healthz HTTP/1.1\r\nHost: u@h\r\n\r\n")),
        ("a high byte in Host", text("GET /healthz HTTP/1.1\r\nHost: \u{e9}\r\n\r\n")),
    ]

    static let bodies: [(name: String, bytes: [UInt8])] =
        [
            "-1", "+5", "1e3", "0x10", "5 5", "5, 5", "5,6", "abc", "5.0",
            "99999999999999999999999999", "18446744073709551616", "\u{b2}",
        ].map { length in
            ("Content-Length: \(length)", text("\(post)Content-Length: \(length)\r\n\r\n\(body)"))
        } + [
            ("an empty length", text("\(post)Content-Length:\r\n\r\n\(body)")),
            ("two lengths", length("14", more: "Content-Length: 14\r\n")),
            ("two unlike lengths", length("14", more: "Content-Length: 15\r\n")),
            ("length and coding", length("14", more: "Transfer-Encoding: chunked\r\n")),
            ("coding and length", coding("chunked", more: "Content-Length: 14\r\n")),
            ("unknown coding", coding("xchunked")),
            ("chunked not last", coding("chunked, gzip")),
            ("chunked twice", coding("chunked, chunked")),
            ("a coding before chunked", coding("gzip, chunked")),
            ("two codings in two lines", coding("gzip", more: "Transfer-Encoding: chunked\r\n")),
            ("chunked in two lines", coding("chunked", more: "Transfer-Encoding: chunked\r\n")),
            ("identity", coding("identity")),
            ("an empty coding", coding("")),
            ("a quoted coding", coding("\"chunked\"")),
            ("chunked with a parameter", coding("chunked;a=b")),
            (
                "chunked in HTTP/1.0",
                text(
                    "POST /admin/purge HTTP/1.0\r\n\(token)Transfer-Encoding: chunked\r\n\r\n"
                        + "0\r\n\r\n"
                )
            ),
            ("a chunk's size that is none", chunks("zz\r\n\(body)\r\n0\r\n\r\n")),
            ("a negative size", chunks("-1\r\n\(body)\r\n0\r\n\r\n")),
            ("a size with 0x", chunks("0xe\r\n\(body)\r\n0\r\n\r\n")),
            ("a size that overflows", chunks("ffffffffffffffffff\r\n\(body)\r\n")),
            ("no size", chunks("\r\n\(body)\r\n0\r\n\r\n")),
            ("a space before the size", chunks(" e\r\n\(body)\r\n0\r\n\r\n")),
            ("a chunk longer than its size", chunks("2\r\n\(body)\r\n0\r\n\r\n")),
            ("a size without its end", chunks("e\r\(body)\r\n0\r\n\r\n")),
            ("a trailer without a colon", chunks("e\r\n\(body)\r\n0\r\nTrailer\r\n\r\n")),
        ]

    static let otherProtocols: [(name: String, bytes: [UInt8])] = [
        ("HTTP/2 preface", text("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") + [0, 0, 0, 4, 0, 0, 0, 0, 0]),
        (
            "TLS hello",
            [0x16, 0x03, 0x01, 0x00, 0x2e, 0x01, 0x00, 0x00, 0x2a, 0x03, 0x03]
                + [UInt8](repeating: 0x5a, count: 32)
        ),
        ("SSH", text("SSH-2.0-OpenSSH_9.2\r\n")),
        ("SOCKS 5", [5, 1, 0]),
        ("a proxy's line", text("PROXY TCP4 192.0.2.1 192.0.2.2 4000 80\r\n")),
        ("NUL bytes", [UInt8](repeating: 0, count: 100)),
        ("high bytes", [UInt8](repeating: 0xff, count: 5000)),
        ("an answer", text("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")),
        ("SMTP", text("EHLO mail.example\r\n")),
        ("Redis", text("*1\r\n$4\r\nPING\r\n")),
        ("JSON", text("{\"method\":\"GET\"}\n")),
    ]

    private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

    private static func get(_ lines: String) -> [UInt8] {
        text("GET /healthz HTTP/1.1\r\n\(host)\(lines)\r\n")
    }

    private static func length(_ value: String, more: String) -> [UInt8] {
        text("\(post)Content-Length: \(value)\r\n\(more)\r\n\(body)")
    }

    private static func coding(_ value: String, more: String = "") -> [UInt8] {
        text("\(post)Transfer-Encoding: \(value)\r\n\(more)\r\ne\r\n\(body)\r\n0\r\n\r\n")
    }

    private static func chunks(_ chunks: String) -> [UInt8] {
        text("\(post)Transfer-Encoding: chunked\r\n\r\n\(chunks)")
    }
}
