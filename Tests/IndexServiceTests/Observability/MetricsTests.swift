import CoreMetrics
import DHTCore
import Testing

@testable import IndexService

@Suite struct MetricsTests {
    @Test func expositionParsesBeforeAnythingHappened() throws {
        let exposition = try Exposition(Metrics().exposition())
        #expect(exposition.families.count > 10)
        #expect(exposition.value("rejected_total", "reason=over_capacity") == 0)
    }

    @Test func everyTypedMethodCountsOnItsOwnSeries() throws {
        let metrics = Metrics()
        exerciseEverything(metrics)
        let exposition = try Exposition(metrics.exposition())
        for route in Route.allCases {
            #expect(exposition.value("inflight_requests", "route=\(route.text)") == 1)
            for method in RequestMethod.allCases {
                let pair = "route=\(route.text),method=\(method.text)"
                #expect(exposition.value("request_latency_seconds_count", pair) == 3)
                for outcome in RequestOutcome.allCases {
                    let series = pair + ",status=\(outcome.text)"
                    #expect(exposition.value("http_requests_total", series) == 1)
                }
            }
        }
        for reason in RejectReason.allCases {
            let expected = Double(reason.rawValue + 1)
            #expect(exposition.value("rejected_total", "reason=\(reason.text)") == expected)
        }
        for type in ResolveType.allCases {
            let name = "index_resolve_latency_seconds_count"
            #expect(exposition.value(name, "type=\(type.text)") == Double(type.rawValue + 1))
        }
        #expect(exposition.value("index_cache_hits_total") == 1)
        #expect(exposition.value("index_cache_misses_total") == 2)
        #expect(exposition.value("index_cache_entries") == 7)
        #expect(exposition.value("index_cache_bytes") == 7_000)
        #expect(exposition.value("index_coalesced_total") == 3)
        #expect(exposition.value("index_integrity_fail_total") == 4)
        #expect(exposition.value("index_provider_set_changes_total") == 5)
        #expect(exposition.value("amnesia_mode", "status=on") == 1)
        #expect(exposition.value("amnesia_mode", "status=off") == 0)
        #expect(exposition.value("pq_enabled") == 1)
    }

    @Test func onlyTheListedNamesLabelsAndValuesAppear() throws {
        let metrics = Metrics()
        exerciseEverything(metrics)
        let exposition = try Exposition(metrics.exposition())
        #expect(exposition.families.map(\.name) == MetricDescription.all.map(\.name))
        for (family, description) in zip(exposition.families, MetricDescription.all) {
            #expect(family.type == description.kind.text)
            #expect(family.help == description.help)
            for sample in family.samples {
                let own = sample.labels.filter { $0.name != "le" }
                #expect(own.map(\.name) == description.labels.map(\.name))
                for ((_, value), label) in zip(own, description.labels) {
                    #expect(label.values.contains(value), "\(label.name) may not be \(value)")
                }
            }
        }
    }

    /// The names and label values of the service's contract, which no change may touch.
    @Test func theListIsTheContracts() {
        let list = MetricDescription.all.map { description in
            let labels = description.labels.map { label in
                "\(label.name)=\(label.values.joined(separator: "|"))"
            }
            return ([description.kind.text, description.name] + labels).joined(separator: " ")
        }
        let route = "route=resolve|providers|manifests|admin|ops|other"
        let method = "method=GET|HEAD|PUT|POST|DELETE|other"
        #expect(
            list == [
                "histogram request_latency_seconds \(route) \(method)",
                "counter http_requests_total \(route) \(method) status=ok|error|throttled",
                "gauge inflight_requests \(route)",
                "counter rejected_total reason=unauth|over_capacity|timeout|body_cap"
                    + "|decompress_cap|bad_request|upstream_unready|internal",
                "histogram index_resolve_latency_seconds type=name|cid|facet",
                "counter index_cache_hits_total",
                "counter index_cache_misses_total",
                "gauge index_cache_entries",
                "gauge index_cache_bytes",
                "counter index_coalesced_total",
                "counter index_integrity_fail_total",
                "counter index_provider_set_changes_total",
                "counter index_spill_hits_total",
                "counter index_spill_misses_total",
                "gauge index_spill_entries",
                "gauge index_spill_bytes",
                "counter index_spill_dropped_total",
                "counter index_spill_failures_total",
                "counter index_spill_damaged_total",
                "histogram index_dht_lookup_ms",
                "histogram dht_lookup_hops",
                "counter dht_queries_total result=ok|timeout|error",
                "counter dht_queries_held_back_total limit=node|overall lookup=caller|background",
                "counter dht_hedged_requests_total result=win|lose|tie",
                "counter dht_datagrams_dropped_total reason=bad_source|bad_bencode|bad_message"
                    + "|unsolicited|wrong_address|wrong_id|query_in_client_mode|bad_query"
                    + "|address_rate|reply_rate|bad_token|refused_item|store_full|outbox_full",
                "counter dht_entries_dropped_total reason=bad_contact|forbidden_address"
                    + "|insecure_id|misnamed_contact|surplus_contact|crowded_network"
                    + "|surplus_provider|bad_item|forged_item|long_token|candidates_full",
                "counter bus_lagged_total",
                "gauge dht_nodes state=good|dubious",
                "gauge circuit_breaker_state upstream=dht|index|spill state=closed|open|half_open",
                "histogram event_loop_lag_seconds",
                "histogram miss_gate_wait_seconds route=resolve|providers|manifests|admin",
                "gauge refreshes_waiting kind=pinned|asked|follow_up",
                "gauge amnesia_mode status=on|off",
                "gauge pq_enabled",
                "counter process_cpu_seconds_total",
                "gauge process_resident_memory_bytes",
                "gauge process_virtual_memory_bytes",
                "gauge process_open_fds",
                "gauge process_max_fds",
                "gauge process_start_time_seconds",
            ]
        )
        #expect(Route.allCases.count <= 10)
    }

    @Test func latencyBucketsAreTheContracts() throws {
        let metrics = Metrics()
        metrics.requestFinished(route: .resolve, method: .get, outcome: .ok, nanoseconds: 1)
        let bounds = try Exposition(metrics.exposition()).families[0].samples
            .filter { $0.name == "request_latency_seconds_bucket" }
            .compactMap { $0.labels.first { $0.name == "le" }?.value }
        #expect(
            bounds == [
                "0.0001", "0.00025", "0.0005", "0.001", "0.005", "0.01", "0.02", "0.05", "0.08",
                "0.1", "0.2", "0.5", "1", "2", "5", "+Inf",
            ]
        )
    }

    @Test func aThousandKeysMakeNoNewSeries() throws {
        let metrics = Metrics()
        exerciseEverything(metrics)
        func series() throws -> [String] {
            try Exposition(metrics.exposition()).families.flatMap(\.samples)
                .map { $0.name + "{" + $0.labelText + "}" }
        }
        let before = try series()
        for number in 0..<1_000 {
            let key = "name-\(number)"
            Counter(
                label: "http_requests_total",
                dimensions: [("route", key), ("method", "GET"), ("status", "ok")],
                factory: metrics.registry
            ).increment()
            Counter(label: key, factory: metrics.registry).increment()
            metrics.requestFinished(
                route: .resolve,
                method: RequestMethod(key),
                outcome: RequestOutcome(status: number),
                nanoseconds: Int64(number)
            )
        }
        #expect(try series() == before)
    }

    @Test func concurrentRecordsAddUpExactly() async throws {
        let metrics = Metrics()
        let (tasks, rounds) = (8, 5_000)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<tasks {
                group.addTask {
                    let stripe = task == 0 ? MetricStripe.shared : MetricStripe(loop: task)
                    for round in 0..<rounds {
                        metrics.requestBegan(route: .resolve, on: stripe)
                        metrics.requestFinished(
                            route: .resolve,
                            method: .get,
                            outcome: .ok,
                            nanoseconds: Int64(round),
                            on: stripe
                        )
                        metrics.cacheHit()
                        metrics.requestEnded(route: .resolve, on: .shared)
                    }
                }
            }
        }
        let exposition = try Exposition(metrics.exposition())
        let total = Double(tasks * rounds)
        let series = "route=resolve,method=GET"
        #expect(exposition.value("request_latency_seconds_count", series) == total)
        #expect(exposition.value("http_requests_total", series + ",status=ok") == total)
        #expect(exposition.value("index_cache_hits_total") == total)
        #expect(exposition.value("inflight_requests", "route=resolve") == 0)
        let nanoseconds = Double(tasks * rounds * (rounds - 1) / 2)
        #expect(exposition.value("request_latency_seconds_sum", series) == nanoseconds / 1e9)
    }

    @Test func statusCodesHaveTheirOutcome() {
        #expect([200, 201, 202, 304, 404].allSatisfy { RequestOutcome(status: $0) == .ok })
        #expect([400, 401, 405, 413, 500, 503].allSatisfy { RequestOutcome(status: $0) == .error })
        #expect(RequestOutcome(status: 429) == .throttled)
    }

    @Test func methodsOutsideTheListAreOther() {
        #expect(RequestMethod("GET") == .get)
        #expect(RequestMethod("DELETE") == .delete)
        let others = ["get", "PATCH", "other", "", "G\u{0}T"]
        #expect(others.allSatisfy { RequestMethod($0) == .other })
    }

    private func exerciseEverything(_ metrics: Metrics) {
        for route in Route.allCases {
            metrics.requestBegan(route: route)
            for method in RequestMethod.allCases {
                for outcome in RequestOutcome.allCases {
                    metrics.requestFinished(
                        route: route,
                        method: method,
                        outcome: outcome,
                        nanoseconds: 1_000,
                        on: MetricStripe(loop: method.rawValue)
                    )
                }
            }
        }
        for reason in RejectReason.allCases {
            for _ in 0...reason.rawValue { metrics.rejected(reason) }
        }
        for type in ResolveType.allCases {
            for _ in 0...type.rawValue { metrics.resolveFinished(type, nanoseconds: 2_000) }
        }
        metrics.cacheHit()
        for _ in 0..<2 { metrics.cacheMiss() }
        for _ in 0..<3 { metrics.resolveCoalesced() }
        for _ in 0..<4 { metrics.integrityFailed() }
        for _ in 0..<5 { metrics.providerSetChanged() }
        var counters = DHTCounters()
        counters.holdBack(by: .node, .caller)
        metrics.readDHT { [counters] in DHTStatus(id: .zero, counters: counters) }
        metrics.readCacheSize { (entries: 7, bytes: 7_000) }
        metrics.setAmnesia(false)
        metrics.setAmnesia(true)
        metrics.setPostQuantum(true)
    }
}
