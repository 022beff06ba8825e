import Randomness
import Testing

@testable import IndexService

/// Several requests on one connection, sent before the first is answered.
@Suite struct PipeliningTests {
    /// Requests of every kind, with the status each is to get.
    private static let mixed: [(WireRequest, Int)] = [
        (WireRequest("GET", "/resolve/libc6"), 200),
        (WireRequest("GET", "/resolve/libc6"), 200),
        (WireRequest("GET", "/resolve/unknown"), 404),
        (SampleIndex.name("piped", SampleIndex.manifestID), 201),
        (WireRequest("GET", "/resolve/piped"), 200),
        (WireRequest("HEAD", "/resolve/libc6"), 200),
        (WireRequest("GET", "/resolve/a..b"), 400),
        (WireRequest("GET", "/nope"), 404),
        (WireRequest.admin("PUT", "/admin/names/a..b", json: "{}"), 400),
        (WireRequest("DELETE", "/resolve/libc6"), 405),
        (.admin("DELETE", "/admin/names/piped"), 204),
        (WireRequest("GET", "/resolve/piped"), 404),
        (WireRequest("GET", "/healthz").body(Array("a body".utf8)), 200),
        (WireRequest("HEAD", "/manifests/\(SampleIndex.manifestID)"), 200),
        (WireRequest("GET", "/manifests/\(SampleIndex.manifestID)"), 200),
        (WireRequest("GET", "/resolve/libc6?fresh=true"), 200),
        (WireRequest("GET", "/resolve/\(SampleIndex.longestName)"), 404),
        (WireRequest("GET", "/version"), 200),
    ]

    /// Requests whose answers do not depend on what came before them.
    private static let unordered = [
        (WireRequest("GET", "/resolve/libc6"), 200), (WireRequest("GET", "/resolve/libc6"), 200),
        (WireRequest("HEAD", "/resolve/libc6"), 200), (WireRequest("GET", "/resolve/a..b"), 400),
        (WireRequest("GET", "/resolve/unknown"), 404), (WireRequest("GET", "/version"), 200),
        (WireRequest("GET", "/resolve/libc6").with("Connection", "keep-alive, TE"), 200),
        (WireRequest("GET", "/resolve/libc6").body(Array("a\r\n\r\n".utf8)), 200),
        (WireRequest("GET", "/resolve/libc6?fresh=true"), 200),
        (WireRequest.admin("POST", "/admin/purge", json: #"{"keys": ["name:other"]}"#), 200),
    ]

    /// In one packet, in many, and one byte at a time: always the same answers in the same order.
    @Test func answersComeInTheOrderOfTheRequests() async throws {
        let requests = Self.mixed.enumerated().map { $1.0.with("X-Corr-ID", "r\($0)") }
        let bytes = requests.flatMap(\.bytes)
        try await withService { service in
            try await SampleIndex.fill(service)
            for size in [bytes.count, 4000, 1000, 333, 77, 13] {
                let answers = try await service.connected { connection in
                    for start in stride(from: 0, to: bytes.count, by: size) {
                        try connection.send(Array(bytes[start..<min(start + size, bytes.count)]))
                    }
                    return try requests.map { try connection.response(to: $0.method) }
                }
                #expect(answers.map(\.status) == Self.mixed.map(\.1), "packets of \(size)")
                let ids = answers.map { $0["X-Corr-ID"] }
                let expected = requests.indices.map { "r\($0)" }
                #expect(ids == expected, "packets of \(size)")
            }
        }
    }

    /// Plain requests and others follow each other, cut anywhere: none is read twice, or as a part
    /// of another.
    @Test(arguments: UInt64(1)...6)
    func answersComeInOrderWhereverThePacketsEnd(seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        let drawn = (0..<120).map { number in
            let (request, status) = random.pick(Self.unordered)
            return (request.with("X-Corr-ID", "r\(number)"), status)
        }
        var packets: [[UInt8]] = []
        // Empty lines in front of a request mean nothing.
        let blanks = drawn.map { _ in Array(random.pick(["", "", "", "\r\n", "\r\n\r\n"]).utf8) }
        var rest = zip(drawn, blanks).flatMap { $1 + $0.0.bytes }[...]
        while !rest.isEmpty {
            // Often a whole number of requests, otherwise any number of bytes.
            let whole = drawn[random.below(drawn.count)].0.bytes.count
            let count = random.happens(0.5) ? whole : random.int(in: 1...400)
            packets.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        let cut = packets
        try await withService { service in
            try await SampleIndex.fill(service)
            let answers = try await service.connected { connection in
                try cut.forEach(connection.send)
                return try drawn.map { try connection.response(to: $0.0.method) }
            }
            #expect(answers.map(\.status) == drawn.map(\.1))
            #expect(answers.map { $0["X-Corr-ID"] } == drawn.indices.map { "r\($0)" })
        }
    }

    /// Bytes that look like a request are none where they go on with another's head or body.
    @Test func aRequestInsideAnotherIsNotAnswered() async throws {
        let inner = WireRequest("GET", "/resolve/libc6").with("X-Corr-ID", "inner").bytes
        let body = WireRequest("GET", "/healthz").body(inner)
        var chunked = WireRequest("GET", "/healthz").with("Transfer-Encoding", "chunked").bytes
        chunked += Array("\(String(inner.count + 5, radix: 16))\r\n".utf8)
        // A head that goes on has two hosts in the end; the body is dropped.
        let parts: [(outer: [UInt8], status: Int)] = [
            (Array("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Outer: ".utf8), 400),
            (Array("GET /healthz?".utf8), 400),
            (Array(body.bytes.dropLast(inner.count)), 200),
            (Array(body.bytes.dropLast(inner.count - 10)), 200),
            (chunked, 200),
        ]
        try await withService { service in
            try await SampleIndex.fill(service)
            for (number, (outer, status)) in parts.enumerated() {
                let rest =
                    switch number {
                    case 3: Array(inner.dropFirst(10)) + inner
                    case 4: inner + Array("12345\r\n0\r\n\r\n".utf8)
                    default: inner
                    }
                for first in ["/resolve/libc6", "/version"] {
                    let (answer, next) = try await service.connected {
                        connection -> (WireResponse, String?) in
                        // Its answer says that the service has read what is behind it.
                        try connection.send(WireRequest("GET", first).bytes + outer)
                        _ = try connection.response()
                        try connection.send(rest)
                        let answer = try connection.response()
                        let more = WireRequest("GET", "/resolve/libc6").with("X-Corr-ID", "next")
                        guard status == 200 else { return (answer, "next") }
                        if number == 3 { _ = try connection.response() }
                        try connection.send(more)
                        return (answer, try connection.response()["X-Corr-ID"])
                    }
                    #expect(answer.status == status, "part \(number) behind \(first)")
                    #expect(answer["Cache-Status"] == nil, "part \(number) behind \(first)")
                    #expect(next == "next", "part \(number) behind \(first)")
                }
            }
        }
    }

    /// The last answer to a client that sends nothing more says that the connection ends with it.
    @Test func theLastAnswerAfterTheClientsEndClosesTheConnection() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            let answers = try await service.connected { connection in
                let requests = Self.mixed.filter { $0.0.method == "GET" }.map(\.0)
                try connection.send(requests.flatMap(\.bytes))
                connection.finishSending()
                let answers = try requests.map { try connection.response(to: $0.method) }
                try connection.requireEnd()
                return answers
            }
            #expect(answers.last?["Connection"] == "close")
            #expect(answers.dropLast().allSatisfy { $0["Connection"] == nil })
        }
    }

    /// A body that comes later must be waited for, with the requests before it answered.
    @Test func aBodyBehindASlowRequestIsReadWhenItComes() async throws {
        let miss = WireRequest("GET", "/version")
        let put = SampleIndex.name("late", SampleIndex.manifestID)
        try await withService { service in
            for count in [0, 1, 20] {
                let statuses = try await service.connected { connection in
                    try connection.send(miss.bytes + put.headBytes + put.body[..<count])
                    let first = try connection.response().status
                    try connection.send(Array(put.body[count...]))
                    return [first, try connection.response().status]
                }
                #expect(statuses[0] == 200 && (200...201).contains(statuses[1]), "\(count)")
            }
        }
    }

    @Test func aClientThatStopsSendingStillGetsAllItsAnswers() async throws {
        let requests = (0..<6).map {
            WireRequest("GET", $0.isMultiple(of: 2) ? "/version" : "/resolve/x")
        }
        try await withService { service in
            let statuses = try await service.connected { connection in
                try connection.send(requests.flatMap(\.bytes))
                connection.finishSending()
                let statuses = try requests.map { _ in try connection.response().status }
                try connection.requireEnd()
                return statuses
            }
            #expect(statuses == [200, 404, 200, 404, 200, 404])
        }
    }

    @Test func malformedBytesBehindRequestsAreAnsweredInTheirTurn() async throws {
        let spoilt = SampleIndex.name("n", SampleIndex.manifestID)
            .with("Transfer-Encoding", "chunked").body([])
        let endings = [
            Array("BREW / HTTP/1.1\r\n\r\n".utf8), Array("\0\0\0\0".utf8),
            spoilt.headBytes + Array("zz\r\n".utf8),
            spoilt.headBytes + Array("2\r\n{}zz".utf8),
        ]
        try await withService { service in
            for (index, ending) in endings.enumerated() {
                for target in ["/version", "/resolve/x"] {
                    let statuses = try await service.connected { connection in
                        let request = WireRequest("GET", target).bytes
                        try connection.send(request + request + ending)
                        let statuses = try (0..<3).map { _ in try connection.response().status }
                        try connection.requireEnd()
                        return statuses
                    }
                    let expected = target == "/version" ? [200, 200, 400] : [404, 404, 400]
                    #expect(statuses == expected, "ending \(index)")
                }
            }
        }
    }

    /// What is over the limits is called so behind whatever it comes: an answer of RAM or another.
    @Test(arguments: [9000, 30_000, 100_000])
    func whatIsTooLongIsNamedInItsTurn(bytes: Int) async throws {
        let pad = String(repeating: "x", count: bytes)
        let endings = [
            (WireRequest("GET", "/resolve/libc6?x=\(pad)"), 414),
            (WireRequest("GET", "/resolve/libc6").with("X-A", pad).with("X-B", pad), 431),
        ]
        let others: [WireRequest] = [
            WireRequest("GET", "/resolve/libc6"), WireRequest("GET", "/version"),
            SampleIndex.name("libc6", SampleIndex.manifestID),
        ]
        try await withService { service in
            try await SampleIndex.fill(service)
            for (ending, status) in endings {
                for other in others {
                    let statuses = try await service.connected { connection in
                        // So much that the service reads a lot at a time from then on.
                        for count in [1, 2, 200] {
                            let packet = (0..<count).flatMap { _ in other.bytes }
                            try connection.send(packet)
                            for _ in 0..<count { _ = try connection.response() }
                        }
                        try connection.send(other.bytes + ending.bytes)
                        return try [connection.response().status, connection.response().status]
                    }
                    #expect(statuses.last == status, "\(other.method) \(other.target)")
                }
            }
        }
    }

    @Test func nothingIsAnsweredBehindAClose() async throws {
        let close = WireRequest("GET", "/version").with("Connection", "close")
        let refused = WireRequest("PUT", "/admin/names/n").body([1, 2])
        let upgrade = WireRequest("GET", "/healthz")
            .with("Connection", "Upgrade, HTTP2-Settings").with("Upgrade", "h2c")
        try await withService { service in
            for (request, status) in [(close, 200), (refused, 401), (upgrade, 200)] {
                let answer = try await service.connected { connection in
                    try connection.send(request.bytes + WireRequest("GET", "/version").bytes)
                    let answer = try connection.response()
                    try connection.requireEnd()
                    return answer
                }
                #expect(answer.status == status)
                #expect(answer["Connection"] == "close")
            }
        }
    }

    /// HTTP/1.0 closes unless asked not to, HTTP/1.1 the other way round.
    @Test func connectionsPersistAsTheirVersionHasIt() async throws {
        let cases: [(version: String, asked: String?, stays: Bool, says: String?)] = [
            ("HTTP/1.1", nil, true, nil), ("HTTP/1.1", "keep-alive", true, nil),
            ("HTTP/1.1", "close", false, "close"), ("HTTP/1.1", "Close", false, "close"),
            ("HTTP/1.1", "x, close", false, "close"), ("HTTP/1.0", nil, false, "close"),
            ("HTTP/1.0", "close", false, "close"),
            ("HTTP/1.0", "keep-alive", true, "keep-alive"),
            ("HTTP/1.0", "Keep-Alive", true, "keep-alive"),
            ("HTTP/1.0", "keep-alive, Close", false, "close"),
        ]
        try await withService { service in
            try await SampleIndex.fill(service)
            for target in [
                "/resolve/libc6", "/resolve/libc6", "/healthz", "/nope", "/resolve/unknown",
            ] {
                for (version, asked, stays, says) in cases {
                    var request = WireRequest("GET", target)
                    request.version = version
                    if let asked { request = request.with("Connection", asked) }
                    let shaped = request
                    let (answer, hasMore) = try await service.connected { connection in
                        try connection.send(shaped)
                        let answer = try connection.response()
                        guard stays else { return (answer, try !connection.endsSilently()) }
                        try connection.send(shaped)
                        return (answer, try connection.response().status == answer.status)
                    }
                    let label = Comment(rawValue: "\(target) \(version) \(asked ?? "-")")
                    #expect(answer["Connection"] == says, label)
                    #expect(hasMore == stays, label)
                }
            }
        }
    }

    /// Answers that are not taken stop the reading: memory is bounded whatever is asked for.
    @Test func aClientThatReadsNothingIsNotReadFromWithoutBound() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            for target in ["/resolve/libc6?limit=32", "/metrics"] {
                let request = WireRequest.admin("GET", target).bytes
                let (poured, statuses) = try await service.connected { connection in
                    let batch = (0..<500).flatMap { _ in request }
                    let poured = connection.pour(batch, total: 100 << 20)
                    // Whoever begins to read gets every answer, in spite of the pause.
                    let whole = poured / request.count
                    let statuses = try (0..<min(whole, 200)).map { _ in
                        try connection.response().status
                    }
                    return (poured, statuses)
                }
                #expect(poured < 32 << 20, "\(target): \(poured) bytes of requests were taken")
                #expect(Set(statuses) == [200], "\(target)")
            }
        }
    }
}
