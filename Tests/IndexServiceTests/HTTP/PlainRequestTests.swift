import Cache
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Randomness
import Testing

@testable import IndexService

/// Requests that are read without the decoder are the same requests to it.
@Suite struct PlainRequestTests {
    private let screening = Screening(adminAccess: LiveValue(AdminAccess.disabled))

    private func parse(_ bytes: [UInt8]) -> PlainRequest? { PlainRequest(bytes.span) }

    /// As the usual clients write them.
    @Test(arguments: [
        "GET /resolve/libc6 HTTP/1.1\r\nHost: 127.0.0.1:5304\r\n\r\n",
        "GET /resolve/libc6 HTTP/1.1\r\nhost:localhost\r\n\r\n",
        """
        HEAD /resolve/name:libc6?limit=3&region=eu-west HTTP/1.1\r
        Host: index.example\r
        User-Agent: curl/8.5.0\r
        Accept: */*\r
        \r\n
        """,
        """
        GET /providers/b3:00ff HTTP/1.1\r
        Host: [::1]:5304\r
        User-Agent: python-requests/2.31.0\r
        Accept-Encoding: gzip, deflate\r
        Accept: */*\r
        Connection: keep-alive\r
        If-None-Match: "b3:00"\r
        x-corr-id: r-1\r
        \r\n
        """,
    ])
    func whatClientsSendIsPlain(_ text: String) throws {
        let bytes = Array(text.utf8)
        let request = try #require(parse(bytes))
        #expect(request.byteCount == bytes.count)
        try expectSame(request, bytes, screening)
        // What follows changes nothing; what is missing is waited for.
        #expect(parse((bytes + Array("GET /".utf8))) == request)
        for end in bytes.indices { #expect(parse(Array(bytes[..<end])) == nil) }
    }

    @Test func anythingElseIsLeftToTheDecoder() {
        let host = "Host: x"
        let heads: [(String, [String])] = [
            ("POST /resolve/a HTTP/1.1", [host]), ("get /resolve/a HTTP/1.1", [host]),
            ("GET  /resolve/a HTTP/1.1", [host]), ("GET /resolve/a  HTTP/1.1", [host]),
            ("GET /resolve/a HTTP/1.0", [host]), ("GET /resolve/a HTTP/2.0", [host]),
            ("GET http://x/resolve/a HTTP/1.1", [host]), ("GET * HTTP/1.1", [host]),
            ("GET /resolve/a#b HTTP/1.1", [host]), ("GET /resolve/\u{e9} HTTP/1.1", [host]),
            ("GET /resolve/a HTTP/1.1", []), ("GET /resolve/a HTTP/1.1", [host, host]),
            ("GET /resolve/a HTTP/1.1", ["Host:"]), ("GET /resolve/a HTTP/1.1", ["Host: a b"]),
            ("GET /resolve/a HTTP/1.1", ["Host : x"]), ("GET /resolve/a HTTP/1.1", [host, " a"]),
        ]
        let headers = [
            "Content-Length: 0", "content-length: 3", "Transfer-Encoding: chunked",
            "Connection: close", "Connection: keep-alive, close", "Upgrade: h2c",
            "Expect: 100-continue", "Proxy-Connection: close", "X-Corr-ID: a b", "X-Corr-ID:",
            "X-Corr-ID:  a", "X-Corr-ID: a ", "If-None-Match:", "If-None-Match:  \"a\"",
            "X: \u{e9}", "X: a\tb", ": x", "X Y: z", "X\u{0}: z", "X: \u{7f}",
        ]
        let others = headers.map { ("GET /resolve/a HTTP/1.1", [host, $0]) }
        let twice = ["X-Corr-ID: a", "If-None-Match: *", "Connection: keep-alive"].map {
            ("GET /resolve/a HTTP/1.1", [host, $0, $0])
        }
        for (line, fields) in heads + others + twice {
            let text = ([line] + fields).joined(separator: "\r\n") + "\r\n\r\n"
            #expect(parse(Array(text.utf8)) == nil, "\(text)")
        }
        let bare = "GET /resolve/a HTTP/1.1\nHost: x\n\n"
        #expect(parse(Array(bare.utf8)) == nil)
    }

    @Test func longHeadsAreLeftToTheDecoder() {
        func head(_ bytes: Int) -> [UInt8] {
            let rest = "GET /resolve/a HTTP/1.1\r\nHost: x\r\nX: \r\n\r\n"
            let pad = String(repeating: "x", count: bytes - rest.utf8.count)
            return Array(rest.replacing("X: ", with: "X: \(pad)").utf8)
        }
        let most = PlainRequest.maximumBytes
        #expect(parse(head(most))?.byteCount == most)
        #expect(parse(head(most + 1)) == nil)
    }

    @Test func headsOfManyFieldsAreLeftToTheDecoder() {
        func head(_ fields: Int) -> [UInt8] {
            let text = String(repeating: "a:\r\n", count: fields - 1)
            return Array("GET /resolve/a HTTP/1.1\r\nHost: x\r\n\(text)\r\n".utf8)
        }
        let most = PlainRequest.maximumFields
        #expect(parse(head(most))?.byteCount == head(most).count)
        for fields in [most + 1, 255, 256, 257, 400] { #expect(parse(head(fields)) == nil) }
    }

    /// The screening's own limits hold for them as well.
    @Test func theScreeningsLimitsHold() throws {
        let bytes = Array("GET /resolve/a HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
        let request = try #require(parse(bytes))
        var narrow = screening
        narrow.maximumTargetBytes = bytes.count
        #expect(narrow.endpoint(of: request) == .resolve(key: "a"))
        narrow.maximumTargetBytes = bytes.count - 1
        #expect(narrow.endpoint(of: request) == nil)
        narrow.maximumTargetBytes = 8192
        narrow.maximumHeaderBytes = bytes.count - 1
        #expect(narrow.endpoint(of: request) == nil)
        var operators = screening
        operators.audience = .operators
        #expect(operators.endpoint(of: request) == nil)
    }

    /// Heads put together at random and spoilt at random places.
    @Test(arguments: UInt64(1)...8)
    func theDecoderReadsThemTheSame(seed: UInt64) throws {
        var heads = RandomHeads(seed: seed)
        var screening = screening
        // What all limits are about is tried as well.
        if seed.isMultiple(of: 2) {
            (screening.maximumTargetBytes, screening.maximumHeaderBytes) = (150, 150)
        }
        var plain = 0
        for _ in 0..<5000 {
            let bytes = heads.next()
            guard let request = parse(bytes) else { continue }
            plain += 1
            try expectSame(request, Array(bytes[..<request.byteCount]), screening)
        }
        #expect(plain > 700, "too few of them are plain to say anything")
    }

    /// Decodes `bytes` as connections do, and compares.
    private func expectSame(
        _ request: PlainRequest,
        _ bytes: [UInt8],
        _ screening: Screening
    ) throws {
        let label = Comment(rawValue: String(decoding: bytes, as: UTF8.self))
        let decoder = HTTPRequestDecoder(
            leftOverBytesStrategy: .dropBytes,
            limitConfiguration: screening.decoderLimits
        )
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(decoder))
        try channel.writeInbound(ByteBuffer(bytes: bytes))
        guard case .head(let decoded) = try channel.readInbound(as: HTTPServerRequestPart.self),
            case .end(nil) = try channel.readInbound(as: HTTPServerRequestPart.self)
        else {
            Issue.record("no request without a body: \(label)")
            return
        }
        #expect(try channel.readInbound(as: HTTPServerRequestPart.self) == nil, label)
        #expect(decoded.isKeepAlive, label)
        let head = decoded.withoutBlanksBehindValues()
        #expect(try channel.finish(acceptAlreadyClosed: true).isClean, label)
        for name in ["Expect", "Upgrade", "Content-Length", "Transfer-Encoding"] {
            #expect(!head.headers.contains(name: name), label)
        }
        let ids = head.headers[CorrelationID.header]
        #expect(ids == request.correlationID.map { [$0] } ?? [], label)
        guard let endpoint = screening.endpoint(of: request) else { return }
        #expect(screening.judge(head) == .accepted(endpoint), label)
        let now = MonotonicInstant.now()
        let ours = Exchange(request, endpoint, correlationID: "id", at: now)
        let theirs = Exchange(head: head, endpoint: endpoint, correlationID: "id", at: now)
        #expect(ours.facts == theirs.facts, label)
    }
}

extension Exchange {
    /// What the request says of itself.
    fileprivate var facts: [String] {
        [
            method.text, route.text, "\(endpoint as Any)", "\(version)", "\(isKeepAlive)",
            "\(ifNoneMatch as Any)", target,
        ]
    }
}

/// Heads of which many are plain, and the others nearly so.
private struct RandomHeads {
    private var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    mutating func next() -> [UInt8] {
        var lines = [random.pick(Self.methods) + " " + makeTarget() + random.pick(Self.versions)]
        for _ in 0..<random.below(5) { lines.append(makeField()) }
        if random.oneIn(10) {
            lines += Array(repeating: random.pick(["a:", "a:b"]), count: random.below(40))
        }
        lines.insert("Host: " + random.pick(Self.hosts), at: random.int(in: 1...lines.count))
        var bytes = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
        if random.happens(0.3) { bytes += bytes.prefix(random.below(bytes.count)) }
        if random.happens(0.5) { for _ in 0...random.below(3) { spoil(&bytes) } }
        return bytes
    }

    private mutating func makeTarget() -> String {
        let path = random.pick(["/resolve/", "/resolve/", "/providers/", "/healthz", "/"])
        let key = random.text(of: "abcXYZ019.-_+%:/~", count: random.below(12))
        let query = random.pick([
            "", "", "?", "?limit=2", "?region=eu&limit=0", "?fresh=true", "??",
        ])
        return path + key + query
    }

    private mutating func makeField() -> String {
        if random.happens(0.8) {
            return random.pick(Self.plainNames) + ": " + random.pick(Self.plainValues)
        }
        let name = random.pick(Self.names)
        let shaped = random.pick([name, name, name.lowercased(), name.uppercased()])
        let blank = random.pick([" ", " ", " ", "", "  ", "\t"])
        return shaped + random.pick([":", ":", ":", " :"]) + blank + random.pick(Self.values)
    }

    /// Changes, puts in or takes out a byte.
    private mutating func spoil(_ bytes: inout [UInt8]) {
        let bytesOfHeads = Array("\r\n :\t/\0,;=\"\u{7f}aZ0%#\u{e9}".utf8)
        let index = random.below(bytes.count)
        switch random.below(4) {
        case 0: bytes[index] = random.pick(bytesOfHeads)
        case 1: bytes.insert(random.pick(bytesOfHeads), at: index)
        case 2: bytes[index] = random.bytes(count: 1)[0]
        default: bytes.remove(at: index)
        }
    }

    private static let methods = ["GET", "GET", "GET", "GET", "HEAD", "HEAD", "POST", "GET "]
    private static let versions =
        Array(repeating: " HTTP/1.1", count: 12) + [" HTTP/1.0", " HTTP/1.2", "  HTTP/1.1", ""]
    private static let hosts =
        Array(repeating: "index.example", count: 8)
        + ["x", "x:1", "[::1]:80", "a_b", "", "a b", "a/b"]
    private static let plainNames = [
        "X-Corr-ID", "If-None-Match", "Accept", "User-Agent", "Accept-Encoding", "Cookie", "Range",
    ]
    private static let plainValues = ["*/*", "a", "\"b3:00\"", "*", "0", "r-1", "x=\"y\"; q=0.5"]
    private static let names = [
        "X-Corr-ID", "If-None-Match", "Connection", "Accept", "User-Agent", "Accept-Encoding",
        "Content-Length", "Transfer-Encoding", "Upgrade", "Expect", "Host", "X", "Cookie",
        "Keep-Alive", "TE", "Trailer", "Content-Type", "Authorization", "Range", "Proxy-Connection",
    ]
    private static let values = [
        "*/*", "a", "keep-alive", "Keep-Alive", "close", "\"b3:00\"", "*", "0", "3", "chunked",
        "gzip, deflate", "", "a ", "a,b", "100-continue", "caf\u{e9}", "r-1", "x=\"y\"; q=0.5",
    ]
}
