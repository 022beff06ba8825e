import Testing

@testable import IndexService

/// `/metrics`, `/readyz`, and the listener that is for operators only.
@Suite struct OpsTests {
    @Test func metricsParseAndCarryOnlyTheirLabels() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            for row in ContractRow.resolving + ContractRow.malformedKeys + ContractRow.otherMethods
            {
                _ = try await service.ask(row.request)
            }
            let answer = try await service.ask(WireRequest("GET", "/metrics"))
            #expect(answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
            #expect(answer["Cache-Control"] == "no-store")
            let exposition = try Exposition(answer.body)
            #expect(exposition.families.map(\.name) == MetricDescription.all.map(\.name))
            for (family, description) in zip(exposition.families, MetricDescription.all) {
                #expect(family.type == description.kind.text)
                var allowed = description.labels
                if family.type == "histogram" { allowed.append(.init(name: "le", values: [])) }
                for sample in family.samples {
                    let names = sample.labels.map(\.name)
                    let inOrder = allowed.map(\.name).filter { names.contains($0) }
                    #expect(inOrder == names, "\(family.name)")
                    for label in sample.labels where label.name != "le" {
                        let values = allowed.first { $0.name == label.name }?.values ?? []
                        #expect(values.contains(label.value), "\(family.name) \(label)")
                    }
                }
            }
        }
    }

    /// A request and the series that it moves, each by one.
    private static let counted: [(request: WireRequest, series: [(String, String)])] = [
        (
            WireRequest("GET", "/resolve/libc6"),
            [
                ("http_requests_total", "route=resolve,method=GET,status=ok"),
                ("index_cache_misses_total", ""),
                ("index_resolve_latency_seconds_count", "type=name"),
                ("request_latency_seconds_count", "route=resolve,method=GET"),
            ]
        ),
        (
            WireRequest("HEAD", "/resolve/libc6"),
            [
                ("http_requests_total", "route=resolve,method=HEAD,status=ok"),
                ("index_cache_hits_total", ""),
            ]
        ),
        (
            WireRequest("GET", "/resolve/unknown"),
            [("http_requests_total", "route=resolve,method=GET,status=ok")]
        ),
        (
            WireRequest("GET", "/providers/\(SampleIndex.manifestID)"),
            [
                ("http_requests_total", "route=providers,method=GET,status=ok"),
                ("index_resolve_latency_seconds_count", "type=cid"),
            ]
        ),
        (
            WireRequest("GET", "/resolve/a..b"),
            [
                ("http_requests_total", "route=resolve,method=GET,status=error"),
                ("rejected_total", "reason=bad_request"),
            ]
        ),
        (
            WireRequest("GET", "/manifests/\(SampleIndex.manifestID)"),
            [("http_requests_total", "route=manifests,method=GET,status=ok")]
        ),
        (
            WireRequest("POST", "/admin/purge"),
            [
                ("http_requests_total", "route=admin,method=POST,status=error"),
                ("rejected_total", "reason=unauth"),
            ]
        ),
        (
            SampleIndex.name("counted", SampleIndex.manifestID),
            [("http_requests_total", "route=admin,method=PUT,status=ok")]
        ),
        (
            .admin("DELETE", "/admin/providers/\(SampleIndex.providedID)?id=only"),
            [
                ("http_requests_total", "route=admin,method=DELETE,status=ok"),
                ("index_provider_set_changes_total", ""),
            ]
        ),
        (
            WireRequest("GET", "/resolve/\(SampleIndex.keyName)"),
            [
                ("http_requests_total", "route=resolve,method=GET,status=error"),
                ("rejected_total", "reason=upstream_unready"),
            ]
        ),
        (
            WireRequest("PATCH", "/version"),
            [("http_requests_total", "route=ops,method=other,status=error")]
        ),
        (
            WireRequest("GET", "/nope"),
            [("http_requests_total", "route=other,method=GET,status=ok")]
        ),
    ]

    @Test func requestsMoveTheirCountersByOne() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            for (request, series) in Self.counted {
                let exposition = try service.exposition()
                let before = series.map { exposition.value($0.0, $0.1) ?? 0 }
                _ = try await service.ask(request)
                let later = try service.exposition()
                let after = series.map { later.value($0.0, $0.1) ?? 0 }
                let label = Comment(rawValue: "\(request.method) \(request.target): \(series)")
                let expected = before.map { $0 + 1 }
                #expect(after == expected, label)
            }
            let last = try service.exposition()
            for route in Route.allCases {
                #expect(last.value("inflight_requests", "route=\(route.text)") == 0)
            }
        }
    }

    @Test func whatIsNotReadyIsNamed() async throws {
        try await withService { service in
            // From then on nobody reports on a DHT that is switched off.
            try await service.wait(for: "/readyz") { $0.status == 200 }
            service.application.readiness.set(.dhtClientReady, .failing("no good nodes"))
            let request = WireRequest("GET", "/readyz")
            for shaped in [request, request.method("HEAD")] {
                let answer = try await service.ask(shaped)
                #expect(answer.status == 503)
                #expect(answer["Retry-After"] == "5")
                #expect(answer["Cache-Control"] == "no-store")
                guard shaped.method == "GET" else { continue }
                let fields = answer.fields
                #expect(fields["ready"] == "false" && fields["degraded"] == "true")
                #expect(fields["retry_after"] == "5")
                let missing = fields.filter { $0.key.hasPrefix("missing.") }.values
                #expect(Array(missing) == ["dht_client_ready"])
                #expect(fields["checks.dht_client_ready"] == "no good nodes")
            }
            // Being able to answer does not depend on any of it.
            #expect(try await service.ask(WireRequest("GET", "/healthz")).status == 200)
        }
    }

    @Test func metricsMayHaveAListenerOfTheirOwn() async throws {
        try await withService { settings in
            settings.metrics.bind = ListenAddress(host: "127.0.0.1", port: 0)
        } _: { service in
            var ports: [UInt16] = []
            // The two listeners are bound in any order; the callers' one is known already.
            while ports.count < 2 {
                await Task.yield()
                let listening = service.log.records.filter { $0.message == "listening" }
                ports = listening.compactMap { record in
                    record.metadata["address"]?.split(separator: ":").last.flatMap { UInt16($0) }
                }
            }
            let other = try #require(ports.first { $0 != service.port })
            let operators = RunningService(
                application: service.application,
                port: other,
                log: service.log,
                source: service.source,
                loops: service.loops
            )
            let expected: [(String, callers: Int, operators: Int)] = [
                ("/metrics", 404, 200), ("/healthz", 200, 200), ("/version", 200, 200),
                ("/resolve/unknown", 404, 404), ("/resolve/a..b", 400, 404),
                ("/admin/names", 401, 404), ("/manifests/\(SampleIndex.unknownID)", 404, 404),
            ]
            for (target, forCallers, forOperators) in expected {
                let request = WireRequest("GET", target)
                #expect(try await service.ask(request).status == forCallers, "\(target)")
                #expect(try await operators.ask(request).status == forOperators, "\(target)")
            }
            #expect(try await operators.ask(.admin("PUT", "/admin/names/n")).status == 404)
            while try await operators.ask(WireRequest("GET", "/readyz")).status != 200 {}
        }
    }
}
