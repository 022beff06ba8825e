import Dispatch
import Testing

@testable import IndexService

/// Requests for manifests and of admins have as many places as questions have, and no more.
@Suite(.timeLimit(.minutes(1))) struct RouteGateTests {
    /// A request that waits for the store, and the route whose place it takes.
    struct Row: Sendable, CustomTestStringConvertible {
        let request: WireRequest
        let route: String

        var testDescription: String { "\(request.method) \(request.target)" }
    }

    private static let manifest = "/manifests/\(SampleIndex.manifestID)"

    static let rows = [
        Row(request: WireRequest("GET", manifest), route: "manifests"),
        Row(request: WireRequest("HEAD", manifest), route: "manifests"),
        Row(request: .admin("GET", "/admin/names"), route: "admin"),
        Row(request: SampleIndex.name("libc6", SampleIndex.manifestID), route: "admin"),
        Row(request: .admin("DELETE", "/admin/names/libc6"), route: "admin"),
        Row(request: SampleIndex.requests[0], route: "admin"),
        Row(
            request: SampleIndex.provider("p0", of: SampleIndex.manifestID, region: nil),
            route: "admin"
        ),
        Row(
            request: .admin("DELETE", "/admin/providers/\(SampleIndex.manifestID)?id=p0"),
            route: "admin"
        ),
        Row(request: SampleIndex.lines(""), route: "admin"),
        Row(request: .admin("POST", "/admin/pin", json: #"{"keys":["libc6"]}"#), route: "admin"),
        Row(request: .admin("POST", "/admin/unpin", json: #"{"keys":["libc6"]}"#), route: "admin"),
    ]

    /// Runs `body` while every thread of the store is busy, until it calls `release` or is over.
    private func withBusyStore<Output: Sendable>(
        _ service: RunningService,
        _ body: @Sendable (_ release: @escaping @Sendable () -> Void) async throws -> Output
    ) async throws -> Output {
        try await withBlockedStore(service) { releaseReaders in
            let (held, go) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            let store = service.application.store
            async let written: Void = store.writing { _ in
                held.signal()
                go.wait()
            }
            try await onOwnThread { held.wait() }
            defer { go.signal() }
            let output = try await body {
                releaseReaders()
                go.signal()
            }
            go.signal()
            try await written
            return output
        }
    }

    /// With one place, two that wait and a store that stands still, four ask at the same time.
    @Test(arguments: rows)
    func whoFindsNoPlaceIsRefusedAtOnce(row: Row) async throws {
        try await withService { settings in
            settings.limits.running = 1
            settings.limits.waiting = 2
        } _: { service in
            try await SampleIndex.fill(service)
            let statuses = try await withBusyStore(service) { release in
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<4 {
                        group.addTask { try await service.ask(row.request).status }
                    }
                    // The one that is refused comes first; the others wait for the store.
                    var statuses = [try await group.next()]
                    release()
                    for try await status in group { statuses.append(status) }
                    return statuses
                }
            }
            #expect(statuses.first == 429)
            #expect(statuses.count { $0 == 429 } == 1)
            #expect(try service.metric("rejected_total", "reason=over_capacity") == 1)
        }
    }

    /// One address has taken everything: another one still gets in, and is served.
    @Test(arguments: [rows[0], rows[2]])
    func aNewAddressGetsInWhereOneHasTakenEverything(row: Row) async throws {
        try await withService { settings in
            settings.limits.running = 1
            settings.limits.waiting = 2
        } _: { service in
            try await SampleIndex.fill(service)
            let port = service.port
            let ask: @Sendable (UInt8) async throws -> Int = { source in
                try await onOwnThread {
                    let connection = try RawConnection(port: port, source: source, patience: 30)
                    try connection.send(row.request)
                    return try connection.response().status
                }
            }
            try await withBusyStore(service) { release in
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<3 { group.addTask { try await ask(1) } }
                    let inFlight = "route=\(row.route)"
                    while try service.metric("inflight_requests", inFlight) < 3 {
                        await Task.yield()
                    }
                    async let modest = ask(2)
                    // One of the greedy address makes room.
                    #expect(try await group.next() == 429)
                    release()
                    #expect(try await modest == 200)
                    for try await status in group { #expect(status == 200) }
                }
            }
        }
    }

    /// What needs no store is done whatever the store does.
    @Test func aPurgeWaitsForNobody() async throws {
        try await withService { settings in
            settings.limits.running = 1
            settings.limits.waiting = 0
        } _: { service in
            try await SampleIndex.fill(service)
            try await withBusyStore(service) { release in
                async let list = service.ask(.admin("GET", "/admin/names")).status
                while try service.metric("inflight_requests", "route=admin") < 1 {
                    await Task.yield()
                }
                #expect(try await service.ask(SampleIndex.purgeAll).status == 200)
                release()
                #expect(try await list == 200)
            }
        }
    }

    @Test func fewerPlacesHoldFromThenOnAndWaitsAreMeasured() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            try await service.reload { settings in
                settings.limits.running = 1
                settings.limits.waiting = 0
            }
            for row in [Self.rows[0], Self.rows[3]] {
                let labels = "route=\(row.route)"
                let before = try service.metric("miss_gate_wait_seconds_count", labels)
                let statuses = try await withBusyStore(service) { release in
                    try await withThrowingTaskGroup(of: Int.self) { group in
                        for _ in 0..<2 {
                            group.addTask { try await service.ask(row.request).status }
                        }
                        let first = try await group.next()
                        release()
                        return [first, try await group.next()]
                    }
                }
                #expect(statuses == [429, 200])
                #expect(
                    try service.metric("miss_gate_wait_seconds_count", labels) == before + 1
                )
            }
        }
    }

    /// Two different questions or the like of one route; the second has to wait for the first.
    private static let pairs = [
        [
            Row(request: WireRequest("GET", "/resolve/libc6"), route: "resolve"),
            Row(request: WireRequest("GET", "/resolve/unheld"), route: "resolve"),
        ],
        [rows[0], rows[1]],
    ]

    /// Nobody got in: that is when an operator has to see the wait.
    @Test(arguments: pairs)
    func aWaitThatCameToNothingShows(pair: [Row]) async throws {
        try await withService { settings in
            settings.limits.running = 1
            settings.http.requestTimeout = .milliseconds(1500)
        } _: { service in
            try await SampleIndex.fill(service)
            let (name, route) = ("miss_gate_wait_seconds", "route=\(pair[0].route)")
            @Sendable func longWaits() throws -> Double {
                let atMost = try service.metric("\(name)_bucket", "\(route),le=0.5")
                return try service.metric("\(name)_count", route) - atMost
            }
            try await withBlockedStore(service) { release in
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for row in pair {
                        group.addTask { try await service.ask(row.request).status }
                    }
                    for try await status in group { #expect(status == 504) }
                }
                release()
                try await becomesTrue { try longWaits() > 0 }
            }
            #expect(try longWaits() == 1)
        }
    }
}
