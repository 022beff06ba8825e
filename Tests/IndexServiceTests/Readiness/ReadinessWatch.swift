import Foundation
import Glibc
import Synchronization
import Testing

@testable import IndexService

/// What the operators' routes said at one moment.
struct Observation: Sendable {
    let at: ContinuousClock.Instant
    /// The checks that `/readyz` names as missing.
    let missing: [String]
    /// Whether both status codes are right: that of `/readyz` for what it says, and 200 of
    /// `/healthz`.
    let isConsistent: Bool
    let text: String
}

/// Asks a service over and over, from a thread of its own, until the value is gone.
///
/// It has several connections from before: what hangs takes some of them with it.
final class ReadinessWatch: Sendable {
    private final class Flag: Sendable {
        let isSet = Atomic(false)
    }

    let observations: AsyncStream<Observation>
    private let stop = Flag()

    init(port: UInt16) {
        let (stream, sink) = AsyncStream.makeStream(of: Observation.self)
        observations = stream
        Thread.detachNewThread { [stop] in
            defer { sink.finish() }
            var connections = (0..<12).compactMap { _ in try? RawConnection(port: port) }
            for connection in connections {
                try? connection.send(WireRequest("GET", "/healthz"))
                _ = try? connection.response()
            }
            while !stop.isSet.load(ordering: .relaxed), let connection = connections.last {
                guard let seen = try? Self.look(connection) else {
                    connections.removeLast()
                    continue
                }
                sink.yield(seen)
                connection.leaveUnread(forMilliseconds: 10)
            }
        }
    }

    deinit { stop.isSet.store(true, ordering: .relaxed) }

    /// Nil when the connection hangs.
    private static func look(_ connection: RawConnection) throws -> Observation? {
        let requests = [WireRequest("GET", "/readyz"), WireRequest("GET", "/healthz")]
        try connection.send(requests.flatMap(\.bytes))
        guard connection.hasInput(within: 250) else { return nil }
        let (ready, health) = (try connection.response(), try connection.response())
        let fields = ready.fields
        let missing = (0..<(ready.number("missing#") ?? 0)).compactMap { fields["missing.\($0)"] }
        return Observation(
            at: .now,
            missing: missing,
            isConsistent: (ready.status == 200) == missing.isEmpty && health.status == 200,
            text: "\(ready.status) \(ready.text) \(health.status)"
        )
    }
}

/// How much later than asked for this machine ran a thread: what a bound in time is not to blame
/// for.
final class Lateness: Sendable {
    private struct State {
        var total = Duration.zero
        /// When the last delay that was long ended.
        var lastLongEndedAt: ContinuousClock.Instant?
    }

    private let state = Mutex(State())
    private let isOver = Atomic(false)

    /// Measures while `body` runs.
    static func measured<Output>(_ body: (Lateness) async throws -> Output) async rethrows -> Output
    {
        let lateness = Lateness()
        Thread.detachNewThread { lateness.measure() }
        defer { lateness.isOver.store(true, ordering: .relaxed) }
        return try await body(lateness)
    }

    var soFar: Duration { state.withLock { $0.total } }

    /// Whether what is measured several times a second may be out of date for it, as of a moment.
    func mayExplainOldMeasurements(at now: ContinuousClock.Instant) -> Bool {
        state.withLock { state in
            state.lastLongEndedAt.map { now - $0 < .seconds(2) } ?? false
        }
    }

    private func measure() {
        let pause = 5
        while !isOver.load(ordering: .relaxed) {
            let before = ContinuousClock.now
            poll(nil, 0, Int32(pause))
            let now = ContinuousClock.now
            let late = now - before - .milliseconds(pause)
            guard late > .milliseconds(5) else { continue }
            state.withLock { state in
                state.total += late
                if late > .milliseconds(500) { state.lastLongEndedAt = now }
            }
        }
    }
}
