import Dispatch
import Testing

@testable import IndexService

/// However many ask for one cold key at the same time, it is looked up once.
@Suite struct CoalescingServiceTests {
    enum Layout: String, CaseIterable, Sendable {
        case memory, memoryAndSpill, disk
    }

    @Test(arguments: [20, 200, 2000], Layout.allCases)
    func oneColdKeyIsLookedUpOnce(callers: Int, layout: Layout) async throws {
        let directory = try TemporaryDirectory()
        try await withService { settings in
            // Both ends of every connection are in this process.
            settings.http.maxConnections = 2 * callers + 100
            settings.http.maxConnectionsPerAddress = settings.http.maxConnections
            settings.amnesia.enabled = layout == .memory
            settings.spill.enabled = layout == .memoryAndSpill
            settings.spill.path = directory.path + "/spill"
            if layout == .disk { settings.database.path = directory.path + "/index" }
            settings.database.readers = 1
        } _: { service in
            try await SampleIndex.fill(service)
            let answers = try await withThrowingTaskGroup(of: [WireResponse].self) { group in
                let gate = DispatchSemaphore(value: 0)
                // The index's one reader is busy until everybody has asked.
                group.addTask {
                    try await service.application.store.reading { _ in gate.wait() }
                    return []
                }
                group.addTask { try await Self.ask(callers, service, opening: gate) }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(answers.count == callers)
            #expect(Set(answers.map(\.status)) == [200])
            #expect(Set(answers.map { $0["ETag"] }).count == 1)
            let lookups = try service.metric("index_resolve_latency_seconds_count", "type=name")
            #expect(lookups == 1)
            let spillReads = try service.metric("index_spill_misses_total")
            #expect(spillReads == (layout == .memoryAndSpill ? 1 : 0))
            #expect(try service.metric("index_coalesced_total") > 0)
        }
    }

    /// Sends the same request on so many connections, opens the gate when all are being worked on,
    /// and reads the answers.
    private static func ask(
        _ callers: Int,
        _ service: RunningService,
        opening gate: DispatchSemaphore
    ) async throws -> [WireResponse] {
        try await onOwnThread {
            defer { gate.signal() }
            let connections = try (0..<callers).map { _ in
                try RawConnection(port: service.port, patience: 30)
            }
            for connection in connections {
                try connection.send(WireRequest("GET", "/resolve/libc6"))
            }
            var inFlight = 0.0
            // Or the first are told already that it takes too long.
            while inFlight < Double(callers), !connections[0].hasInput(within: 0) {
                inFlight = try service.metric("inflight_requests", "route=resolve")
            }
            gate.signal()
            return try connections.map { try $0.response() }
        }
    }
}
