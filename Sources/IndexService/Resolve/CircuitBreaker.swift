package import Cache
internal import Synchronization

/// Keeps callers away from an upstream that fails, and finds out when it works again.
///
/// Whoever is let through reports how it went, with the permit: `succeeded`, `failed`, or
/// `withdrawn` when the call said nothing about the upstream.
package final class CircuitBreaker: Sendable {
    private let state: Mutex<StateMachine>
    private let jitter: @Sendable () -> Double

    /// A closed breaker; `jitter` draws from 0 up to 1 for each report of a failure.
    package init(
        _ settings: CircuitBreakerSettings = CircuitBreakerSettings(),
        jitter: @escaping @Sendable () -> Double = { .random(in: 0..<1) }
    ) {
        state = Mutex(StateMachine(settings))
        self.jitter = jitter
    }

    /// A permit for one call; nil while the upstream is to be left alone.
    package func admit(at now: MonotonicInstant) -> Permit? {
        state.withLock { $0.admit(at: now) }
    }

    package func succeeded(_ permit: Permit, at now: MonotonicInstant) {
        state.withLock { $0.succeeded(permit, at: now) }
    }

    package func failed(_ permit: Permit, at now: MonotonicInstant) {
        let jitter = jitter()
        state.withLock { $0.failed(permit, at: now, jitter: jitter) }
    }

    /// The call ended without a verdict: cancelled, or never made.
    package func withdrawn(_ permit: Permit) {
        state.withLock { $0.withdrawn(permit) }
    }

    /// Something else shows that the upstream works again: everybody passes, and what failed before
    /// counts no more.
    package func reset() {
        state.withLock { $0.reset() }
    }

    package func phase(at now: MonotonicInstant) -> Phase {
        state.withLock { $0.phase(at: now) }
    }
}

/// When a circuit breaker opens and for how long; all times in nanoseconds.
package struct CircuitBreakerSettings: Sendable {
    /// How far back calls count, to a tenth.
    package var window: UInt64 = 10_000_000_000
    /// Fewer calls than this in the window prove nothing.
    package var minimumCalls = 20
    /// Opens when this share of the calls in the window failed: 1 to 100.
    package var failurePercent = 50
    /// The first pause; each probe that fails doubles it.
    package var shortestPause: UInt64 = 1_000_000_000
    package var longestPause: UInt64 = 30_000_000_000
    /// How long a probe may keep its report to itself before another is let through.
    package var probePatience: UInt64 = 5_000_000_000

    package init() {}
}

extension CircuitBreaker {
    package enum Phase: String, Sendable, CaseIterable {
        /// Everybody passes.
        case closed
        /// Nobody passes.
        case open
        /// One call passes, to see how it goes.
        case halfOpen = "half_open"
    }

    /// Leave for one call; reports with a permit from before the last change of phase count for
    /// nothing.
    package struct Permit: Hashable, Sendable {
        fileprivate let era: UInt64
    }
}

extension CircuitBreaker {
    /// The breaker without a lock and without a clock.
    ///
    /// A time earlier than one seen before counts as that one.
    package struct StateMachine: Sendable {
        private enum Circuit: Sendable {
            case closed(CallWindow)
            case open(until: MonotonicInstant, probeFailures: Int)
            case probing(until: MonotonicInstant, probeFailures: Int)
        }

        private let settings: CircuitBreakerSettings
        private var circuit: Circuit
        private var era: UInt64 = 0
        private var latest = MonotonicInstant(nanoseconds: 0)

        package init(_ settings: CircuitBreakerSettings = CircuitBreakerSettings()) {
            self.settings = settings
            circuit = .closed(CallWindow(length: settings.window))
        }

        package mutating func admit(at now: MonotonicInstant) -> Permit? {
            advance(to: now)
            switch circuit {
            case .closed:
                return Permit(era: era)
            case .open(let until, let failures), .probing(let until, let failures):
                guard latest >= until else { return nil }
                era += 1
                circuit = .probing(
                    until: latest.advanced(by: settings.probePatience),
                    probeFailures: failures
                )
                return Permit(era: era)
            }
        }

        package mutating func succeeded(_ permit: Permit, at now: MonotonicInstant) {
            guard permit.era == era else { return }
            advance(to: now)
            switch circuit {
            case .closed(var window):
                window.count(failed: false, at: latest)
                circuit = .closed(window)
            case .probing:
                era += 1
                circuit = .closed(CallWindow(length: settings.window))
            case .open:
                break
            }
        }

        /// A call failed; `jitter`, from 0 up to 1, shortens a pause by up to a quarter, so that
        /// many instances do not come back at one moment.
        package mutating func failed(
            _ permit: Permit,
            at now: MonotonicInstant,
            jitter: Double
        ) {
            guard permit.era == era else { return }
            advance(to: now)
            switch circuit {
            case .closed(var window):
                window.count(failed: true, at: latest)
                circuit = .closed(window)
                let (calls, failures) = window.totals(at: latest)
                if calls >= settings.minimumCalls,
                    failures * 100 >= calls * settings.failurePercent
                {
                    open(probeFailures: 0, jitter: jitter)
                }
            case .probing(_, let failures):
                open(probeFailures: failures + 1, jitter: jitter)
            case .open:
                break
            }
        }

        /// The call said nothing: if it was the probe, the next caller is.
        package mutating func withdrawn(_ permit: Permit) {
            guard permit.era == era, case .probing(_, let failures) = circuit else { return }
            era += 1
            circuit = .open(until: latest, probeFailures: failures)
        }

        /// Closes, whatever was reported; calls still under way began before and prove nothing.
        package mutating func reset() {
            era += 1
            circuit = .closed(CallWindow(length: settings.window))
        }

        package func phase(at now: MonotonicInstant) -> Phase {
            switch circuit {
            case .closed: .closed
            case .open(let until, _): max(now, latest) < until ? .open : .halfOpen
            case .probing: .halfOpen
            }
        }

        private mutating func advance(to now: MonotonicInstant) {
            latest = max(latest, now)
        }

        private mutating func open(probeFailures: Int, jitter: Double) {
            let doublings = UInt64(min(probeFailures, 30))
            let (doubled, overflow) = settings.shortestPause.multipliedReportingOverflow(
                by: 1 << doublings
            )
            let pause = overflow ? settings.longestPause : min(doubled, settings.longestPause)
            let share = jitter.isFinite ? min(max(jitter, 0), 1) : 0
            let shortening = UInt64(Double(pause / 4) * share)
            era += 1
            circuit = .open(
                until: latest.advanced(by: pause - min(pause, shortening)),
                probeFailures: probeFailures
            )
        }
    }
}
