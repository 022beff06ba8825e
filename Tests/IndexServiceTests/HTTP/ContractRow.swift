import Testing

@testable import IndexService

/// One line of the contract: a request, and what every path that may answer it must say.
struct ContractRow: Sendable {
    /// What a header's value must be.
    enum HeaderRule: Sendable {
        case equal(String)
        case starts(String)
        case absent
        /// A whole number in this range.
        case number(ClosedRange<Int>)

        func holds(for response: WireResponse, _ name: String) -> Bool {
            let value = response[name]
            return switch self {
            case .equal(let expected): value == expected
            case .starts(let prefix): value?.hasPrefix(prefix) ?? false
            case .absent: response.values(name).isEmpty
            case .number(let range): value.flatMap { Int($0) }.map(range.contains) ?? false
            }
        }
    }

    /// What part the answer cache has in the answer.
    enum CacheUse: Sendable {
        case none
        /// A miss at first, a hit from then on.
        case answers
        /// Remembers that nothing is known: a miss at first, a hit from then on.
        case absence
        /// Asked to be passed over.
        case bypassed
    }

    var name: String
    var request: WireRequest
    var status = 200
    /// The `code` of the problem that is expected; nil where an answer is.
    var code: String?
    var headers: [String: HeaderRule] = [:]
    /// Leaves of the JSON body by path.
    var fields: [String: String] = [:]
    /// Words that the body must have, such as the rule in a problem's detail.
    var says: [String] = []
    var cache = CacheUse.none

    /// A question that is refused.
    static func refused(
        _ name: String,
        _ request: WireRequest,
        _ status: Int = 400,
        _ code: String = "bad_request",
        says: String...,
        headers: [String: HeaderRule] = [:]
    ) -> ContractRow {
        ContractRow(
            name: name,
            request: request,
            status: status,
            code: code,
            headers: headers,
            says: says
        )
    }

    /// A question about something of which nothing is known.
    static func absent(_ name: String, _ target: String) -> ContractRow {
        var row = refused(name, WireRequest("GET", target), 404, "not_found")
        row.cache = .absence
        return row
    }

    /// A question about the sample that the cache may answer.
    static func answered(
        _ target: String,
        cache: CacheUse = .answers,
        headers: [String: HeaderRule] = [:],
        fields: [String: String] = [:]
    ) -> ContractRow {
        ContractRow(
            name: target,
            request: WireRequest("GET", target),
            headers: headers,
            fields: fields,
            cache: cache
        )
    }
}

/// The log of a test run names the row; it would spell out the bytes of bodies otherwise.
extension ContractRow: CustomTestStringConvertible {
    var testDescription: String { name }
}

/// How a row of the contract is asked: every way must lead to the same answer.
struct WayOfAsking: Hashable, Sendable, CustomStringConvertible {
    enum Shape: String, CaseIterable, Sendable {
        case plain
        case absoluteForm
        case http10
        case head
        /// Between two questions that RAM has no answer to, in the same packet.
        case pipelined
        /// With a header that leaves it to the decoder (`PlainRequest`).
        case decoded
    }

    /// The plain request, with nothing in the answer cache.
    static let first = WayOfAsking(shape: .plain, isHit: false)

    let shape: Shape
    /// Whether it is asked with what the way before it left in the answer cache, so that the event
    /// loop answers; otherwise with nothing in there, so that the responder does.
    let isHit: Bool

    /// Each shape past the cache, then out of it.
    static let allCases = Shape.allCases.flatMap { shape in
        [WayOfAsking(shape: shape, isHit: false), WayOfAsking(shape: shape, isHit: true)]
    }

    /// Each of these shapes once, with nothing in the answer cache.
    static func once(_ shapes: [Shape]) -> [WayOfAsking] {
        shapes.map { WayOfAsking(shape: $0, isHit: false) }
    }

    /// One after the other, the plain request.
    static let firstAndAgain = allCases.filter { $0.shape == .plain }

    var description: String { "\(shape.rawValue), \(isHit ? "again" : "first")" }

    func shape(_ request: WireRequest) -> WireRequest {
        var request = request
        switch shape {
        case .plain, .pipelined: break
        case .head: request.method = "HEAD"
        case .http10: request.version = "HTTP/1.0"
        case .decoded: request = request.with("Connection", "TE")
        case .absoluteForm:
            if request.target.hasPrefix("/") {
                request.target = "http://index.example" + request.target
            }
        }
        return request
    }
}

extension ContractRow {
    /// Checks an answer to the row's request.
    func check(_ answer: WireResponse, way: WayOfAsking, sourceLocation: SourceLocation) {
        let label = Comment(rawValue: "\(name), \(way): \(answer.head)\n\(answer.text)")
        #expect(answer.status == status, label, sourceLocation: sourceLocation)
        for (name, rule) in headers {
            #expect(rule.holds(for: answer, name), label, sourceLocation: sourceLocation)
        }
        checkCommonHeaders(of: answer, way, label, sourceLocation)
        checkCacheHeaders(of: answer, way, label, sourceLocation)
        guard !isAskedWithHead(way), answer.mayHaveBody else {
            #expect(answer.body.isEmpty, label, sourceLocation: sourceLocation)
            return
        }
        let found = answer.fields
        for (path, value) in fields {
            #expect(found[path] == value, label, sourceLocation: sourceLocation)
        }
        for words in says {
            #expect(answer.text.contains(words), label, sourceLocation: sourceLocation)
        }
        if let code { checkProblem(answer, code: code, label, sourceLocation) }
    }

    /// What every answer of the service has, whatever it is about.
    private func checkCommonHeaders(
        of answer: WireResponse,
        _ way: WayOfAsking,
        _ label: Comment,
        _ place: SourceLocation
    ) {
        #expect(answer["Date"]?.hasSuffix(" GMT") == true, label, sourceLocation: place)
        let id = answer["X-Corr-ID"] ?? ""
        #expect(CorrelationID.isAcceptable(id), label, sourceLocation: place)
        #expect(answer["X-Problem-Code"] == nil, label, sourceLocation: place)
        #expect(answer["Server"] == nil, label, sourceLocation: place)
        #expect(answer["Transfer-Encoding"] == nil, label, sourceLocation: place)
        if !answer.mayHaveBody {
            #expect(answer["Content-Length"] == nil, label, sourceLocation: place)
            #expect(answer["Content-Type"] == nil, label, sourceLocation: place)
        } else {
            #expect(answer["Content-Length"] != nil, label, sourceLocation: place)
            #expect(answer["Content-Type"] != nil, label, sourceLocation: place)
        }
        #expect(answer.version == "HTTP/1.1", label, sourceLocation: place)
        if way.shape == .http10 {
            #expect(answer["Connection"] == "close", label, sourceLocation: place)
        }
    }

    private func checkCacheHeaders(
        of answer: WireResponse,
        _ way: WayOfAsking,
        _ label: Comment,
        _ place: SourceLocation
    ) {
        switch cache {
        case .none:
            #expect(answer["Cache-Status"] == nil, label, sourceLocation: place)
        case .absence:
            #expect(answer["Cache-Status"] == Self.status(way), label, sourceLocation: place)
        case .answers:
            #expect(answer["Cache-Status"] == Self.status(way), label, sourceLocation: place)
            let maxAge = answer["Cache-Control"].flatMap { value in
                value.hasPrefix("public, max-age=") ? Int(value.dropFirst(16)) : nil
            }
            #expect(maxAge.map((1...60).contains) == true, label, sourceLocation: place)
        case .bypassed:
            let expected = "svc-index; fwd=request; detail=index"
            #expect(answer["Cache-Status"] == expected, label, sourceLocation: place)
            #expect(answer["Cache-Control"] == "no-cache", label, sourceLocation: place)
        }
        guard cache == .answers || cache == .bypassed else { return }
        #expect(answer["Age"].flatMap { Int($0) } != nil, label, sourceLocation: place)
        guard !isAskedWithHead(way), answer.status == 200 else { return }
        let tag = "\"\(ContentID(of: answer.body))\""
        #expect(answer["ETag"] == tag, label, sourceLocation: place)
    }

    private func isAskedWithHead(_ way: WayOfAsking) -> Bool {
        way.shape(request).method == "HEAD"
    }

    private static func status(_ way: WayOfAsking) -> String {
        way.isHit ? "svc-index; hit; detail=ram" : "svc-index; fwd=miss; detail=index"
    }
}

/// Checks that `answer` is a problem (RFC 9457) with this code, and that it gives nothing away.
func checkProblem(
    _ answer: WireResponse,
    code: String,
    _ label: Comment? = nil,
    _ place: SourceLocation = #_sourceLocation
) {
    let label = label ?? Comment(rawValue: "\(answer.head)\n\(answer.text)")
    let fields = answer.fields
    #expect(answer["Content-Type"] == "application/problem+json", label, sourceLocation: place)
    #expect(answer["Cache-Control"] == "no-store", label, sourceLocation: place)
    #expect(fields["code"] == code, label, sourceLocation: place)
    #expect(fields["type"] == "urn:svc-index:problem:\(code)", label, sourceLocation: place)
    #expect(fields["status"] == "\(answer.status)", label, sourceLocation: place)
    #expect(fields["corr_id"] == answer["X-Corr-ID"], label, sourceLocation: place)
    #expect(fields["title"]?.isEmpty == false, label, sourceLocation: place)
    #expect(fields["detail"]?.isEmpty == false, label, sourceLocation: place)
    #expect(fields["retry_after"] == answer["Retry-After"], label, sourceLocation: place)
    let needsRetryAfter = [429, 503].contains(answer.status)
    #expect((answer["Retry-After"] != nil) == needsRetryAfter, label, sourceLocation: place)
    #expect((answer["Allow"] != nil) == (answer.status == 405), label, sourceLocation: place)
    let challenges = answer["WWW-Authenticate"] != nil
    #expect(challenges == (answer.status == 401), label, sourceLocation: place)
    for secret in [RunningService.token, "/tmp", "/root", "Sources/", ".swift", "0x0000"] {
        #expect(!answer.text.contains(secret), label, sourceLocation: place)
    }
}
