internal import NIOHTTP1

/// Looks at a request's head before anything else is done: the limits, the route, the credential.
///
/// A function of the head and the admin token, so that everything that can be refused without
/// reading a body is refused on the event loop, and every refusal reads the same.
package struct Screening: Sendable {
    /// The longest request target, in bytes.
    package var maximumTargetBytes = 8 << 10
    /// The largest header list, in bytes: names, values, and 4 more a field as they stand on the
    /// wire.
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
        guard head.uri.utf8.count <= maximumTargetBytes else {
            return .refused(longTargetProblem)
        }
        guard Self.size(of: head.headers) <= maximumHeaderBytes else {
            return .refused(
                Problem(.headersTooLarge, "the headers are over \(maximumHeaderBytes) bytes")
            )
        }
        if let problem = Self.hostProblem(head) ?? Self.framingProblem(head) {
            return .refused(problem)
        }
        guard let path = Self.path(of: head.uri), let endpoint = Endpoint(path: path),
            audience.has(endpoint)
        else {
            return .refused(
                Problem(.notFound, "no such path; try /resolve/<name>, /providers/<cid> or /readyz")
            )
        }
        guard endpoint.methods.contains(head.method.rawValue) else {
            return .refused(.methodNotAllowed(endpoint.methods))
        }
        if let problem = refusal(of: endpoint, head) { return .refused(problem) }
        return .accepted(endpoint)
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
        let scheme = target.prefix(8).lowercased()
        guard scheme.hasPrefix("http://") || scheme == "https://" else { return nil }
        let rest = target.drop { $0 != ":" }.dropFirst(3).drop { !"/?#".contains($0) }
        return rest.first == "/" ? rest : "/" + rest
    }

    /// A request has one `Host`, which may be empty; only HTTP/1.0 may go without (RFC 9112, 3.2).
    private static func hostProblem(_ head: HTTPRequestHead) -> Problem? {
        let hosts = head.headers["Host"]
        guard hosts.count == 1 || (hosts.isEmpty && head.version == .http1_0) else {
            return Problem(.badRequest, "the request must have one Host header")
        }
        let isValid = hosts.allSatisfy { $0.utf8.allSatisfy(isHostByte) }
        return isValid ? nil : Problem(.badRequest, "the Host header is not a host and port")
    }

    /// What a host may be written with, the brackets of IPv6 and the port's colon included
    /// (RFC 3986, section 3.2.2).
    private static func isHostByte(_ byte: UInt8) -> Bool {
        byte.isASCIIAlphanumeric || hostPunctuation.utf8.contains(byte)
    }

    private static let hostPunctuation = "-._~%!$&'()*+,;=:[]"

    /// Bodies are framed in one way only: transfer codings other than `chunked` are not taken, and
    /// in HTTP/1.0 none is (RFC 9112, section 6.1).
    private static func framingProblem(_ head: HTTPRequestHead) -> Problem? {
        let codings = head.headers["Transfer-Encoding"]
        guard let coding = codings.first else { return nil }
        guard codings.count == 1, coding.lowercased() == "chunked", head.version == .http1_1 else {
            return Problem(.badRequest, "the only Transfer-Encoding taken is chunked, in HTTP/1.1")
        }
        return nil
    }

    private func refusal(of endpoint: Endpoint, _ head: HTTPRequestHead) -> Problem? {
        if endpoint.route == .admin, let problem = adminAccess.current.refusal(of: head.headers) {
            return problem
        }
        let lengths = head.headers["Content-Length"]
        if let length = lengths.first, Int(length).map({ isOverCap(bodyBytes: $0) }) ?? true {
            return bodyCapProblem
        }
        if endpoint.takesBody, Self.coding(of: head.headers) == nil {
            return Problem(.unsupportedType, "Content-Encoding must be gzip, deflate or identity")
        }
        if let expectation = head.headers.first(name: "Expect"),
            expectation.lowercased() != "100-continue"
        {
            return Problem(.badRequest, "the only expectation understood is 100-continue")
        }
        return nil
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
