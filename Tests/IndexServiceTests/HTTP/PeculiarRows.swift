@testable import IndexService

// Requests about a sample target with something peculiar about them (contract, sections 3 and 4).

extension ContractRow {
    static func peculiar(_ target: String) -> [ContractRow] {
        let plain = WireRequest("GET", target)
        return sized(target, plain) + framed(plain) + padded(plain) + conditional(plain)
            + otherMethods(plain) + addressed(plain)
    }

    private static func good(
        _ name: String,
        _ request: WireRequest,
        status: Int = 200,
        headers: [String: HeaderRule] = [:]
    ) -> ContractRow {
        ContractRow(name: name, request: request, status: status, headers: headers, cache: .answers)
    }

    /// Around the limits of target and headers, and beyond what the decoder takes.
    private static func sized(_ target: String, _ plain: WireRequest) -> [ContractRow] {
        func padded(_ bytes: Int) -> WireRequest {
            let pad = String(repeating: "x", count: bytes - target.utf8.count - 3)
            return WireRequest("GET", "\(target)?x=\(pad)")
        }
        func header(_ bytes: Int) -> WireRequest {
            plain.with("X-Long", String(repeating: "h", count: bytes))
        }
        return [
            good("the longest target", padded(8192)),
            .refused("a byte too long", padded(8193), 414, "uri_too_long"),
            .refused("far too long", padded(40_000), 414, "uri_too_long"),
            good("long headers", header(16_000)),
            .refused("headers too long", header(16_384), 431, "headers_too_large"),
            .refused("headers far too long", header(40_000), 431, "headers_too_large"),
        ]
    }

    /// Bodies that nobody asked for, and what is said of bodies.
    private static func framed(_ plain: WireRequest) -> [ContractRow] {
        let body = Array("a body".utf8)
        var chunked = plain.with("Transfer-Encoding", "chunked")
        chunked.sendsLength = false
        chunked.body = WireRequest.chunks(of: body, by: 2)
        let expecting = plain.with("Expect", "100-continue")
        return [
            good("a body", plain.body(body)),
            good("a body in chunks", chunked),
            good("HEAD with a body", plain.method("HEAD").body(body)),
            .refused(
                "a body over the cap",
                plain.with("Content-Length", "2000000"),
                413,
                "body_cap",
                headers: ["Connection": .equal("close")]
            ),
            .refused("two lengths", plain.with("Content-Length", "6").body(body)),
            .refused("another coding", plain.with("Transfer-Encoding", "gzip")),
            good("expects to go on", expecting),
            good("expects to go on with a body", expecting.body(body)),
            .refused("expects something else", plain.with("Expect", "a miracle")),
            .refused(
                "expects to go on with another method",
                expecting.method("PUT").body(body),
                405,
                "method_not_allowed"
            ),
        ]
    }

    /// Blanks around values are no part of them (RFC 9110, section 5.5).
    private static func padded(_ plain: WireRequest) -> [ContractRow] {
        let body = Array("a body".utf8)
        var host = plain
        host.host = " \tindex.example \t"
        var sized = plain.with("Content-Length", " 6 ").body(body)
        var chunked = plain.with("Transfer-Encoding", " chunked ")
        // What frames the body has spaces alone: behind it the decoder refuses a tab.
        (sized.sendsLength, chunked.sendsLength) = (false, false)
        chunked.body = WireRequest.chunks(of: body, by: 2)
        return [
            good("blanks around a host", host),
            good("blanks around a length", sized),
            good("blanks around a coding", chunked),
            good("blanks around an expectation", plain.with("Expect", "100-continue ")),
            good(
                "blanks around a correlation id",
                plain.with("X-Corr-ID", " 01-padded \t"),
                headers: ["X-Corr-ID": .equal("01-padded")]
            ),
            good(
                "blanks around the last word",
                plain.with("Connection", "close \t"),
                headers: ["Connection": .equal("close")]
            ),
            good(
                "blanks elsewhere, and a proxy's last word",
                plain.with("X", "a ").with("Proxy-Connection", "close"),
                headers: ["Connection": .equal("close")]
            ),
            good("blanks around a star", plain.with("If-None-Match", "* "), status: 304),
            .refused("a length with blanks in it", plain.with("Content-Length", "1 0")),
        ]
    }

    private static func conditional(_ plain: WireRequest) -> [ContractRow] {
        let lists = [
            "\"", ",,,,", " , ", "\"unclosed", "W/", "b3:", "\"a,b\"", "\"\u{e9}\"", "**", "\"*\"",
            "\"b3:\(String(repeating: "0", count: 64))\"", String(repeating: "\"a\",", count: 2000),
        ]
        return lists.map { list in
            good("If-None-Match \(list.prefix(80))", plain.with("If-None-Match", list))
        } + [
            good("If-None-Match *", plain.with("If-None-Match", "*"), status: 304),
            good("If-Match", plain.with("If-Match", "\"other\"")),
            good("a range", plain.with("Range", "bytes=0-0")),
        ]
    }

    private static func otherMethods(_ plain: WireRequest) -> [ContractRow] {
        ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"].flatMap { method in
            [plain.method(method), plain.method(method).body([0x7b, 0x7d])].map { request in
                .refused(
                    "\(method) with \(request.body.count) bytes",
                    request,
                    405,
                    "method_not_allowed",
                    headers: ["Allow": .equal("GET, HEAD")]
                )
            }
        }
    }

    /// What is said of the host and of the connection.
    private static func addressed(_ plain: WireRequest) -> [ContractRow] {
        var (nowhere, old) = (plain, plain)
        nowhere.host = nil
        old.host = nil
        old.version = "HTTP/1.0"
        return [
            .refused("two hosts", plain.with("Host", "index.example")),
            .refused("no host", nowhere),
            good("HTTP/1.0 without a host", old, headers: ["Connection": .equal("close")]),
            good(
                "the last request",
                plain.with("Connection", "close"),
                headers: ["Connection": .equal("close")]
            ),
            good(
                "another protocol",
                plain.with("Connection", "Upgrade").with("Upgrade", "h2c"),
                headers: ["Connection": .equal("close")]
            ),
        ]
    }
}
