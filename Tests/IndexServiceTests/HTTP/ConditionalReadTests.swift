import Glibc
import Testing

@testable import IndexService

/// Entity tags and `If-None-Match`, on misses and on hits.
@Suite struct ConditionalReadTests {
    private static let targets = [
        "/resolve/libc6", "/resolve/\(SampleIndex.manifestID)",
        "/providers/\(SampleIndex.manifestID)", "/manifests/\(SampleIndex.manifestID)",
    ]

    /// `If-None-Match` lines about the tag `T`, and whether they match it.
    private static let conditions: [(lines: [String], matches: Bool)] = [
        (["T"], true), (["W/T"], true), (["*"], true), (["\"other\", T"], true),
        (["\"other\",T,\"third\""], true), ([" \"a\" ,\tW/T "], true), (["\"a\"", "T"], true),
        (["T", "T"], true), (["\"other\""], false), (["W/\"other\""], false), ([""], false),
        (["b3:0"], false), (["\"\""], false), (["*x"], false),
    ]

    @Test func aTagThatMatchesSavesTheBody() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            for target in Self.targets {
                let plain = try await service.ask(WireRequest("GET", target))
                let tag = try #require(plain["ETag"])
                #expect(tag == "\"\(ContentID(of: plain.body))\"")
                for (lines, matches) in Self.conditions {
                    var request = WireRequest("GET", target)
                    for line in lines {
                        request = request.with(
                            "If-None-Match",
                            line.replacing("T", with: tag)
                        )
                    }
                    // Past the cache, out of it, and without the body.
                    let answers = try await service.ask(
                        SampleIndex.purgeAll,
                        request,
                        request,
                        request.method("HEAD")
                    )
                    for answer in answers.dropFirst() {
                        let label = Comment(rawValue: "\(target) \(lines): \(answer.head)")
                        #expect(answer.status == (matches ? 304 : 200), label)
                        #expect(answer["ETag"] == tag, label)
                        #expect(answer["Cache-Control"] == plain["Cache-Control"], label)
                        #expect(answer["Date"] != nil && answer["X-Corr-ID"] != nil, label)
                        #expect((answer["Age"] != nil) == (plain["Age"] != nil), label)
                        let status = answer["Cache-Status"] != nil
                        #expect(status == (plain["Cache-Status"] != nil), label)
                        guard matches else { continue }
                        #expect(answer.body.isEmpty && answer["Content-Type"] == nil, label)
                        #expect(answer["Content-Length"] == nil, label)
                    }
                }
            }
        }
    }

    @Test func anOldTagStopsMatchingWhenTheAnswerChanges() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            let target = "/resolve/libc6"
            let first = try await service.ask(WireRequest("GET", target))
            let tag = try #require(first["ETag"])
            let answers = try await service.ask(
                WireRequest("GET", target).with("If-None-Match", tag),
                .admin("DELETE", "/admin/providers/\(SampleIndex.manifestID)?id=p0"),
                WireRequest("GET", target).with("If-None-Match", tag)
            )
            #expect(answers.map(\.status) == [304, 204, 200])
            #expect(answers[2]["ETag"] != tag)
        }
    }

    @Test func anErrorIsNeverNotModified() async throws {
        try await withService { service in
            for target in [
                "/resolve/unknown", "/resolve/a..b", "/manifests/\(SampleIndex.unknownID)",
            ] {
                let request = WireRequest("GET", target).with("If-None-Match", "*")
                let answers = try await service.ask(request, request)
                for answer in answers { #expect([404, 400].contains(answer.status), "\(target)") }
            }
        }
    }

    /// A request is answered as of its end, whenever it began.
    @Test func aBodyThatTakesItsTimeDoesNotMakeAnAnswerYounger() async throws {
        try await withService { service in
            let put = SampleIndex.name("short", SampleIndex.manifestID, more: #","ttl_s":1"#)
            _ = try await service.ask(put, WireRequest("GET", "/resolve/short"))
            let cache = service.application.resolver.cache
            let query = AnswerQuery(.resolution, .name(try makeName("short")))
            let answer = try await service.connected { connection in
                try connection.send(
                    "GET /resolve/short HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na"
                )
                while cache.outcome(for: query, at: .now())?.isStale == false { sched_yield() }
                try connection.send("b")
                return try connection.response()
            }
            #expect(answer["Cache-Status"] != "svc-index; hit; detail=ram")
        }
    }

    @Test func ageAndMaxAgeTellWhatIsLeftOfALife() async throws {
        try await withService { service in
            let put = SampleIndex.name("short", SampleIndex.manifestID, more: #","ttl_s":2"#)
            let question = WireRequest("GET", "/resolve/short")
            let answers = try await service.ask(put, question, question)
            for answer in answers.dropFirst() {
                #expect(answer.fields["ttl_s"] == "2")
                let maxAge = try #require(answer["Cache-Control"])
                let lives = (0...2).map { "public, max-age=\($0)" }
                #expect(lives.contains(maxAge))
                #expect(["0", "1", "2"].contains(answer["Age"]))
            }
        }
    }
}
