/// The group of routes a request belongs to (label `route`, at most 10 values).
package enum Route: Int, MetricLabelValue {
    case resolve, providers, manifests, admin, ops
    /// No route of ours: what was answered 404 or could not be parsed.
    case other

    package var text: String {
        switch self {
        case .resolve: "resolve"
        case .providers: "providers"
        case .manifests: "manifests"
        case .admin: "admin"
        case .ops: "ops"
        case .other: "other"
        }
    }
}

/// The method of a request (label `method`); whatever we do not serve is `other`.
package enum RequestMethod: Int, MetricLabelValue {
    case get, head, put, post, delete, other

    package var text: String {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .put: "PUT"
        case .post: "POST"
        case .delete: "DELETE"
        case .other: "other"
        }
    }

    /// The label value for a method as it stood in the request line; names are case sensitive.
    package init(_ name: some StringProtocol) {
        self = Self.allCases.first { $0 != .other && $0.text == name } ?? .other
    }
}

/// How a request ended (label `status`).
package enum RequestOutcome: Int, MetricLabelValue {
    /// Answered as asked: 1xx to 3xx, and 404, which is an answer.
    case ok
    /// Refused or failed: every other 4xx, and 5xx.
    case error
    /// Refused because something was full: 429.
    case throttled

    package var text: String {
        switch self {
        case .ok: "ok"
        case .error: "error"
        case .throttled: "throttled"
        }
    }

    /// The outcome that a status code stands for.
    package init(status: Int) {
        switch status {
        case ..<400, 404: self = .ok
        case 429: self = .throttled
        default: self = .error
        }
    }
}

/// Why a request was refused (label `reason`).
package enum RejectReason: Int, MetricLabelValue {
    case unauth, overCapacity, timeout, bodyCap, decompressCap, badRequest, upstreamUnready
    case `internal`

    package var text: String {
        switch self {
        case .unauth: "unauth"
        case .overCapacity: "over_capacity"
        case .timeout: "timeout"
        case .bodyCap: "body_cap"
        case .decompressCap: "decompress_cap"
        case .badRequest: "bad_request"
        case .upstreamUnready: "upstream_unready"
        case .internal: "internal"
        }
    }
}

/// What kind of key was resolved (label `type`).
package enum ResolveType: Int, MetricLabelValue {
    case name, cid, facet

    package var text: String {
        switch self {
        case .name: "name"
        case .cid: "cid"
        case .facet: "facet"
        }
    }
}

/// Whether something is switched on (label `status` of `amnesia_mode`).
package enum SwitchStatus: Int, MetricLabelValue {
    case on, off

    package var text: String {
        switch self {
        case .on: "on"
        case .off: "off"
        }
    }
}
