/// An error as callers see it: `application/problem+json` (RFC 9457) with our `code`.
///
/// `detail` is one sentence that says what to do; it never carries secrets, file paths or stack
/// traces.
package struct Problem: Error, Sendable, Equatable {
    /// The machine-readable kind of an error; its raw value is what `code` says.
    package enum Code: String, Sendable, CaseIterable {
        case badRequest = "bad_request"
        case unauthorized
        case forbidden
        case notFound = "not_found"
        case methodNotAllowed = "method_not_allowed"
        case uriTooLong = "uri_too_long"
        case unsupportedType = "unsupported_type"
        case headersTooLarge = "headers_too_large"
        case conflict
        case preconditionFailed = "precondition_failed"
        case bodyCap = "body_cap"
        case decompressCap = "decompress_cap"
        case overCapacity = "over_capacity"
        case upstreamUnready = "upstream_unready"
        case timeout
        case `internal`
    }

    package var code: Code
    package var status: Int
    package var detail: String
    /// Seconds after which trying again makes sense; sent as `Retry-After` too.
    package var retryAfter: Int?
    /// The methods of a known path, for `Allow`.
    package var allowedMethods: [String] = []
    /// The current version of the name, for writers whose precondition failed.
    package var currentVersion: Int64?
    /// What part the answer cache had in "not found", for `Cache-Status`.
    package var cacheStatus: String?

    package init(_ code: Code, _ detail: String, retryAfter: Int? = nil) {
        self.code = code
        self.status = code.status
        self.detail = detail
        self.retryAfter = retryAfter ?? code.retryAfter
    }

    /// The client took too long to send its request: 408, where 504 would blame ourselves.
    package static func slowRequest(_ detail: String) -> Problem {
        var problem = Problem(.timeout, detail)
        problem.status = 408
        return problem
    }

    package static func methodNotAllowed(_ allowed: [String]) -> Problem {
        let list = allowed.joined(separator: ", ")
        var problem = Problem(.methodNotAllowed, "this path takes only \(list)")
        problem.allowedMethods = allowed
        return problem
    }

    /// The `reason` under which `rejected_total` counts this; nil for answers that refuse nothing.
    package var rejectReason: RejectReason? {
        switch code {
        case .notFound: nil
        case .unauthorized, .forbidden: .unauth
        case .overCapacity: .overCapacity
        case .timeout: .timeout
        case .bodyCap: .bodyCap
        case .decompressCap: .decompressCap
        case .upstreamUnready: .upstreamUnready
        case .internal: .internal
        case .badRequest, .methodNotAllowed, .uriTooLong, .unsupportedType, .headersTooLarge,
            .conflict, .preconditionFailed:
            .badRequest
        }
    }
}

extension Problem.Code {
    /// The HTTP status (contract, section 3.4).
    package var status: Int {
        switch self {
        case .badRequest: 400
        case .unauthorized: 401
        case .forbidden: 403
        case .notFound: 404
        case .methodNotAllowed: 405
        case .conflict: 409
        case .preconditionFailed: 412
        case .bodyCap, .decompressCap: 413
        case .uriTooLong: 414
        case .unsupportedType: 415
        case .overCapacity: 429
        case .headersTooLarge: 431
        case .internal: 500
        case .upstreamUnready: 503
        case .timeout: 504
        }
    }

    fileprivate var retryAfter: Int? {
        switch self {
        case .overCapacity: 1
        case .upstreamUnready: 5
        default: nil
        }
    }

    package var title: String {
        switch self {
        case .badRequest: "Bad request"
        case .unauthorized: "Credential required"
        case .forbidden: "Forbidden"
        case .notFound: "Not found"
        case .methodNotAllowed: "Method not allowed"
        case .conflict: "Conflict"
        case .preconditionFailed: "Precondition failed"
        case .bodyCap: "Body too large"
        case .decompressCap: "Body inflates too much"
        case .uriTooLong: "Request target too long"
        case .unsupportedType: "Unsupported type"
        case .overCapacity: "Over capacity"
        case .headersTooLarge: "Headers too large"
        case .internal: "Internal error"
        case .upstreamUnready: "Could not look"
        case .timeout: "Timeout"
        }
    }
}

extension Problem {
    package static let mediaType = "application/problem+json"

    /// The body of the answer, ending with a newline for people with curl.
    package func body(correlationID: String) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("type", "urn:svc-index:problem:\(code.rawValue)")
        json.field("title", code.title)
        json.field("status", status)
        json.field("detail", detail)
        json.field("code", code.rawValue)
        json.field("corr_id", correlationID)
        if let retryAfter { json.field("retry_after", retryAfter) }
        if let currentVersion { json.field("current_version", currentVersion) }
        json.endObject()
        return json.bytes + [UInt8(ascii: "\n")]
    }
}
