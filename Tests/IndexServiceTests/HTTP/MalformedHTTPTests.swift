import Randomness
import Testing

@testable import IndexService

/// What is no HTTP is answered with a problem and closed: no crash, no connection that hangs.
@Suite struct MalformedHTTPTests {
    @Test func malformedRequestsAreBadRequests() async throws {
        let requests =
            MalformedRequests.requestLines + MalformedRequests.headers + MalformedRequests.bodies
            + MalformedRequests.otherProtocols
        try await withService { service in
            for (name, bytes) in requests {
                let label = Comment(rawValue: name)
                guard let answer = try await answer(to: bytes, name, on: service) else { continue }
                #expect(answer.status == 400, label)
                #expect(answer["Connection"] == "close", label)
                checkProblem(
                    answer,
                    code: "bad_request",
                    Comment(rawValue: "\(name)\n\(answer.head)")
                )
            }
            let counted = try service.metric("rejected_total", "reason=bad_request")
            #expect(counted == Double(requests.count))
            #expect(try service.metric("inflight_requests", "route=other") == 0)
        }
    }

    /// Every malformed request in two packets, cut anywhere: the answer is the same.
    @Test func whereABadRequestIsCutDoesNotMatter() async throws {
        let requests = MalformedRequests.headers + MalformedRequests.bodies
        try await withService { service in
            for (index, (name, bytes)) in requests.enumerated() {
                let cut = bytes.count * (index % 9 + 1) / 10
                let answer = try await service.connected { connection in
                    try connection.send(Array(bytes[..<cut]))
                    _ = connection.hasInput(within: 2)
                    // The service may have answered and closed already.
                    try? connection.send(Array(bytes[cut...]))
                    return try connection.response()
                }
                #expect(answer.status == 400, "\(name), cut at \(cut)")
            }
        }
    }

    /// A client that goes away in the middle is told so as far as it can be, and costs nothing.
    @Test func requestsThatEndEarlyAreAnsweredAndForgotten() async throws {
        let whole = SampleIndex.name("n", SampleIndex.manifestID)
        let chunked = whole.chunked(by: 30)
        try await withService { service in
            for count in stride(from: 1, to: chunked.count, by: 17) {
                let status = try await service.connected { connection in
                    try connection.send(Array(chunked[..<count]))
                    connection.finishSending()
                    let answer = try connection.response()
                    try connection.requireEnd()
                    return answer.status
                }
                #expect(status == 400, "\(count) bytes")
            }
            for count in stride(from: 1, to: chunked.count, by: 17) {
                try await service.connected { connection in
                    try connection.send(Array(chunked[..<count]))
                    connection.abort()
                }
            }
            // Nothing was stored, and nothing is counted as running once all are seen to be gone.
            #expect(try service.application.store.name(Name(parsing: "n")) == nil)
            while try service.metric("inflight_requests", "route=admin") != 0 {
                _ = try await service.ask(WireRequest("GET", "/healthz"))
            }
        }
    }

    @Test func randomBytesNeverHangAConnection() async throws {
        try await withService { service in
            for seed in 0..<60 as Range<UInt64> {
                var random = SeededRandom(seed: seed)
                let valid = SampleIndex.name("n", SampleIndex.manifestID).bytes
                var bytes = random.oneIn(3) ? random.bytes(count: 400) : valid + valid
                for _ in 0..<random.int(in: 1...6) where !bytes.isEmpty {
                    let index = random.int(in: 0...bytes.count - 1)
                    switch random.int(in: 0...2) {
                    case 0: bytes[index] = UInt8(truncatingIfNeeded: random.next())
                    case 1: bytes.remove(at: index)
                    default: bytes.insert(random.pick(Array("\r\n: 0\0".utf8)), at: index)
                    }
                }
                let sent = bytes
                let answers = try await service.connected { connection in
                    try connection.send(sent)
                    connection.finishSending()
                    var statuses: [Int] = []
                    while connection.hasInput(within: 5000) {
                        guard let answer = try? connection.response() else { break }
                        statuses.append(answer.status)
                    }
                    return statuses
                }
                let allowed = [200, 201, 204, 400, 401, 404, 405, 408, 412, 413, 415, 431]
                #expect(Set(answers).isSubset(of: allowed), "seed \(seed): \(answers)")
            }
            #expect(try await service.ask(WireRequest("GET", "/healthz")).status == 200)
            #expect(try service.metric("rejected_total", "reason=internal") == 0)
        }
    }

    /// Sends `bytes` and reads the answer; the connection must be closed behind it.
    private func answer(
        to bytes: [UInt8],
        _ name: String,
        on service: RunningService
    ) async throws -> WireResponse? {
        do {
            return try await service.connected { connection in
                try connection.send(bytes)
                let answer = try connection.response()
                try connection.requireEnd()
                return answer
            }
        } catch {
            Issue.record("\(name): \(error)")
            return nil
        }
    }

    // MARK: Limits of the head

    @Test func longTargetsAndHeadersAreRefusedByTheirOwnCodes() async throws {
        func header(_ count: Int) -> (String, String) {
            ("X-Long", String(repeating: "h", count: count))
        }
        let many = (0..<200).map { ("X-\($0)", "v") }
        let cases: [(WireRequest, Int)] = [
            (Self.target(bytes: 8192), 404),
            (Self.target(bytes: 8193), 414),
            (Self.target(bytes: 20_000), 414),
            (Self.target(bytes: 25_000), 414),
            (Self.target(bytes: 100_000), 414),
            (Self.target(bytes: 1_000_000), 414),
            (WireRequest("GET", "/healthz", headers: [header(16_000)]), 200),
            (WireRequest("GET", "/healthz", headers: [header(16_384)]), 431),
            (WireRequest("GET", "/healthz", headers: [header(9000), header(9000)]), 431),
            (WireRequest("GET", "/healthz", headers: [header(100_000)]), 431),
            (WireRequest("GET", "/healthz", headers: [header(1_000_000)]), 431),
            (WireRequest("GET", "/healthz", headers: many), 200),
            (WireRequest("GET", "/healthz", headers: many + many), 431),
            (WireRequest("GET", "/healthz", headers: many + [header(16_000)]), 431),
            (WireRequest("GET", "/nope", headers: [header(20_000)]), 431),
        ]
        try await withService { service in
            for (request, status) in cases {
                let label = "\(request.target.count) and \(request.headers.count): \(status)"
                let answer = try await service.connected { connection in
                    // The service may have refused and closed before all of it is sent.
                    try? connection.send(request)
                    return try connection.response()
                }
                #expect(answer.status == status, Comment(rawValue: label + "\n" + answer.head))
                switch status {
                case 414: checkProblem(answer, code: "uri_too_long")
                case 431: checkProblem(answer, code: "headers_too_large")
                default: break
                }
            }
        }
    }

    /// Headers behind a chunked body count against the same limit.
    @Test func trailersAreBounded() async throws {
        let request = SampleIndex.name("n", SampleIndex.manifestID)
        try await withService { service in
            let right = Array(request.chunked(by: 40).dropLast(2))
            let few = right + Array("X-A: 1\r\nX-B: 2\r\n\r\n".utf8)
            #expect(try await service.send(few).status == 201)
            let line = Array("X-Trailer: \(String(repeating: "t", count: 1000))\r\n".utf8)
            let (poured, answer) = try await service.connected { connection in
                try connection.send(right)
                let poured = connection.pour(line, total: 200 << 20)
                return (poured, try? connection.response())
            }
            #expect(poured < 32 << 20)
            if let answer { #expect(answer.status == 431) }
        }
    }

    private static func target(bytes: Int) -> WireRequest {
        WireRequest("GET", "/" + String(repeating: "t", count: bytes - 1))
    }
}
