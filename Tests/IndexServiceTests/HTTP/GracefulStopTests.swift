import Dispatch
import Glibc
import Testing
import UnixSignals

@testable import IndexService
@testable import Spill

/// What a signal to stop does to connections in each state.
///
/// The signal is the process's, so these tests run one after another, and no other test uses it.
@Suite(.serialized) struct GracefulStopTests {
    private static let signal = UnixSignal.sigusr2

    /// Starts a service, lets `body` send it the signal, and waits for `run` to return.
    private func withStoppableService(
        drainTimeout: Duration = .seconds(10),
        _ body:
            @escaping @Sendable (RunningService, _ stop: @escaping @Sendable () -> Void)
            async throws
            -> Void
    ) async throws {
        try await withService(stopOn: [Self.signal]) { settings in
            settings.http.drainTimeout = drainTimeout
            // A request that hangs holds a stop up for as long as the drain time, not for this.
            settings.http.requestTimeout = .seconds(60)
        } _: { service in
            try await SampleIndex.fill(service)
            try await body(service) { kill(getpid(), SIGUSR2) }
        }
    }

    /// A connection that the service has certainly accepted: one that only the kernel has would be
    /// reset by the stop.
    private static func connect(to port: UInt16) throws -> RawConnection {
        let connection = try RawConnection(port: port)
        try connection.send(WireRequest("GET", "/healthz"))
        _ = try connection.response()
        return connection
    }

    @Test func idleConnectionsAreClosedAndRunReturns() async throws {
        let clock = ContinuousClock()
        let beganAt = clock.now
        try await withStoppableService { service, stop in
            try await service.connected { connection in
                let silent = try RawConnection(port: service.port)
                let begun = try RawConnection(port: service.port)
                try begun.send("GET /healthz HT")
                try connection.send(WireRequest("GET", "/resolve/libc6"))
                _ = try connection.response()
                // Connections are accepted in the order in which they came.
                let last = try Self.connect(to: service.port)
                stop()
                for idle in [connection, silent, begun, last] { try idle.requireEnd() }
            }
        }
        #expect(clock.now - beganAt < .seconds(8))
    }

    @Test func nothingNewIsTakenOn() async throws {
        let port = try await withStoppedPort()
        await #expect(throws: RawConnection.Failure.self) {
            try await onOwnThread { _ = try RawConnection(port: port) }
        }
    }

    private func withStoppedPort() async throws -> UInt16 {
        let (ports, sink) = AsyncStream.makeStream(of: UInt16.self)
        try await withStoppableService { service, stop in
            sink.yield(service.port)
            stop()
        }
        sink.finish()
        return try #require(await ports.first { _ in true })
    }

    @Test func aRequestInFlightIsAnswered() async throws {
        try await withStoppableService { service, stop in
            let answer = try await withBlockedStore(service) { release in
                try await service.connected { connection in
                    let idle = try Self.connect(to: service.port)
                    try connection.send(WireRequest("GET", "/resolve/libc6?limit=3"))
                    // Once it is counted it is on its way to the store.
                    while try service.metric("inflight_requests", "route=resolve") == 0 {}
                    stop()
                    try idle.requireEnd()
                    release()
                    let answer = try connection.response()
                    try connection.requireEnd()
                    return answer
                }
            }
            #expect(answer.status == 200)
            #expect(answer.number("providers#") == 3)
            #expect(answer["Connection"] == "close")
        }
    }

    @Test func aBodyOnItsWayIsWaitedFor() async throws {
        try await withStoppableService { service, stop in
            let put = SampleIndex.name("late", SampleIndex.manifestID)
            let answer = try await service.connected { connection in
                let idle = try Self.connect(to: service.port)
                try connection.send(put.headBytes)
                while try service.metric("inflight_requests", "route=admin") == 0 {}
                stop()
                try idle.requireEnd()
                try connection.send(put.body)
                return try connection.response()
            }
            #expect(answer.status == 201)
            #expect(answer["Connection"] == "close")
        }
    }

    /// Answers that are written but not taken yet are not cut.
    @Test func answersOnTheirWayArriveWhole() async throws {
        try await withStoppableService { service, stop in
            let request = WireRequest("GET", "/resolve/libc6?limit=32")
            let (one, all) = try await service.connected { connection in
                // A miss and a hit, so that the rest is answered as fast as it comes.
                try connection.send(request.bytes + request.bytes)
                _ = try connection.response()
                let hit = try connection.response()
                let idle = try Self.connect(to: service.port)
                let batch = (0..<500).flatMap { _ in request.bytes }
                _ = connection.pour(batch, total: 100 << 20)
                stop()
                try idle.requireEnd()
                return (hit.head.utf8.count + 4 + hit.body.count, try connection.readToEnd().count)
            }
            // All hits are of one length: nothing is left over when none was cut.
            #expect(all > 100 * one)
            #expect(all.isMultiple(of: one))
        }
    }

    /// Clients that do not stop connecting neither hold the service up nor bring it down.
    @Test(arguments: [true, false])
    func connectionsThatComeInDuringAStopDoNoHarm(stopsGracefully: Bool) async throws {
        let log = RecordedLog()
        for _ in 0..<4 {
            let (ports, sink) = AsyncStream.makeStream(of: UInt16.self)
            let (begun, isUnderWay) = AsyncStream.makeStream(of: Void.self)
            let storm = Task {
                for await port in ports {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for _ in 0..<3 {
                            group.addTask {
                                try await Self.keepConnecting(to: port) { isUnderWay.yield() }
                            }
                        }
                        try await group.waitForAll()
                    }
                }
            }
            let signals = stopsGracefully ? [Self.signal] : []
            try await withService(stopOn: signals, log: log) { service in
                sink.yield(service.port)
                sink.finish()
                _ = await begun.first { _ in true }
                if stopsGracefully { kill(getpid(), SIGUSR2) }
            }
            try await storm.value
        }
        // A stop by cancellation drains nothing; the other must not need all of its time.
        guard stopsGracefully else { return }
        #expect(!log.records.contains { $0.message.contains("drain time passed") })
    }

    /// Opens connections and sends requests on them until nobody takes them any more.
    private static func keepConnecting(
        to port: UInt16,
        onFirst: @escaping @Sendable () -> Void
    ) async throws {
        try await onOwnThread {
            let requests = ["/healthz", "/metrics"].flatMap { WireRequest("GET", $0).bytes }
            var connections: [RawConnection] = []
            for _ in 0..<5000 {
                guard let connection = try? RawConnection(port: port) else { return }
                try? connection.send(requests)
                if connections.isEmpty, (try? connection.response()) != nil { onFirst() }
                connections.append(connection)
                // Some are left open for a while, some are closed before they are answered.
                if connections.count > 20 { connections.removeSubrange(5..<15) }
            }
        }
    }

    /// Nor does it keep the files of the other from being closed.
    @Test(arguments: ["index", "spill"])
    func aDiskThatHangsDoesNotHoldUpTheStop(disk: String) async throws {
        let (home, log) = (try TemporaryDirectory(), RecordedLog())
        let go = DispatchSemaphore(value: 0)
        defer { go.signal() }
        try await withService(
            stopOn: [Self.signal],
            settings: { settings in
                settings.amnesia.enabled = false
                settings.database.path = home.path + "/index"
                settings.spill.enabled = true
                settings.http.drainTimeout = .milliseconds(200)
            },
            log: log
        ) { service in
            if disk == "spill" {
                service.application.spill?.store.writer.async { go.wait() }
            } else {
                let (store, hung) = (service.application.store, DispatchSemaphore(value: 0))
                Task {
                    try await store.reading { _ in
                        hung.signal()
                        go.wait()
                    }
                }
                try await onOwnThread { hung.wait() }
            }
            kill(getpid(), SIGUSR2)
        }
        let told = disk == "spill" ? "the spill's disk hangs" : "the shutdown was not clean"
        #expect(log.records.contains { $0.message.contains(told) })
    }

    /// Neither does a write that has begun, which nobody can take back.
    @Test func aWriteThatHangsDoesNotHoldUpTheStop() async throws {
        let (home, log, writer) = (try TemporaryDirectory(), RecordedLog(), HeldWriter())
        defer { writer.release() }
        let clock = ContinuousClock()
        let beganAt = clock.now
        try await withService(
            stopOn: [Self.signal],
            settings: { settings in
                settings.amnesia.enabled = false
                settings.database.path = home.path + "/index"
                settings.http.drainTimeout = .milliseconds(200)
            },
            log: log
        ) { service in
            try await SampleIndex.fill(service)
            let store = service.application.store
            try await writer.hold(store)
            async let first = service.askOnce(SampleIndex.name("one", SampleIndex.manifestID))
            async let second = service.askOnce(SampleIndex.name("two", SampleIndex.manifestID))
            // Of the two one has begun.
            await becomesTrue { store.waitingWrites == 1 && store.health.writesBegan.count == 2 }
            kill(getpid(), SIGUSR2)
            for answer in try await [first, second] {
                #expect(answer.status == 503)
                checkProblem(answer, code: "upstream_unready")
            }
        }
        #expect(clock.now - beganAt < .seconds(10))
        #expect(log.records.contains { $0.message.contains("the shutdown was not clean") })
        // It ends at the drain time, and not because everything is cut off after it.
        #expect(!log.records.contains { $0.message.contains("was cut off") })
    }

    @Test func theDrainTimeIsABound() async throws {
        let clock = ContinuousClock()
        let beganAt = clock.now
        try await withStoppableService(drainTimeout: .milliseconds(200)) { service, stop in
            let put = SampleIndex.name("late", SampleIndex.manifestID)
            try await service.connected { connection in
                try connection.send(put.headBytes)
                while try service.metric("inflight_requests", "route=admin") == 0 {}
                stop()
                // The body never comes.
                _ = try? connection.response()
            }
        }
        #expect(clock.now - beganAt < .seconds(10))
    }
}
