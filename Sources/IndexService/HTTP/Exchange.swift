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
        isKeepAlive = head.isKeepAlive
        ifNoneMatch = EntityTagList.header(in: head.headers)
        target = head.uri
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
    static func matches(_ list: String, _ entityTag: String) -> Bool {
        if list == entityTag { return true }
        return list.split(separator: ",").contains { item in
            let tag = item.drop { $0 == " " || $0 == "\t" }
            let trimmed = tag.prefix { $0 != " " && $0 != "\t" }
            return trimmed == "*" || trimmed == entityTag || trimmed == "W/" + entityTag
        }
    }
}
