import Randomness
import CZlib
import Testing

@testable import IndexService

/// Bodies in a content coding, over the wire: taken within the caps, bombs refused.
@Suite struct BodyCodingTests {
    private static let json = SampleIndex.name("n", SampleIndex.manifestID).body

    private static func put(_ body: [UInt8], _ coding: String) -> WireRequest {
        SampleIndex.name("n", SampleIndex.manifestID).body(body).with("Content-Encoding", coding)
    }

    @Test func gzipAndDeflateAreTaken() async throws {
        let gzip = try makeDeflated(Self.json, windowBits: 15 + 16)
        let zlib = try makeDeflated(Self.json, windowBits: 15)
        try await withService { service in
            for (coding, body) in [
                ("gzip", gzip), ("x-gzip", gzip), ("GZIP", gzip), ("deflate", zlib),
                ("identity", Self.json),
            ] {
                let request = Self.put(body, coding)
                let declared = try await service.ask(request)
                #expect((200...201).contains(declared.status), "\(coding): \(declared.text)")
                #expect(try await service.send(request.chunked(by: 7)).status == 200)
            }
        }
    }

    @Test func otherCodingsAreRefusedBeforeTheBodyIsSent() async throws {
        try await withService { service in
            for coding in ["br", "zstd", "compress", "gzip, gzip", "gzip;q=1", "identity, gzip"] {
                let answer = try await service.send(Self.put(Self.json, coding).headBytes)
                #expect(answer.status == 415, "\(coding)")
                checkProblem(answer, code: "unsupported_type")
            }
            let twice = Self.put(Self.json, "gzip").with("Content-Encoding", "gzip")
            #expect(try await service.send(twice.headBytes).status == 415)
        }
    }

    @Test func bombsAreRefused() async throws {
        let zeros = [UInt8](repeating: 0, count: 900_000)
        // Four bits of every byte are random, so it deflates to about half.
        var random = SeededRandom(seed: 7)
        let large = random.bytes(count: (1 << 20) + 1).map { $0 & 0x0f | 0x40 }
        let spaces = Self.json + Array(repeating: UInt8(ascii: " "), count: 5000)
        try await withService { service in
            for windowBits: Int32 in [15, 15 + 16] {
                let coding = windowBits == 15 ? "deflate" : "gzip"
                for (body, words) in [
                    (zeros, "10 times"), (large, "1048576"), (spaces, "10 times"),
                ] {
                    let bomb = try makeDeflated(body, windowBits: windowBits)
                    let answer = try await service.ask(Self.put(bomb, coding))
                    #expect(answer.status == 413, "\(coding), \(body.count) bytes")
                    #expect(answer.text.contains(words), "\(coding), \(body.count) bytes")
                    checkProblem(answer, code: "decompress_cap")
                }
            }
            #expect(try service.metric("rejected_total", "reason=decompress_cap") == 6)
        }
    }

    @Test func aBodyThatInflatesToExactlyTheCapIsTaken() async throws {
        var random = SeededRandom(seed: 8)
        let padding = (1 << 20) - Self.json.count
        let body = Self.json + Array(random.text(of: " \t\r\n", count: padding).utf8)
        let deflated = try makeDeflated(body, windowBits: 15 + 16)
        try await withService { service async throws in
            #expect(try await service.ask(Self.put(deflated, "gzip")).status == 201)
        }
    }

    @Test func brokenBodiesAreBadRequests() async throws {
        let gzip = try makeDeflated(Self.json, windowBits: 15 + 16)
        var badChecksum = gzip
        badChecksum[gzip.count - 6] ^= 1
        let broken: [(String, [UInt8])] = [
            ("cut short", Array(gzip.dropLast())), ("only a header", Array(gzip.prefix(10))),
            ("bytes behind the end", gzip + [0]), ("two members", gzip + gzip),
            ("bad checksum", badChecksum), ("no gzip", Self.json), ("zeros", [0, 0, 0, 0]),
            ("zlib's format", try makeDeflated(Self.json, windowBits: 15)),
            ("no format", try makeDeflated(Self.json, windowBits: -15)),
        ]
        try await withService { service in
            for (name, body) in broken {
                let answer = try await service.ask(Self.put(body, "gzip"))
                #expect(answer.status == 400, "\(name)")
                checkProblem(answer, code: "bad_request")
            }
            // Nothing was declared, and nothing is what a coding needs at least a header for.
            #expect(try await service.ask(Self.put([], "gzip")).status == 400)
        }
    }

    @Test func bodiesOfOtherTypesAreRefused() async throws {
        try await withService { service in
            let types = [
                ("application/json; charset=utf-8", 201), ("application/merge-patch+json", 200),
                ("Application/JSON", 200), ("application/x-www-form-urlencoded", 415),
                ("text/plain", 415), ("application/jsonp", 415), ("", 415),
            ]
            for (type, status) in types {
                var request = SampleIndex.name("n", SampleIndex.manifestID)
                request.headers.removeAll { $0.name == "Content-Type" }
                let answer = try await service.ask(request.with("Content-Type", type))
                #expect(answer.status == status, "\(type)")
                if status == 415 { checkProblem(answer, code: "unsupported_type") }
            }
        }
    }
}
