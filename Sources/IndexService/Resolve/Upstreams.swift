internal import Cache

/// What answers are made from beside our own memory (label `upstream`).
package enum Upstream: Int, MetricLabelValue {
    case dht, index, spill

    package var text: String {
        switch self {
        case .dht: "dht"
        case .index: "index"
        case .spill: "spill"
        }
    }
}

/// The circuit breakers, one in front of each upstream.
///
/// All pauses are short: a return shows in `/readyz` within two seconds, and one call in that time
/// harms nobody. The index is asked by its own check of readiness as soon as its pause is over.
package struct Upstreams: Sendable {
    /// Nil while the DHT is switched off.
    let dht: CircuitBreaker?
    let index: CircuitBreaker
    /// Nil while there is no spill.
    let spill: CircuitBreaker?

    package init(settings: Settings) {
        var pauses = CircuitBreakerSettings()
        pauses.longestPause = 1_500_000_000
        dht = settings.dht.mode == .off ? nil : CircuitBreaker(pauses)
        var short = pauses
        short.longestPause = short.shortestPause
        index = CircuitBreaker(short)
        spill = settings.spillDirectory == nil ? nil : CircuitBreaker(pauses)
    }

    /// The phase of every upstream's breaker; nil where it is switched off.
    func phases(at now: MonotonicInstant) -> [(Upstream, CircuitBreaker.Phase?)] {
        Upstream.allCases.map { upstream in
            let breaker: CircuitBreaker? =
                switch upstream {
                case .dht: dht
                case .index: index
                case .spill: spill
                }
            return (upstream, breaker?.phase(at: now))
        }
    }

    /// The field of `/readyz`.
    func write(to json: inout JSONWriter, at now: MonotonicInstant) {
        json.key("upstreams")
        json.beginObject()
        for (upstream, phase) in phases(at: now) {
            json.key(escaping: upstream.text)
            json.string(phase?.rawValue ?? "disabled")
        }
        json.endObject()
    }
}
