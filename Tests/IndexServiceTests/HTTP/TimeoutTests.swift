import Foundation
import Testing

@testable import IndexService

/// Clients that take their time: heads, bodies, silences, and answers that take too long.
@Suite struct TimeoutTests {
    private static func short(_ settings: inout Settings) {
        settings.http.headerTimeout = .milliseconds(500)
        settings.http.requestTimeout = .milliseconds(1000)
        settings.http.idleTimeout = .milliseconds(1000)
    }

    @Test func aHeadThatDoesNotEndIsGivenUp() async throws {
        try await withService(settings: Self.short) { service in
            let beginnings = ["G", "GET /healthz HTTP/1.1\r\nHost: h\r\nX-Slow: ", "\r\n\r\n"]
            for beginning in beginnings {
                let answer = try await service.connected { connection in
                    try connection.send(beginning)
                    let answer = try connection.response()
                    try connection.requireEnd()
                    return answer
                }
                #expect(answer.status == 408)
                #expect(answer["Connection"] == "close")
                checkProblem(answer, code: "timeout")
            }
            #expect(try service.metric("rejected_total", "reason=timeout") == 3)
        }
    }

    /// What follows an answered request in its packet is waited for like the next request: an empty
    /// line may be all there is.
    @Test func whatFollowsARequestHasTheIdleTime() async throws {
        func slow(_ settings: inout Settings) {
            settings.http.headerTimeout = .milliseconds(200)
            settings.http.idleTimeout = .seconds(60)
        }
        try await withService(settings: slow) { service in
            try await SampleIndex.fill(service)
            for target in ["/resolve/libc6", "/resolve/libc6", "/version"] {
                for tail in ["\r\n", "GET /vers"] {
                    let status = try await service.connected { connection in
                        let request = WireRequest("GET", target)
                        try connection.send(request.bytes + Array(tail.utf8))
                        _ = try connection.response()
                        guard !connection.hasInput(within: 400) else { return 0 }
                        let more = WireRequest("GET", "/version").bytes
                        let isBegun = tail.hasPrefix("GET")
                        try connection.send(isBegun ? Array(more.dropFirst(9)) : more)
                        return try connection.response().status
                    }
                    #expect(status == 200, "\(tail) behind \(target)")
                }
            }
        }
    }

    /// Bytes that trickle in buy no time: neither for a head nor for a body.
    @Test func tricklingBuysNoTime() async throws {
        let head = Array(
            "GET /healthz HTTP/1.1\r\nHost: h\r\nX: \(String(repeating: "x", count: 500))".utf8
        )
        let body = SampleIndex.name("n", SampleIndex.manifestID)
            .with("X-Pad", "p").with("Content-Length", "500").body([])
        try await withService(settings: Self.short) { service in
            for (start, rest) in [([], head), (body.headBytes, head)] {
                let (answer, elapsed) = try await service.connected { connection in
                    let clock = ContinuousClock()
                    let beganAt = clock.now
                    try connection.send(start)
                    for byte in rest {
                        if connection.hasInput(within: 5) { break }
                        try connection.send([byte])
                    }
                    return (try connection.response(), clock.now - beganAt)
                }
                #expect(answer.status == 408)
                #expect(elapsed > .milliseconds(490) && elapsed < .seconds(8), "\(elapsed)")
            }
        }
    }

    @Test func aBodyThatDoesNotComeIsGivenUp() async throws {
        try await withService(settings: Self.short) { service in
            let put = SampleIndex.name("n", SampleIndex.manifestID)
            let heads = [
                put.headBytes, put.headBytes + put.body.prefix(10),
                Array(put.chunked(by: 10).dropLast(3)),
            ]
            for head in heads {
                let answer = try await service.connected { connection in
                    try connection.send(head)
                    let answer = try connection.response()
                    try connection.requireEnd()
                    return answer
                }
                #expect(answer.status == 408)
                checkProblem(answer, code: "timeout")
            }
            #expect(try service.application.store.name(Name(parsing: "n")) == nil)
        }
    }

    @Test func silentConnectionsAreClosedWithoutAWord() async throws {
        try await withService(settings: Self.short) { service in
            for requests in [
                [], [WireRequest("GET", "/healthz")], [WireRequest("GET", "/resolve/x")],
            ] {
                let elapsed = try await service.connected { connection in
                    let clock = ContinuousClock()
                    // Before what the service counts from.
                    var beganAt = clock.now
                    for request in requests {
                        beganAt = clock.now
                        try connection.send(request)
                        _ = try connection.response()
                    }
                    try connection.requireEnd()
                    return clock.now - beganAt
                }
                #expect(elapsed > .milliseconds(900) && elapsed < .seconds(8), "\(elapsed)")
            }
        }
    }

    private static let hit = WireRequest("GET", "/resolve/libc6")
    private static let slow = WireRequest("GET", "/version")

    /// Requests of one packet, and how many of them RAM answers.
    private static let packets: [(requests: [WireRequest], hits: Int)] = [
        ([hit], 1), ([hit, hit], 2), ([hit.method("HEAD")], 1), ([slow, hit], 1), ([hit, slow], 1),
        ([hit.with("If-None-Match", "*")], 1), ([WireRequest("GET", "/resolve/unknown")], 1),
        ([WireRequest("GET", "/providers/\(SampleIndex.manifestID)")], 1), ([slow], 0),
        ([hit.method("PUT")], 0), ([WireRequest("GET", "/nope")], 0),
    ]

    /// A connection that is used stays open past the idle time, whoever answers it, and is closed
    /// when that has passed since its last answer, not before.
    @Test func aBusyConnectionStaysOpenUntilItIsIdle() async throws {
        try await withService(settings: Self.short) { service in
            try await SampleIndex.fill(service)
            // From now on RAM has what it can have.
            for packet in Self.packets { _ = try await service.ask(packet.requests) }
            let before = try service.metric("index_cache_hits_total")
            let hits = try await withThrowingTaskGroup(of: Int.self) { group in
                for packet in Self.packets {
                    group.addTask {
                        try await Self.staysOpen(packet.requests, service) * packet.hits
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(try service.metric("index_cache_hits_total") - before == Double(hits))
        }
    }

    /// Sends a packet again and again for longer than the idle time, then waits for the end; how
    /// often it was sent.
    private static func staysOpen(
        _ requests: [WireRequest],
        _ service: RunningService
    ) async throws -> Int {
        let (rounds, idle): (Int, Duration) = try await service.connected { connection in
            let clock = ContinuousClock()
            let end = clock.now + .milliseconds(2200)
            var (rounds, lastSent) = (0, clock.now)
            while clock.now < end {
                lastSent = clock.now
                try connection.send(requests.flatMap(\.bytes))
                for request in requests { _ = try connection.response(to: request.method) }
                rounds += 1
                // A pause that is short against the idle time; nothing is to come in it.
                guard !connection.hasInput(within: 100) else { break }
            }
            try connection.requireEnd()
            return (rounds, clock.now - lastSent)
        }
        let name = requests.map { "\($0.method) \($0.target)" }.joined(separator: ", ")
        #expect(rounds > 3, "\(name)")
        #expect(idle >= .milliseconds(1000) && idle < .seconds(8), "\(name): \(idle)")
        return rounds
    }

    @Test func anAnswerThatTakesTooLongIsATimeout() async throws {
        try await withService(settings: Self.short) { service in
            try await SampleIndex.fill(service)
            let question = WireRequest("GET", "/resolve/libc6?limit=31")
            let answer = try await withBlockedStore(service) { _ in
                try await service.connected { connection in
                    try connection.send(question)
                    let answer = try connection.response()
                    try connection.requireEnd()
                    return answer
                }
            }
            #expect(answer.status == 504)
            checkProblem(answer, code: "timeout")
            #expect(try await service.ask(question).status == 200)
        }
    }

    /// What RAM has is answered in spite of a store that hangs.
    @Test func hitsDoNotWaitForTheStore() async throws {
        try await withService(settings: Self.short) { service in
            try await SampleIndex.fill(service)
            let question = WireRequest("GET", "/resolve/libc6")
            _ = try await service.ask(question)
            let answer = try await withBlockedStore(service) { _ in try await service.ask(question)
            }
            #expect(answer.status == 200)
            #expect(answer["Cache-Status"] == "svc-index; hit; detail=ram")
        }
    }

    /// Taking answers slowly is not a request that takes too long, nor does it cut the last one.
    @Test(arguments: [(false, false), (true, false), (true, true)])
    func aSlowReaderGetsAllOfItsAnswers(closes: Bool, stopsSending: Bool) async throws {
        try await withService { settings in
            settings.http.requestTimeout = .milliseconds(1000)
        } _: { service in
            let port = service.port
            let one = WireRequest("GET", "/metrics")
            let last = closes ? one.with("Connection", "close") : one
            // More than the kernel's buffers hold.
            let requests = Array(repeating: one, count: 120) + [last]
            let statuses = try await onOwnThread {
                let connection = try RawConnection(port: port, receiveBuffer: 4096)
                try connection.send(requests.flatMap(\.bytes))
                if stopsSending { connection.finishSending() }
                connection.leaveUnread(forMilliseconds: 1500)
                return try requests.map { _ in try connection.response().status }
            }
            #expect(statuses.count == requests.count && Set(statuses) == [200])
        }
    }
}

/// Runs `body` while every thread that reads from the store hangs, until it calls `release`.
func withBlockedStore<Output: Sendable>(
    _ service: RunningService,
    _ body: @Sendable (_ release: @escaping @Sendable () -> Void) async throws -> Output
) async throws -> Output {
    let go = DispatchSemaphore(value: 0)
    let blocked = DispatchSemaphore(value: 0)
    let store = service.application.store
    let readers = store.configuration.readers
    let release: @Sendable () -> Void = { for _ in 0..<readers { go.signal() } }
    return try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<readers {
            group.addTask {
                try await store.reading { _ in
                    blocked.signal()
                    go.wait()
                }
            }
        }
        defer { release() }
        try await onOwnThread { for _ in 0..<readers { blocked.wait() } }
        return try await body(release)
    }
}
