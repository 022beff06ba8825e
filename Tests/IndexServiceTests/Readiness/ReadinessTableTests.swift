import NIOPosix
import Testing

@testable import IndexService

/// `/readyz` while everything it names breaks and is mended, in a service that runs.
///
/// One row after another, because each has a bound in time.
@Suite(.serialized, .timeLimit(.minutes(3))) struct ReadinessTableTests {
    /// The contract's, for a fall and for a return.
    private static let bound = Duration.seconds(2)

    /// They outlive the services, as the loops that all other tests share.
    private static let loops = MultiThreadedEventLoopGroup(numberOfThreads: 2)

    @Test func everyCheckHasARow() {
        #expect(Set(Fault.all.compactMap(\.check)) == Set(Readiness.Check.allCases))
    }

    @Test(arguments: Fault.all)
    func aFallAndAReturnShowOnceAndInTime(fault: Fault) async throws {
        let scene = try await fault.make()
        try await withService(on: Self.loops, settings: scene.configure) { service in
            let watch = ReadinessWatch(port: service.port)
            var timeline = Timeline(watch.observations)
            // How long the start takes is not the question here.
            try await timeline.skip { !$0.missing.isEmpty }

            let beganAt = ContinuousClock.now
            let mend = try await scene.harm(service)
            let (up, down) = ([String](), fault.check.map { [$0.rawValue] } ?? [])
            do {
                try await timeline.turns(from: up, to: down, since: beganAt, within: Self.bound)
                try await timeline.stays(down, until: .now + .milliseconds(1500))
            } catch {
                try? await mend()
                throw error
            }
            try await mend()
            try await timeline.turns(from: down, to: up, since: .now, within: Self.bound)
            try await timeline.stays(up, until: .now + .milliseconds(700))
            withExtendedLifetime(watch) {}
        }
        await scene.end()
    }
}

/// What was observed, in order.
private struct Timeline {
    struct Ended: Error {}

    private var iterator: AsyncStream<Observation>.AsyncIterator

    init(_ observations: AsyncStream<Observation>) {
        iterator = observations.makeAsyncIterator()
    }

    mutating func skip(while isSkipped: (Observation) -> Bool) async throws {
        while isSkipped(try await next()) {}
    }

    /// Expects one change from `before` to `after`, and nothing else, within `bound` of `start`.
    mutating func turns(
        from before: [String],
        to after: [String],
        since start: ContinuousClock.Instant,
        within bound: Duration,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await Lateness.measured { lateness in
            while true {
                let seen = try await next()
                if seen.at < start { continue }
                let late = seen.at - start - lateness.soFar
                let label = Comment(rawValue: "after \(seen.at - start): \(seen.text)")
                let isKnown = seen.missing == before || seen.missing == after
                #expect(seen.isConsistent && isKnown, label, sourceLocation: sourceLocation)
                #expect(late < bound, label, sourceLocation: sourceLocation)
                if seen.missing == after || late >= bound { return }
            }
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
            let isSame = seen.isConsistent && seen.missing == missing
            #expect(isSame, Comment(rawValue: seen.text), sourceLocation: sourceLocation)
            if !isSame || seen.at > end { return }
        }
    }

    private mutating func next() async throws -> Observation {
        guard let next = await iterator.next() else { throw Ended() }
        return next
    }
}
