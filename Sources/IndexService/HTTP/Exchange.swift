internal import Cache
internal import NIOHTTP1

/// One request and its answer, from the head's arrival to the last byte: what logs and metrics
/// tell.
///
/// It is handed on several times a request, and copying its six references each time took a tenth
/// of a hit: there is one of it, and it stays on its loop.
final class Exchange {
    let startedAt: MonotonicInstant
    let correlationID: String
    let method: RequestMethod
    let route: Route
    let endpoint: Endpoint?
    let version: HTTPVersion
    /// Whether the client wants the connection to stay open.
    let isKeepAlive: Bool
    /// What the client sent as `If-None-Match`.
    let ifNoneMatch: String?
    /// The request target as it came.
    let target: String

    var status = 0
    var bodyBytes = 0
    /// Where the answer came from: `ram`, `index`; nil where the cache has no part in it.
    var cacheDetail: String?
    var problem: Problem.Code?

    init(
        head: HTTPRequestHead,
        endpoint: Endpoint?,
        correlationID: String,
        at now: MonotonicInstant
    ) {
        startedAt = now
        self.correlationID = correlationID
        method = RequestMethod(head.method.rawValue)
        route = endpoint?.route ?? .other
        self.endpoint = endpoint
        version = head.version
        isKeepAlive = head.isKeepAlive && !head.asksForCloseInHTTP10
        ifNoneMatch = EntityTagList.header(in: head.headers)
        target = head.uri
    }

    /// Of a request that has been read without the decoder.
    init(
        _ request: PlainRequest,
        _ endpoint: Endpoint,
        correlationID: String,
        at now: MonotonicInstant
    ) {
        startedAt = now
        self.correlationID = correlationID
        method = request.isHead ? .head : .get
        route = endpoint.route
        self.endpoint = endpoint
        version = .http1_1
        isKeepAlive = true
        ifNoneMatch = request.ifNoneMatch
        target = request.target
    }

    /// An exchange whose request never became one, for answering malformed HTTP.
    init(unparsedAt now: MonotonicInstant, correlationID: String) {
        startedAt = now
        self.correlationID = correlationID
        method = .other
        route = .other
        endpoint = nil
        version = .http1_1
        isKeepAlive = false
        ifNoneMatch = nil
        target = ""
    }

    var isHead: Bool { method == .head }
}

extension HTTPRequestHead {
    /// `close` goes before `keep-alive` (RFC 9112, section 9.3), to which SwiftNIO does not see in
    /// HTTP/1.0.
    fileprivate var asksForCloseInHTTP10: Bool {
        version == .http1_0
            && headers[canonicalForm: "Connection"].contains { $0.lowercased() == "close" }
    }
}

@available(*, unavailable)
extension Exchange: Sendable {}

/// The entity tags of an `If-None-Match` header (RFC 9110, section 13.1.2).
enum EntityTagList {
    /// The header's value; several lines of it are one list.
    static func header(in headers: HTTPHeaders) -> String? {
        guard headers.contains(name: "If-None-Match") else { return nil }
        return headers["If-None-Match"].joined(separator: ",")
    }

    /// Whether the list names `entityTag`, by weak comparison, or is `*`.
    ///
    /// Byte by byte: anybody may send a long list, and it is looked at on the event loop.
    static func matches(_ list: String, _ entityTag: String) -> Bool {
        if list == entityTag { return true }
        let (list, entityTag) = (list.utf8Span.span, entityTag.utf8Span.span)
        var start = 0
        while start < list.count {
            while start < list.count, list[start].isBlank { start += 1 }
            var end = start
            while end < list.count, !list[end].isBlank, list[end] != UInt8(ascii: ",") { end += 1 }
            if names(list.extracting(start..<end), entityTag) { return true }
            while end < list.count, list[end] != UInt8(ascii: ",") { end += 1 }
            start = end + 1
        }
        return false
    }

    /// Whether one item of a list is `*` or this tag, weak or strong.
    private static func names(_ item: Span<UInt8>, _ entityTag: Span<UInt8>) -> Bool {
        if item.count == 1 { return item[0] == UInt8(ascii: "*") }
        let weakness = item.count - entityTag.count
        guard weakness == 0 || weakness == 2 else { return false }
        if weakness == 2, item[0] != UInt8(ascii: "W") || item[1] != UInt8(ascii: "/") {
            return false
        }
        return entityTag.indices.allSatisfy { item[weakness + $0] == entityTag[$0] }
    }
}
