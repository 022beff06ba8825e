import Glibc
import NIOCore
import Testing
import UnixSignals

@testable import IndexService

/// What becomes of requests that do not end within the drain time.
///
/// The signal is the process's, so these tests run one after another, and no other test uses it.
@Suite(.serialized, .timeLimit(.minutes(1))) struct DrainTests {
    private static let signal = UnixSignal.sigusr1

    private func withStoppableService(
        drainTimeout: Duration,
        settings configure: (inout Settings) -> Void = { _ in },
        log: RecordedLog = RecordedLog(),
        _ body:
            @escaping @Sendable (RunningService, _ stop: @escaping @Sendable () -> Void)
            async throws -> Void
    ) async throws {
        func set(_ settings: inout Settings) {
            settings.http.drainTimeout = drainTimeout
            settings.http.requestTimeout = .seconds(60)
            configure(&settings)
        }
        try await withService(stopOn: [Self.signal], settings: set, log: log) { service in
            try await body(service) { kill(getpid(), SIGUSR1) }
        }
    }

    private func checkGivenUp(_ answer: WireResponse) {
        #expect(answer.status == 503)
        #expect(answer["Retry-After"] == "5")
        #expect(answer["Connection"] == "close")
        checkProblem(answer, code: "upstream_unready")
    }

    @Test func whoeverWaitsForALookupThatHangsIsTold() async throws {
        let deaf = try DeafPeer()
        let clock = ContinuousClock()
        let log = RecordedLog()
        try await withStoppableService(
            drainTimeout: .milliseconds(300),
            settings: { deaf.isAllThereIs(for: &$0) },
            log: log
        ) { service, stop in
            let answers = try await withThrowingTaskGroup(of: WireResponse.self) { group in
                for route in ["resolve", "providers"] {
                    let path = "/\(route)/\(SampleIndex.unknownID)"
                    group.addTask {
                        try await service.connected { connection in
                            try connection.send(WireRequest("GET", path))
                            return try connection.response()
                        }
                    }
                }
                while try service.metric("inflight_requests", "route=resolve") == 0
                    || service.metric("inflight_requests", "route=providers") == 0
                {}
                stop()
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let stoppedAt = clock.now
            for answer in answers { checkGivenUp(answer) }
            #expect(clock.now - stoppedAt < .seconds(10))
        }
        // What was given up has ended by itself: nothing was left to be cut off.
        #expect(log.records.contains { $0.message.contains("drain time passed") })
        #expect(!log.records.contains { $0.message.contains("was cut off") })
    }

    @Test func whoeverWaitsForAStoreThatHangsIsTold() async throws {
        try await withStoppableService(drainTimeout: .milliseconds(200)) { service, stop in
            try await SampleIndex.fill(service)
            let manifest = WireRequest("GET", "/manifests/\(SampleIndex.manifestID)")
            let answer = try await withBlockedStore(service) { release in
                let answer = try await service.connected { connection in
                    try connection.send(manifest)
                    while try service.metric("inflight_requests", "route=manifests") == 0 {}
                    stop()
                    let answer = try connection.response()
                    try connection.requireEnd()
                    return answer
                }
                release()
                return answer
            }
            checkGivenUp(answer)
        }
    }

    /// What was answered with 503 before it began is not written afterwards.
    @Test func aWriteThatHasNotBegunByThenIsNeverMade() async throws {
        let (home, writer) = (try TemporaryDirectory(), HeldWriter())
        defer { writer.release() }
        try await withStoppableService(
            drainTimeout: .milliseconds(200),
            settings: { settings in
                settings.amnesia.enabled = false
                settings.database.path = home.path + "/index"
            }
        ) { service, stop in
            try await SampleIndex.fill(service)
            let store = service.application.store
            try await writer.hold(store)
            async let first = service.askOnce(SampleIndex.name("begun", SampleIndex.manifestID))
            await becomesTrue { store.health.writesBegan.count == 2 }
            async let second = service.askOnce(SampleIndex.name("waiting", SampleIndex.manifestID))
            await becomesTrue { store.waitingWrites == 1 }
            stop()
            for answer in try await [first, second] { checkGivenUp(answer) }
            writer.release()
        }
        try await withStore(at: home.path + "/index") { store async throws in
            // That of the other nobody can know: it is acknowledged to nobody.
            #expect(try store.name(Name(parsing: "waiting")) == nil)
        }
    }

    @Test func whoeverDoesNotSendTheRestIsTold() async throws {
        try await withStoppableService(drainTimeout: .milliseconds(200)) { service, stop in
            let put = SampleIndex.name("late", SampleIndex.manifestID)
            let answer = try await service.connected { connection in
                try connection.send(put.headBytes)
                while try service.metric("inflight_requests", "route=admin") == 0 {}
                stop()
                return try connection.response()
            }
            checkGivenUp(answer)
        }
    }

    /// The metrics have a listener of their own, which goes on until requests have ended.
    @Test func readinessIsFalseAtOnce() async throws {
        let port = try FreePort.take()
        try await withStoppableService(
            drainTimeout: .seconds(10),
            settings: { $0.metrics.bind = ListenAddress(host: "127.0.0.1", port: port) }
        ) { service, stop in
            try await SampleIndex.fill(service)
            let put = SampleIndex.name("late", SampleIndex.manifestID)
            let (answer, readiness) = try await service.connected { connection in
                let operators = try RawConnection(port: port)
                let idle = try RawConnection(port: service.port)
                // Accepted: one that only the kernel has would be reset by the stop.
                try idle.send(WireRequest("GET", "/healthz"))
                _ = try idle.response()
                try connection.send(put.headBytes)
                while try service.metric("inflight_requests", "route=admin") == 0 {}
                stop()
                try idle.requireEnd()
                try operators.send(WireRequest("GET", "/readyz"))
                let readiness = try operators.response()
                try connection.send(put.body)
                return (try connection.response(), readiness)
            }
            #expect(readiness.status == 503)
            #expect(readiness["Retry-After"] == "5")
            #expect(readiness.text.contains("listeners_bound"))
            #expect(answer.status == 201)
        }
    }

    @Test(arguments: [true, false])
    func theMemoryOfAnswersIsZeroedInAmnesia(isForgetful: Bool) async throws {
        let (answers, sink) = AsyncStream.makeStream(of: Answer.self)
        try await withService { settings in
            settings.amnesia.enabled = isForgetful
        } _: { service in
            try await SampleIndex.fill(service)
            _ = try await service.ask(WireRequest("GET", "/resolve/libc6"))
            let query = AnswerQuery(.resolution, try ResolveKey(parsing: "libc6"))
            let cached = service.application.resolver.cachedOutcome(for: query, at: .now())
            guard case .found(let answer)? = cached?.outcome else { return }
            sink.yield(answer)
        }
        sink.finish()
        let answer = try #require(await answers.first { _ in true })
        #expect(answer.body.readableBytes > 100)
        #expect(answer.body.readableBytesView.allSatisfy { $0 == 0 } == isForgetful)
    }

    @Test func nothingIsLeftOpen() async throws {
        func run() async throws {
            let deaf = try DeafPeer()
            try await withStoppableService(
                drainTimeout: .milliseconds(50),
                settings: { deaf.isAllThereIs(for: &$0) }
            ) { service, stop in
                try await service.connected { connection in
                    let request = WireRequest("GET", "/resolve/\(SampleIndex.unknownID)")
                    try connection.send(request)
                    while try service.metric("inflight_requests", "route=resolve") == 0 {}
                    stop()
                    _ = try connection.response()
                }
            }
        }
        // What a process opens once and keeps.
        try await run()
        let before = OpenSockets.count()
        for _ in 0..<3 { try await run() }
        // Closed by other threads, some moments later.
        await becomesTrue { OpenSockets.count() <= before }
    }
}
