import Testing

@testable import LoadEngine

@Suite struct ResponseReaderTests {
    private let answers = [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nCache-Status: svc-index; hit\r\n\r\nhello",
        "HTTP/1.1 404 Not Found\r\ncontent-length:0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA\r\n0123456789\r\n"
            + "0\r\nTrailer: x\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 99\r\n\r\n",
        "HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 2\r\n\r\n\r\n",
    ]
    private let facts = [
        ResponseFacts(status: 200, hit: true), ResponseFacts(status: 404),
        ResponseFacts(status: 200), ResponseFacts(status: 304),
        ResponseFacts(status: 503, closes: true),
    ]

    private func read(_ pieces: [ArraySlice<UInt8>]) throws -> [ResponseFacts] {
        var reader = ResponseReader()
        return try pieces.flatMap { piece in
            try Array(piece).withUnsafeBytes { bytes in
                var (offset, found) = (0, [ResponseFacts]())
                while let one = try reader.next(bytes, &offset) { found.append(one) }
                #expect(offset == bytes.count)
                return found
            }
        }
    }

    @Test func pipelinedResponsesAreFoundInOnePiece() throws {
        #expect(try read([Array(answers.joined().utf8)[...]]) == facts)
    }

    @Test(arguments: 1...100 as ClosedRange<UInt64>)
    func responsesAreTheSameHoweverTheirBytesArrive(seed: UInt64) throws {
        var random = Randomness(seed: seed)
        var rest = Array(answers.joined().utf8)[...]
        var pieces: [ArraySlice<UInt8>] = []
        while !rest.isEmpty {
            let count = min(rest.count, 1 + random.below(seed == 1 ? 1 : 40))
            pieces.append(rest.prefix(count))
            rest = rest.dropFirst(count)
        }
        #expect(try read(pieces) == facts)
    }

    @Test func aBodyWithoutLengthEndsWithTheConnection() throws {
        var reader = ResponseReader()
        let text = Array("HTTP/1.1 200 OK\r\nServer: x\r\n\r\nabc".utf8)
        var offset = 0
        let found = try text.withUnsafeBytes { try reader.next($0, &offset) }
        #expect(found == nil && reader.endsWithConnection)
    }

    @Test(arguments: [
        "SSH-2.0-OpenSSH_9.2p1 Debian", "HTTP/1.1 9x9 OK\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ])
    func bytesThatAreNotHTTPAreRefused(text: String) {
        #expect(throws: ResponseError.self) { try read([Array(text.utf8)[...]]) }
    }
}
