import Dispatch
import NIOCore
import NIOPosix
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

    /// Every request moves the series of its row by one and no other: what RAM answers counts as
    /// what the responder answers does.
    @Test func requestsMoveTheirSeriesByOne() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            for row in CountedRow.all {
                let before = try service.exposition().counts
                _ = try await service.ask(row.request)
                let after = try service.exposition().counts
                let moved = after.filter { $0.value != before[$0.key] }
                let label = Comment(rawValue: row.name)
                #expect(moved.keys.sorted() == row.series.sorted(), label)
                for (series, value) in moved { #expect(value == (before[series] ?? 0) + 1, label) }
            }
            let last = try service.exposition()
            for route in Route.allCases {
                #expect(last.value("inflight_requests", "route=\(route.text)") == 0)
            }
        }
    }

    /// They outlive the service, as the loops that all other tests share.
    private static let oneLoop = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    @Test(.timeLimit(.minutes(1))) func aLoopThatIsBlockedShowsInItsLag() async throws {
        try await withService(on: Self.oneLoop) { service in
            @Sendable func turns(over bound: String) throws -> Double {
                let name = "event_loop_lag_seconds"
                let atMost = try service.metric("\(name)_bucket", "le=\(bound)")
                return try service.metric("\(name)_count") - atMost
            }
            // Once a turn is measured, the next one is due within a tenth of a second.
            try await becomesTrue { try service.metric("event_loop_lag_seconds_count") > 0 }
            let before = try turns(over: "0.5")
            service.loops.next().execute {
                _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .milliseconds(800))
            }
            try await becomesTrue { try turns(over: "0.5") > before }
            let answer = try await service.ask(WireRequest("GET", "/metrics"))
            #expect(try Exposition(answer.body).value("event_loop_lag_seconds_count") ?? 0 > 0)
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
