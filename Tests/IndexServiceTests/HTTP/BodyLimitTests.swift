import Testing

@testable import IndexService

/// Bodies: their cap, declared or not, and how little of a refused one is read.
@Suite struct BodyLimitTests {
    private static let cap = 1 << 20

    /// A request that is right but for its size: JSON with white space behind it.
    private static func put(bytes: Int) -> WireRequest {
        var request = SampleIndex.name("n", SampleIndex.manifestID)
        request.body += Array(repeating: UInt8(ascii: " "), count: bytes - request.body.count)
        return request
    }

    @Test func aBodyOfExactlyTheCapIsTaken() async throws {
        try await withService { service async throws in
            let request = Self.put(bytes: Self.cap)
            #expect(try await service.ask(request).status == 201)
            #expect(try await service.send(request.chunked(by: 60_000)).status == 200)
            #expect(try await service.send(Self.put(bytes: 400).chunked(by: 1)).status == 200)
        }
    }

    @Test func aDeclaredBodyOverTheCapIsRefusedBeforeItIsSent() async throws {
        try await withService { service in
            for length in ["1048577", "1000000000000", "9223372036854775807"] {
                for target in ["/admin/names/n", "/resolve/n"] {
                    let method = target.hasPrefix("/admin") ? "PUT" : "GET"
                    let request = WireRequest.admin(method, target).with("Content-Length", length)
                    let answer = try await service.connected { connection in
                        try connection.send(request)
                        let answer = try connection.response()
                        try connection.requireEnd()
                        return answer
                    }
                    #expect(answer.status == 413)
                    #expect(answer["Connection"] == "close")
                    checkProblem(answer, code: "body_cap")
                }
            }
            #expect(try service.metric("rejected_total", "reason=body_cap") == 6)
        }
    }

    @Test func aChunkedBodyOverTheCapIsRefusedAndTheAnswerArrives() async throws {
        try await withService { service in
            for size in [1000, 65_536, 1 << 20] {
                let bytes = Self.put(bytes: Self.cap + 1).chunked(by: size)
                let answer = try await service.connected { connection in
                    try connection.send(bytes)
                    let answer = try connection.response()
                    try connection.requireEnd()
                    return answer
                }
                #expect(answer.status == 413)
                checkProblem(answer, code: "body_cap")
            }
        }
    }

    @Test func aBodyNobodyWantsIsReadOverAndCapped() async throws {
        try await withService { service in
            let small = WireRequest("GET", "/healthz").body(Array("ignored".utf8))
            let answers = try await service.ask(small, small, WireRequest("GET", "/version"))
            #expect(answers.map(\.status) == [200, 200, 200])
            let large = WireRequest("GET", "/healthz").body(Self.put(bytes: Self.cap + 1).body)
            #expect(try await service.send(large.chunked(by: 65_536)).status == 413)
        }
    }

    /// Requests that are refused while their sender has much more to say.
    private static let refusedWithMore: [(name: String, head: [UInt8], status: Int)] = [
        (
            "declared over the cap",
            WireRequest.admin("PUT", "/admin/names/n").with("Content-Length", "209715200")
                .headBytes,
            413
        ),
        (
            "chunked over the cap",
            WireRequest.admin("PUT", "/admin/names/n").with("Transfer-Encoding", "chunked")
                .headBytes
                + Array("c800000\r\n".utf8), 413
        ),
        (
            "no credential",
            WireRequest("PUT", "/admin/names/n").with("Content-Length", "1000000").headBytes, 401
        ),
        (
            "no such path",
            WireRequest("PUT", "/nope").with("Transfer-Encoding", "chunked").headBytes, 404
        ),
        ("no HTTP at all", Array("BREW / HTCPCP/1.0\r\n\r\n".utf8), 400),
        (
            "another protocol is asked for",
            WireRequest("GET", "/healthz").with("Connection", "Upgrade").with("Upgrade", "h2c")
                .headBytes, 200
        ),
        ("a tunnel is asked for", WireRequest("CONNECT", "index.example:443").headBytes, 404),
    ]

    @Test func whatFollowsARefusalIsNotReadWithoutBound() async throws {
        try await withService { service in
            for (name, head, status) in Self.refusedWithMore {
                let junk = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
                let (answer, poured) = try await service.connected { connection in
                    try connection.send(head)
                    let isChunked = name.hasPrefix("chunked")
                    // A declared length is answered at once, an undeclared one on the way.
                    let early = isChunked ? nil : try connection.response()
                    let poured = connection.pour(junk, total: 200 << 20)
                    return (early, poured)
                }
                // What the two kernels' buffers hold comes on top of what the service reads.
                #expect(poured < 32 << 20, "\(name): \(poured) bytes")
                if let answer { #expect(answer.status == status, "\(name)") }
            }
            #expect(try await service.ask(WireRequest("GET", "/healthz")).status == 200)
        }
    }

    // MARK: 100-continue

    @Test func continueIsSentWhenTheBodyIsWanted() async throws {
        try await withService { service in
            let request = Self.put(bytes: 2000).with("Expect", "100-Continue")
            let (interim, answer) = try await service.connected { connection in
                try connection.send(request.headBytes)
                let interim = try connection.response()
                try connection.send(request.body)
                return (interim, try connection.response())
            }
            #expect(interim.status == 100)
            #expect(answer.status == 201)
        }
    }

    @Test func continueIsNotSentWhenTheBodyIsRefused() async throws {
        try await withService { service in
            let refused: [(WireRequest, Int)] = [
                (WireRequest("PUT", "/admin/names/n").body([1]), 401),
                (WireRequest("PUT", "/nope").body([1]), 404),
                (WireRequest("POST", "/admin/names/n").body([1]), 405),
                (WireRequest.admin("PUT", "/admin/names/n").with("Content-Length", "2000000"), 413),
                (Self.put(bytes: 2000).with("Content-Encoding", "br"), 415),
            ]
            for (request, status) in refused {
                let bytes = request.with("Expect", "100-continue").headBytes
                #expect(try await service.send(bytes).status == status)
            }
            let odd = Self.put(bytes: 2000).with("Expect", "the-unexpected").headBytes
            let answer = try await service.send(odd)
            #expect(answer.status == 400)
            checkProblem(answer, code: "bad_request")
        }
    }

    @Test func continueIsNotSentToHTTP10() async throws {
        try await withService { service async throws in
            var request = Self.put(bytes: 2000).with("Expect", "100-continue")
            request.version = "HTTP/1.0"
            #expect(try await service.send(request.bytes).status == 201)
        }
    }
}
