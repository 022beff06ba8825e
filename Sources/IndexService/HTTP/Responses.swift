internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

// How the responder's answers are put together.

extension HTTPField.Name {
    static let cacheStatus = named(CacheStatus.header)
    static let correlationID = named(CorrelationID.header)
    static let problemCode = named(Problem.codeHeader)
    static let contentTypeOptions = named("X-Content-Type-Options")

    /// A field name spelled out in the program; a misspelt one is our mistake.
    private static func named(_ name: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(name) else {
            preconditionFailure("\(name) is no field name")
        }
        return name
    }
}

extension Response {
    /// An answer about a problem, in the form every error has.
    init(_ problem: Problem, correlationID: String) {
        var headers: HTTPFields = [
            .contentType: Problem.mediaType,
            .cacheControl: "no-store",
            .problemCode: problem.code.rawValue,
        ]
        for (name, value) in problem.extraHeaders {
            if let name = HTTPField.Name(name) { headers[name] = value }
        }
        self.init(
            status: .init(code: problem.status),
            headers: headers,
            body: ResponseBody(
                byteBuffer: ByteBuffer(bytes: problem.body(correlationID: correlationID))
            )
        )
    }

    /// A JSON document that nobody may cache: the admin and ops routes.
    init(
        status: HTTPResponse.Status = .ok,
        entityTag: String? = nil,
        json build: (inout JSONWriter) -> Void
    ) {
        var json = JSONWriter(reserving: 256)
        json.beginObject()
        build(&json)
        json.endObject()
        var headers: HTTPFields = [.contentType: "application/json", .cacheControl: "no-store"]
        headers[.eTag] = entityTag
        self.init(
            status: status,
            headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: json.bytes + [UInt8(ascii: "\n")]))
        )
    }
}
