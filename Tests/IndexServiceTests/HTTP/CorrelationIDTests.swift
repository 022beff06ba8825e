import Randomness
import Testing

@testable import IndexService

/// `X-Corr-ID`: a caller's own, or a fresh ULID.
@Suite struct CorrelationIDTests {
    private static let taken = [
        "a", "0", "A-b_c.9", String(repeating: "x", count: 64), "01J0000000000000000000000", "-",
        ".",
    ]
    private static let replaced = [
        "", String(repeating: "x", count: 65), "a b", "a/b", "a;b", "\u{e9}", "a\tb", "\"a\"",
        "a,b",
    ]
    /// One request for each path that may answer: miss, hit, refusal, responder, malformed.
    private static let requests = [
        WireRequest("GET", "/resolve/libc6"), WireRequest("GET", "/resolve/libc6"),
        WireRequest("GET", "/resolve/a..b"), WireRequest("GET", "/version"),
        WireRequest("GET", "/nope"), WireRequest("PUT", "/admin/names/n"),
        WireRequest("GET", "/resolve/unknown"), WireRequest("GET", "/resolve/unknown"),
        WireRequest("HEAD", "/healthz"),
    ]

    @Test func anAcceptableIDComesBack() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            for id in Self.taken {
                let requests = Self.requests.map { $0.with("X-Corr-ID", id) }
                for (request, answer) in zip(requests, try await service.ask(requests)) {
                    #expect(answer["X-Corr-ID"] == id, "\(request.target)")
                }
            }
        }
    }

    @Test func anyOtherIsReplacedByAFreshULID() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            var seen: Set<String> = []
            for id in Self.replaced {
                let requests = Self.requests.map { $0.with("X-Corr-ID", id) }
                for (request, answer) in zip(requests, try await service.ask(requests)) {
                    let fresh = try #require(answer["X-Corr-ID"])
                    #expect(fresh.count == 26 && fresh != id, "\(request.target)")
                    #expect(Set(fresh).isSubset(of: "0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
                    #expect(seen.insert(fresh).inserted)
                }
            }
        }
    }

    @Test func aULIDBeginsWithTheTime() {
        var random = SeededRandom(seed: 1)
        var generator = ULIDGenerator(using: &random)
        // The example of the ULID specification: 01ARZ3NDEK is this instant.
        let first = generator.next(atMilliseconds: 1_469_918_176_385)
        #expect(first.hasPrefix("01ARYZ6S41"))
        #expect(generator.next(atMilliseconds: 0).hasPrefix("0000000000"))
        #expect(generator.next(atMilliseconds: .max).hasPrefix("7ZZZZZZZZZ"))
        let later = generator.next(atMilliseconds: 1_469_918_176_386)
        #expect(first < later)
    }
}
