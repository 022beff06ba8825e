internal import Cache
internal import NIOCore
internal import ServiceLifecycle
internal import Synchronization
internal import Waiting

/// Measures how late the event loops run their timers, so that an operator sees a stall.
///
/// One that comes late counts for those as well that were due while the loop stood still: a stall
/// of a second is ten turns, as it is for callers, and not one of the hundreds around it ("expected
/// interval" of HdrHistogram, against coordinated omission).
struct LoopLagMonitor: Service {
    /// Ten turns a second and loop cost nothing and catch what a caller would notice.
    private static let period = TimeAmount.milliseconds(100)

    let group: any EventLoopGroup
    let metrics: Metrics

    /// Runs until the service group shuts down.
    func run() async throws {
        let timers = Array(group.makeIterator()).enumerated().map { index, loop in
            let clock = LoopClock()
            let stripe = MetricStripe(loop: index)
            return loop.scheduleRepeatedTask(initialDelay: .zero, delay: Self.period) { _ in
                guard let lag = clock.turned(at: .now(), expectedAfter: Self.period) else { return }
                for lag in Self.lags(ofTurnLateBy: lag) {
                    metrics.loopTurned(lateByNanoseconds: lag, on: stripe)
                }
            }
        }
        try? await gracefulShutdown()
        for timer in timers { timer.cancel() }
    }
}

extension LoopLagMonitor {
    /// What is recorded of a turn, in nanoseconds: its own lag, and that of each that was due
    /// meanwhile; at most a thousand, for a process may be stopped for days.
    static func lags(ofTurnLateBy lag: Int64) -> some Sequence<Int64> {
        stride(from: lag, through: 0, by: -Int(period.nanoseconds)).prefix(1000)
    }
}

/// When a loop's timer fired last.
private final class LoopClock: Sendable {
    /// Nanoseconds of the monotonic clock; 0 before the first turn.
    private let last = Atomic<UInt64>(0)

    /// How late this turn is in nanoseconds; nil for the first one.
    func turned(at now: MonotonicInstant, expectedAfter period: TimeAmount) -> Int64? {
        let last = last.exchange(now.nanoseconds, ordering: .relaxed)
        guard last != 0 else { return nil }
        let elapsed = now.nanoseconds(since: MonotonicInstant(nanoseconds: last))
        return max(0, Int64(clamping: elapsed) - period.nanoseconds)
    }
}
