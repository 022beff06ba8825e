import Testing

@testable import IndexService

/// Caps on open connections, in all and per client address.
@Suite struct ConnectionCapTests {
    private static let health = WireRequest("GET", "/healthz")

    /// Opens connections from an address and makes sure that they are served.
    private static func open(_ count: Int, from source: UInt8, _ port: UInt16) throws
        -> [RawConnection]
    {
        try (0..<count).map { _ in
            let connection = try RawConnection(port: port, source: source)
            try connection.send(health)
            guard try connection.response().status == 200 else {
                throw RawConnection.Failure.malformed("not served")
            }
            return connection
        }
    }

    /// What a connection over a cap is told.
    private static func refusal(from source: UInt8, _ port: UInt16) throws -> WireResponse {
        let connection = try RawConnection(port: port, source: source)
        let answer = try connection.response()
        try connection.requireEnd()
        return answer
    }

    @Test func oneAddressCannotTakeAllConnections() async throws {
        try await withService(settings: { $0.http.maxConnectionsPerAddress = 3 }) { service in
            let port = service.port
            let refusals = try await onOwnThread {
                let open = try Self.open(3, from: 1, port)
                let refusals = try (0..<5).map { _ in try Self.refusal(from: 1, port) }
                let others = try Self.open(3, from: 2, port)
                withExtendedLifetime((open, others)) {}
                return refusals
            }
            for answer in refusals {
                #expect(answer.status == 429)
                #expect(answer["Connection"] == "close")
                checkProblem(answer, code: "over_capacity")
            }
            #expect(try service.metric("rejected_total", "reason=over_capacity") == 5)
            let labels = "route=other,method=other,status=throttled"
            #expect(try service.metric("http_requests_total", labels) == 5)
        }
    }

    /// One customer has a whole /64, and is one client to every limit.
    @Test func addressesOfOneNetworkAreOneClient() throws {
        let limiter = ConnectionLimiter(maximum: 1000, maximumPerAddress: 2)
        func admit(_ text: String) -> Bool { limiter.admit(ClientAddress(text)) }
        #expect(admit("2001:db8::1"))
        #expect(admit("2001:db8::2"))
        #expect(!admit("2001:db8:0:0:ffff::3"))
        #expect(admit("2001:db8:0:1::3"))
        #expect(admit("::ffff:192.0.2.1"))
        #expect(admit("192.0.2.1"))
        #expect(!admit("192.0.2.1"))
        #expect(limiter.openConnections == 5)
    }

    @Test func allAddressesTogetherHaveACap() async throws {
        try await withService(settings: { $0.http.maxConnections = 4 }) { service in
            let port = service.port
            let status = try await onOwnThread {
                let open = try [1, 2, 3, 4].map { try Self.open(1, from: $0, port) }
                let status = try Self.refusal(from: 5, port).status
                withExtendedLifetime(open) {}
                return status
            }
            #expect(status == 429)
        }
    }

    /// A place is given back however a connection ends: closed, reset, refused, timed out.
    @Test func placesAreGivenBack() async throws {
        try await withService { settings in
            settings.http.maxConnectionsPerAddress = 2
            settings.http.idleTimeout = .milliseconds(200)
        } _: { service in
            let port = service.port
            for ending in 0..<4 {
                try await onOwnThread {
                    var connections = try Self.open(2, from: 1, port)
                    switch ending {
                    case 0: connections.removeAll()
                    case 1: connections.forEach { $0.abort() }
                    case 2: try connections.forEach { try $0.send("BREW\r\n\r\n") }
                    default: break
                    }
                    // The service learns of it a moment later.
                    var attempts = 0
                    while true {
                        let connection = try RawConnection(port: port)
                        try connection.send(Self.health)
                        if try connection.response().status == 200 { break }
                        attempts += 1
                        guard attempts < 10_000 else {
                            throw RawConnection.Failure.malformed("ending \(ending): never back")
                        }
                    }
                }
            }
        }
    }

    /// A refused client that sends its request all the same still gets to read why.
    @Test func aRefusedClientMaySendItsRequestFirst() async throws {
        try await withService(settings: { $0.http.maxConnectionsPerAddress = 1 }) { service in
            let port = service.port
            let statuses = try await onOwnThread {
                let open = try Self.open(1, from: 1, port)
                let body = [UInt8](repeating: 0, count: 100_000)
                let statuses = try (0..<10).map { _ in
                    let connection = try RawConnection(port: port)
                    try connection.send(WireRequest("PUT", "/admin/names/n").body(body))
                    let status = try connection.response().status
                    try connection.requireEnd()
                    return status
                }
                withExtendedLifetime(open) {}
                return statuses
            }
            #expect(Set(statuses) == [429])
        }
    }
}
