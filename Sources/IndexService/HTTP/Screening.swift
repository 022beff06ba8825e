internal import NIOHTTP1

/// Looks at a request's head before anything else is done: the limits, the route, the credential.
///
/// A function of the head and the admin token, so that everything that can be refused without
/// reading a body is refused on the event loop, and every refusal reads the same.
package struct Screening: Sendable {
    /// The longest request target, in bytes.
    package var maximumTargetBytes = 8 << 10
    /// The largest header list, in bytes: names, values without the blanks around them, and 4 more
    /// a field.
    package var maximumHeaderBytes = 16 << 10
    /// The largest body, in bytes as sent.
    package var maximumBodyBytes = 1 << 20
    package let adminAccess: LiveValue<AdminAccess>
    package var audience = Audience.everyone

    /// Whom a listener is for, which decides what paths exist on it.
    package enum Audience: Sendable {
        /// The only listener: everything.
        case everyone
        /// Callers, where the metrics have a listener of their own.
        case callers
        /// Operators: health, readiness, version, metrics.
        case operators

        func has(_ endpoint: Endpoint) -> Bool {
            switch self {
            case .everyone: true
            case .callers: endpoint != .metrics
            case .operators: endpoint.route == .ops
            }
        }
    }

    package init(adminAccess: LiveValue<AdminAccess>) {
        self.adminAccess = adminAccess
    }

    /// What becomes of a request.
    enum Verdict: Equatable {
        /// To be answered; a body is read to its end, and kept where the endpoint takes one.
        case accepted(Endpoint)
        case refused(Problem)
    }

    func judge(_ head: HTTPRequestHead) -> Verdict {
        do throws(Problem) {
            return .accepted(try accept(head))
        } catch {
            return .refused(error)
        }
    }

    /// The endpoint of a plain request, if that is one of those whose answers RAM has: `judge` says
    /// the same, for of what it looks at the rest is plain already.
    func endpoint(of request: PlainRequest) -> Endpoint? {
        // The whole head is longer than its target, and than its headers count: one byte is counted
        // for each that it may not have, the blank, and the request line has more (27 with what
        // ends the head).
        guard request.byteCount <= min(maximumTargetBytes, maximumHeaderBytes),
            let path = Self.path(of: request.target), let endpoint = Endpoint(path: path),
            endpoint.route == .resolve || endpoint.route == .providers, audience.has(endpoint)
        else { return nil }
        return endpoint
    }

    private func accept(_ head: HTTPRequestHead) throws(Problem) -> Endpoint {
        guard head.uri.utf8.count <= maximumTargetBytes else { throw longTargetProblem }
        guard Self.size(of: head.headers) <= maximumHeaderBytes else {
            throw Problem(.headersTooLarge, "the headers are over \(maximumHeaderBytes) bytes")
        }
        try Self.checkHost(head)
        try Self.checkFraming(head)
        guard let path = Self.path(of: head.uri), let endpoint = Endpoint(path: path),
            audience.has(endpoint)
        else {
            throw Problem(
                .notFound,
                "no such path; try /resolve/<name>, /providers/<cid> or /readyz"
            )
        }
        guard endpoint.methods.contains(head.method.rawValue) else {
            throw .methodNotAllowed(endpoint.methods)
        }
        try check(head, for: endpoint)
        return endpoint
    }

    /// Whether a body of `bytes` so far is over the cap.
    func isOverCap(bodyBytes bytes: Int) -> Bool {
        bytes > maximumBodyBytes
    }

    var longTargetProblem: Problem {
        Problem(.uriTooLong, "the request target is over \(maximumTargetBytes) bytes")
    }

    var bodyCapProblem: Problem {
        Problem(.bodyCap, "the body is over \(maximumBodyBytes) bytes")
    }

    /// The path of a target, without its query; nil where it has none.
    static func path(of target: String) -> Substring? {
        originForm(of: target).map { QueryParameters.split($0).path }
    }

    /// The path and query of a target in origin form, or in the absolute form that proxies send
    /// (RFC 9112, section 3.2); nil for anything else.
    static func originForm(of target: String) -> Substring? {
        if target.utf8.first == UInt8(ascii: "/") { return target[...] }
        let target = target[...]
        let authority: Substring
        if target.begins(withBytesOf: "http://", ignoringCase: true) {
            authority = target.dropping(bytes: 7)
        } else if target.begins(withBytesOf: "https://", ignoringCase: true) {
            authority = target.dropping(bytes: 8)
        } else {
            return nil
        }
        let end = authority.firstIndex(whereByte: { byte in
            byte == UInt8(ascii: "/") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#")
        })
        let rest = authority[(end ?? authority.endIndex)...]
        return rest.utf8.first == UInt8(ascii: "/") ? rest : "/" + rest
    }

    /// A request has one `Host`, which may be empty; only HTTP/1.0 may go without (RFC 9112, 3.2).
    private static func checkHost(_ head: HTTPRequestHead) throws(Problem) {
        let hosts = head.headers["Host"]
        guard hosts.count == 1 || (hosts.isEmpty && head.version == .http1_0) else {
            throw Problem(.badRequest, "the request must have one Host header")
        }
        guard hosts.allSatisfy({ $0[...].hasOnlyBytes(where: isHostByte) }) else {
            throw Problem(.badRequest, "the Host header is not a host and port")
        }
    }

    /// What a host may be written with, the brackets of IPv6 and the port's colon included
    /// (RFC 3986, section 3.2.2).
    static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case _ where byte.isASCIIAlphanumeric: true
        // -._~%!$&'()*+,;=:[]
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"),
            UInt8(ascii: "%"), UInt8(ascii: "!"), UInt8(ascii: "$"),
            UInt8(ascii: "&")...UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "="),
            UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"):
            true
        default: false
        }
    }

    /// Bodies are framed in one way only: transfer codings other than `chunked` are not taken, and
    /// in HTTP/1.0 none is (RFC 9112, section 6.1).
    private static func checkFraming(_ head: HTTPRequestHead) throws(Problem) {
        guard head.headers.contains(name: "Transfer-Encoding") else { return }
        let codings = head.headers["Transfer-Encoding"]
        guard codings.count == 1, codings.first?.lowercased() == "chunked",
            head.version == .http1_1
        else {
            throw Problem(.badRequest, "the only Transfer-Encoding taken is chunked, in HTTP/1.1")
        }
    }

    private func check(_ head: HTTPRequestHead, for endpoint: Endpoint) throws(Problem) {
        if endpoint.route == .admin, let problem = adminAccess.current.refusal(of: head.headers) {
            throw problem
        }
        if let length = head.headers.first(name: "Content-Length"),
            Int(length).map({ isOverCap(bodyBytes: $0) }) ?? true
        {
            throw bodyCapProblem
        }
        if endpoint.takesBody, Self.coding(of: head.headers) == nil {
            throw Problem(.unsupportedType, "Content-Encoding must be gzip, deflate or identity")
        }
        if let expectation = head.headers.first(name: "Expect"),
            expectation.lowercased() != "100-continue"
        {
            throw Problem(.badRequest, "the only expectation understood is 100-continue")
        }
    }

    /// The coding of the body; nil for one, or a combination, that is not understood.
    static func coding(of headers: HTTPHeaders) -> ContentCoding? {
        let values = headers["Content-Encoding"]
        return values.count > 1 ? nil : ContentCoding(header: values.first)
    }

    private static func size(of headers: HTTPHeaders) -> Int {
        headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
    }
}
