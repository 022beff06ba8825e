internal import NIOHTTP1

/// `Cache-Status` as RFC 9211 has it: whether the answer cache had it, and where it came from if
/// not.
enum CacheStatus {
    static let header = "Cache-Status"

    static let hit = "svc-index; hit; detail=ram"

    /// The caches were asked first: RAM, and then the spill, had it or had nothing.
    static func answered(from source: Resolved.Source) -> String {
        "svc-index; \(source.isCache ? "hit" : "fwd=miss"); detail=\(source.rawValue)"
    }

    /// The request asked to go past the cache (`fresh=true`).
    static func bypassed(to source: Resolved.Source) -> String {
        "svc-index; fwd=request; detail=\(source.rawValue)"
    }

    /// The value of `detail` in a header that was written here.
    static func detail(in value: String) -> String? {
        value.split(separator: "=").last.map(String.init)
    }
}

extension Problem {
    /// Carries the code from the responder to the ledger; taken off before the answer goes out.
    static let codeHeader = "X-Problem-Code"

    /// The headers of an answer that carries this problem as its body.
    func headers(bodyBytes: Int) -> HTTPHeaders {
        var headers: HTTPHeaders = [
            "Content-Type": Self.mediaType,
            "Content-Length": String(bodyBytes),
            "Cache-Control": "no-store",
        ]
        for (name, value) in extraHeaders { headers.add(name: name, value: value) }
        return headers
    }

    /// What the status obliges us to say beside the body.
    var extraHeaders: [(name: String, value: String)] {
        var headers: [(String, String)] = []
        if let cacheStatus { headers.append((CacheStatus.header, cacheStatus)) }
        if let retryAfter { headers.append(("Retry-After", String(retryAfter))) }
        if !allowedMethods.isEmpty {
            headers.append(("Allow", allowedMethods.joined(separator: ", ")))
        }
        if status == 401 { headers.append(("WWW-Authenticate", "Bearer realm=\"svc-index\"")) }
        return headers
    }

    /// What became of bytes that are no HTTP.
    init(_ error: HTTPParserError) {
        switch error {
        case .headerOverflow:
            self.init(.headersTooLarge, "the headers are too large or too many")
        case .invalidMethod:
            self.init(
                .badRequest,
                "the request's method is not one of HTTP's; GET, HEAD, PUT, POST and DELETE are"
            )
        case .invalidEOFState:
            self.init(.badRequest, "the request ends before it is complete")
        default:
            self.init(.badRequest, "the request is not valid HTTP/1.1")
        }
    }
}

extension HTTPRequestHead {
    /// The same without the blanks behind values: they are no part of them (RFC 9110, section 5.5),
    /// and the decoder takes away those in front alone.
    func withoutBlanksBehindValues() -> HTTPRequestHead {
        guard headers.contains(where: { $0.value.endsWithBlank }) else { return self }
        var head = self
        head.headers = HTTPHeaders(headers.map { ($0.name, $0.value.withoutBlanksBehind()) })
        return head
    }
}

extension String {
    fileprivate var endsWithBlank: Bool { utf8.last?.isBlank ?? false }

    fileprivate func withoutBlanksBehind() -> String {
        guard let last = utf8.lastIndex(where: { !$0.isBlank }) else { return "" }
        return String(decoding: utf8[...last], as: UTF8.self)
    }
}
