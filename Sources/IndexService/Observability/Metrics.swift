/// The fixed list of metrics, with a typed method for each thing that happens.
///
/// Labels are enums, so no request can make a new series. Methods that take a stripe are cheap
/// enough for the hot path (a few nanoseconds) and never block or allocate.
package final class Metrics: Sendable {
    /// The backend, to bootstrap swift-metrics with and to add readings to.
    package let registry: PrometheusRegistry

    let cells: MetricCells
    private let requestLatency: HistogramSeries
    private let requests: ScalarSeries
    private let inflight: ScalarSeries
    private let rejections: ScalarSeries
    private let resolveLatency: HistogramSeries
    private let cacheHits: ScalarSeries
    private let cacheMisses: ScalarSeries
    private let coalesced: ScalarSeries
    private let integrityFailures: ScalarSeries
    private let providerSetChanges: ScalarSeries
    let spillHits: ScalarSeries
    let spillMisses: ScalarSeries
    let lookupTimes: HistogramSeries
    let lookupHops: HistogramSeries
    let hedges: ScalarSeries
    private let busLag: ScalarSeries
    let loopLag: HistogramSeries
    let gateWaits: HistogramSeries
    private let methodCount = RequestMethod.allCases.count
    private let outcomeCount = RequestOutcome.allCases.count

    package init() {
        let registry = PrometheusRegistry()
        self.registry = registry
        cells = registry.cells
        requestLatency = registry.histogram("request_latency_seconds")
        requests = registry.scalar("http_requests_total")
        inflight = registry.scalar("inflight_requests")
        rejections = registry.scalar("rejected_total")
        resolveLatency = registry.histogram("index_resolve_latency_seconds")
        cacheHits = registry.scalar("index_cache_hits_total")
        cacheMisses = registry.scalar("index_cache_misses_total")
        coalesced = registry.scalar("index_coalesced_total")
        integrityFailures = registry.scalar("index_integrity_fail_total")
        providerSetChanges = registry.scalar("index_provider_set_changes_total")
        spillHits = registry.scalar("index_spill_hits_total")
        spillMisses = registry.scalar("index_spill_misses_total")
        lookupTimes = registry.histogram("index_dht_lookup_ms")
        lookupHops = registry.histogram("dht_lookup_hops")
        hedges = registry.scalar("dht_hedged_requests_total")
        busLag = registry.scalar("bus_lagged_total")
        loopLag = registry.histogram("event_loop_lag_seconds")
        gateWaits = registry.histogram("miss_gate_wait_seconds")
        ProcessStatistics.collect(into: registry)
    }

    /// The body of `GET /metrics`, of type ``PrometheusRegistry/contentType``.
    package func exposition() -> [UInt8] {
        registry.exposition()
    }
}

// Requests.
extension Metrics {
    /// Counts a request as being worked on; ``requestEnded(route:on:)`` must follow.
    package func requestBegan(route: Route, on stripe: MetricStripe = .shared) {
        inflight.add(1, series: route.rawValue, on: stripe, in: cells)
    }

    /// Takes back one ``requestBegan(route:on:)``, on whichever stripe.
    package func requestEnded(route: Route, on stripe: MetricStripe = .shared) {
        inflight.add(-1, series: route.rawValue, on: stripe, in: cells)
    }

    /// Counts an answered request with the time from its head to the end of its answer.
    package func requestFinished(
        route: Route,
        method: RequestMethod,
        outcome: RequestOutcome,
        nanoseconds: Int64,
        on stripe: MetricStripe = .shared
    ) {
        let pair = route.rawValue &* methodCount &+ method.rawValue
        let triple = pair &* outcomeCount &+ outcome.rawValue
        requests.add(1, series: triple, on: stripe, in: cells)
        requestLatency.record(nanoseconds, series: pair, on: stripe, in: cells)
    }

    /// Counts a refusal.
    package func rejected(_ reason: RejectReason, on stripe: MetricStripe = .shared) {
        rejections.add(1, series: reason.rawValue, on: stripe, in: cells)
    }
}

// Resolving.
extension Metrics {
    /// Counts a resolve that the cache in memory could not answer.
    package func resolveFinished(
        _ type: ResolveType,
        nanoseconds: Int64,
        on stripe: MetricStripe = .shared
    ) {
        resolveLatency.record(nanoseconds, series: type.rawValue, on: stripe, in: cells)
    }

    /// Counts an answer found in the cache in memory.
    package func cacheHit(on stripe: MetricStripe = .shared) {
        cacheHits.add(1, on: stripe, in: cells)
    }

    /// Counts an answer not found in the cache in memory.
    package func cacheMiss(on stripe: MetricStripe = .shared) {
        cacheMisses.add(1, on: stripe, in: cells)
    }

    /// Counts a request that joined a resolve already under way.
    package func resolveCoalesced() {
        coalesced.add(1, on: .shared, in: cells)
    }

    /// Counts bytes that were not what their content id says.
    package func integrityFailed() {
        integrityFailures.add(1, on: .shared, in: cells)
    }

    /// Counts events that a subscriber of the bus missed.
    package func busLagged(_ events: Int) {
        busLag.add(Int64(events), on: .shared, in: cells)
    }

    /// Counts a content id whose providers are others than were known.
    package func providerSetChanged() {
        providerSetChanges.add(1, on: .shared, in: cells)
    }

    /// Reads the size of the answer cache before each exposition, on the thread that asks for it.
    package func readCacheSize(
        _ read: @escaping @Sendable () -> (entries: Int, bytes: Int)
    ) {
        let (cells, entries) = (cells, registry.scalar("index_cache_entries"))
        let bytes = registry.scalar("index_cache_bytes")
        registry.onScrape {
            let size = read()
            entries.set(Double(size.entries), in: cells)
            bytes.set(Double(size.bytes), in: cells)
        }
    }
}

// Modes, set once at the start.
extension Metrics {
    /// Says whether amnesia mode is on.
    package func setAmnesia(_ isOn: Bool) {
        let mode = registry.scalar("amnesia_mode")
        mode.set(isOn ? 1 : 0, series: SwitchStatus.on.rawValue, in: cells)
        mode.set(isOn ? 0 : 1, series: SwitchStatus.off.rawValue, in: cells)
    }

    /// Says whether TLS offers post-quantum key exchange.
    package func setPostQuantum(_ isEnabled: Bool) {
        registry.scalar("pq_enabled").set(isEnabled ? 1 : 0, in: cells)
    }
}
