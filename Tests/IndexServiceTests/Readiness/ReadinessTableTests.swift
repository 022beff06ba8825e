import NIOPosix
import Testing

@testable import IndexService

/// `/readyz` while everything it names breaks and is mended, in a service that runs.
///
/// One row after another, because each has a bound in time.
@Suite(.serialized, .timeLimit(.minutes(3))) struct ReadinessTableTests {
    /// They outlive the services, as the loops that all other tests share.
    private static let loops = MultiThreadedEventLoopGroup(numberOfThreads: 2)

    @Test func everyCheckHasARow() {
        #expect(Set(Fault.all.compactMap(\.check)) == Set(Readiness.Check.allCases))
    }

    @Test(arguments: Fault.all)
    func aFallAndAReturnShowOnceAndInTime(fault: Fault) async throws {
        let scene = try await fault.make()
        try await withService(on: Self.loops, settings: scene.configure) { service in
            try await Lateness.measured { lateness in
                let watch = ReadinessWatch(port: service.port)
                var timeline = Timeline(watch.observations, lateness)
                // How long the start takes is not the question here.
                try await timeline.skip { !$0.missing.isEmpty }

                let (up, down) = ([String](), fault.check.map { [$0.rawValue] } ?? [])
                let beganAt = timeline.now()
                let mend = try await scene.harm(service)
                do {
                    try await timeline.turns(from: up, to: down, since: beganAt)
                    try await timeline.stays(down, until: .now + .milliseconds(1500))
                } catch {
                    try? await mend()
                    throw error
                }
                try await mend()
                try await timeline.turns(from: down, to: up, since: timeline.now())
                try await timeline.stays(up, until: .now + .milliseconds(700))
                withExtendedLifetime(watch) {}
            }
        }
        await scene.end()
    }
}

/// What was observed, in order.
private struct Timeline {
    struct Ended: Error {}

    /// A moment, and how late the machine had been up to then.
    typealias Moment = (at: ContinuousClock.Instant, lateness: Duration)

    /// The contract's, for a fall and for a return.
    private static let bound = Duration.seconds(2)

    private let lateness: Lateness
    private var iterator: AsyncStream<Observation>.AsyncIterator

    init(_ observations: AsyncStream<Observation>, _ lateness: Lateness) {
        self.lateness = lateness
        iterator = observations.makeAsyncIterator()
    }

    func now() -> Moment { (.now, lateness.soFar) }

    mutating func skip(while isSkipped: (Observation) -> Bool) async throws {
        while isSkipped(try await next()) {}
    }

    /// Expects one change from `before` to `after`, and nothing else, within the bound.
    mutating func turns(
        from before: [String],
        to after: [String],
        since start: Moment,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        while true {
            let seen = try await next()
            if seen.at < start.at { continue }
            let took = seen.at - start.at - (lateness.soFar - start.lateness)
            let label = Comment(rawValue: "after \(seen.at - start.at): \(seen.text)")
            let isKnown = seen.missing == before || seen.missing == after
            let isRight = seen.isConsistent && (isKnown || isExcused(seen))
            #expect(isRight && took < Self.bound, label, sourceLocation: sourceLocation)
            if seen.missing == after || took >= Self.bound { return }
        }
    }

    /// Expects nothing but `missing` until a moment.
    mutating func stays(
        _ missing: [String],
        until end: ContinuousClock.Instant,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        while true {
            let seen = try await next()
            let isSame = seen.missing == missing
            let isRight = seen.isConsistent && (isSame || isExcused(seen))
            #expect(isRight, Comment(rawValue: seen.text), sourceLocation: sourceLocation)
            if !isRight || isSame && seen.at > end { return }
        }
    }

    /// Whether the service could not measure for so long that it has to say so.
    private func isExcused(_ seen: Observation) -> Bool {
        seen.text.contains("did not answer in time")
            && lateness.mayExplainOldMeasurements(at: seen.at)
    }

    private mutating func next() async throws -> Observation {
        guard let next = await iterator.next() else { throw Ended() }
        return next
    }
}
