@testable import IndexService

/// A request, and the series that it moves, each by one.
struct CountedRow: Sendable {
    let name: String
    let request: WireRequest
    /// As `name{label=value,…}`.
    let series: [String]

    private init(
        _ name: String,
        _ request: WireRequest,
        _ route: Route,
        _ outcome: RequestOutcome = .ok,
        and more: [String] = []
    ) {
        self.name = name
        self.request = request
        let pair = "route=\(route.text),method=\(RequestMethod(request.method).text)"
        series =
            more + [
                "http_requests_total{\(pair),status=\(outcome.text)}",
                "request_latency_seconds_count{\(pair)}",
            ]
    }
}

extension CountedRow {
    /// To be asked in this order: what a row leaves in the answer cache the next one finds there.
    static let all = questions + refusals + others

    private static func gate(_ route: GatedRoute) -> String {
        "miss_gate_wait_seconds_count{route=\(route.text)}"
    }

    private static func looked(for type: ResolveType) -> String {
        "index_resolve_latency_seconds_count{type=\(type.text)}"
    }

    private static func refused(_ reason: RejectReason) -> [String] {
        ["rejected_total{reason=\(reason.text)}"]
    }

    /// Each with nothing in RAM, then with what that has left there: the request counts alike.
    private static let questions = [
        ("/resolve/libc6", Route.resolve, ResolveType.name, GatedRoute.resolve),
        ("/resolve/unknown", .resolve, .name, .resolve),
        ("/resolve/\(SampleIndex.manifestID)", .resolve, .cid, .resolve),
        ("/providers/\(SampleIndex.manifestID)", .providers, .cid, .providers),
        ("/providers/\(SampleIndex.unknownID)", .providers, .cid, .providers),
    ].flatMap { target, route, type, gated in
        let plain = WireRequest("GET", target)
        let shapes = [plain, plain.method("HEAD"), plain.with("If-None-Match", "*")]
        return shapes.flatMap { request in
            let name = "\(request.method) \(target) \(request.headers.map(\.name))"
            let steps = ["index_cache_misses_total{}", gate(gated), looked(for: type)]
            return [
                CountedRow("purge", SampleIndex.purgeAll, .admin),
                CountedRow("\(name), a miss", request, route, and: steps),
                CountedRow("\(name), a hit", request, route, and: ["index_cache_hits_total{}"]),
            ]
        }
    }

    private static let refusals = [
        CountedRow(
            "a key that is none",
            WireRequest("GET", "/resolve/a..b"),
            .resolve,
            .error,
            and: refused(.badRequest)
        ),
        CountedRow(
            "another method for what RAM has",
            WireRequest("PUT", "/resolve/libc6"),
            .resolve,
            .error,
            and: refused(.badRequest)
        ),
        CountedRow(
            "no credential",
            WireRequest("POST", "/admin/purge"),
            .admin,
            .error,
            and: refused(.unauth)
        ),
        CountedRow(
            "could not look",
            WireRequest("GET", "/resolve/\(SampleIndex.keyName)"),
            .resolve,
            .error,
            and: refused(.upstreamUnready) + [
                "index_cache_misses_total{}", gate(.resolve), looked(for: .name),
            ]
        ),
        CountedRow(
            "an unknown method",
            WireRequest("PATCH", "/version"),
            .ops,
            .error,
            and: refused(.badRequest)
        ),
    ]

    private static let others = [
        CountedRow(
            "past the cache",
            WireRequest("GET", "/resolve/libc6?fresh=true"),
            .resolve,
            and: [gate(.resolve), looked(for: .name)]
        ),
        CountedRow(
            "a manifest",
            WireRequest("GET", "/manifests/\(SampleIndex.manifestID)"),
            .manifests,
            and: [gate(.manifests)]
        ),
        CountedRow(
            "a write",
            SampleIndex.name("counted", SampleIndex.manifestID),
            .admin,
            and: [gate(.admin)]
        ),
        CountedRow(
            "a provider goes",
            .admin("DELETE", "/admin/providers/\(SampleIndex.providedID)?id=only"),
            .admin,
            and: [gate(.admin), "index_provider_set_changes_total{}"]
        ),
        CountedRow("no such path", WireRequest("GET", "/nope"), .other),
    ]
}

extension Exposition {
    /// What requests count, by `name{label=value,…}`.
    var counts: [String: Double] {
        let names: Set = [
            "request_latency_seconds_count", "http_requests_total", "inflight_requests",
            "rejected_total", "index_resolve_latency_seconds_count", "index_cache_hits_total",
            "index_cache_misses_total", "index_coalesced_total", "index_integrity_fail_total",
            "index_provider_set_changes_total", "miss_gate_wait_seconds_count",
        ]
        let samples = families.flatMap(\.samples).filter { names.contains($0.name) }
        return Dictionary(
            samples.map { ("\($0.name){\($0.labelText)}", $0.value) },
            uniquingKeysWith: { $0 + $1 }
        )
    }
}
