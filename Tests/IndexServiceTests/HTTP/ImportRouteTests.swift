import Testing

@testable import IndexService

/// `POST /admin/import`: lines that go in whole or not at all, in one transaction and in order.
@Suite struct ImportRouteTests {
    @Test func eachLineIsStoredOrNamedWithItsReason() async throws {
        try await withService { service async throws in
            let answer = try await service.ask(
                SampleIndex.lines(
                    #"{"name":"a","manifest":{"v":1},"providers":[{"addr":"x:1","ttl_s":60}]}"#,
                    "bad",
                    "",
                    #"{"name":"a..b","manifest":1}"#,
                    #"{"name":"b","manifest_cid":"\#(SampleIndex.unheldID)"}"# + "\r"
                )
            )
            #expect(answer.status == 200 && answer["Cache-Control"] == "no-store")
            #expect(answer.number("imported") == 2 && answer.number("rejected#") == 2)
            #expect(answer.number("rejected.0.line") == 2)
            #expect(answer.number("rejected.1.line") == 4)
            #expect(answer.fields["rejected.1.reason"]?.contains("empty label") == true)
            let found = try await service.ask(WireRequest("GET", "/resolve/a"))
            #expect(found.fields["providers.0.addr"] == "x:1")
            #expect(try service.metric("index_provider_set_changes_total") == 1)
            let provider = try service.application.store.lookUp(
                .contentID(makeManifest(#"{"v":1}"#).id),
                at: .now()
            ).providers.first
            #expect(provider?.expiresAt.map { $0 > .now() } == true)
        }
    }

    @Test func theLastLineAboutANameWinsAndTheSameAgainChangesNoVersion() async throws {
        try await withService { service async throws in
            let lines = (1...3).map { #"{"name":"a","manifest":\#($0)}"# }.joined(separator: "\n")
            let store = service.application.store
            #expect(try await service.ask(SampleIndex.lines(lines)).number("imported") == 3)
            #expect(try store.name(makeName("a"))?.manifestID == makeManifest("3").id)
            let last = SampleIndex.lines(#"{"name":"a","manifest":3}"#)
            for _ in 0..<2 { #expect(try await service.ask(last).number("imported") == 1) }
            #expect(try store.name(makeName("a"))?.version == 3)
        }
    }

    @Test func aLineOverTheProviderLimitLeavesNothing() async throws {
        let limit: @Sendable (inout Settings) -> Void = {
            $0.index.maxProvidersPerCID = 2
        }
        try await withService(settings: limit) { service async throws in
            let answer = try await service.ask(
                SampleIndex.lines(
                    #"{"name":"a","manifest":1,"providers":[{"addr":"x:1"},{"addr":"x:2"},"#
                        + #"{"addr":"x:3"}]}"#,
                    #"{"name":"b","manifest":2,"providers":[{"addr":"x:1"}]}"#
                )
            )
            #expect(answer.number("imported") == 1 && answer.number("rejected.0.line") == 1)
            #expect(answer.fields["rejected.0.reason"]?.contains("2 providers") == true)
            #expect(try await service.ask(WireRequest("GET", "/resolve/a")).status == 404)
            let id = makeManifest("1").id
            #expect(try await service.ask(WireRequest("GET", "/manifests/\(id)")).status == 404)
            #expect(try await service.ask(WireRequest("GET", "/resolve/b")).status == 200)
        }
    }

    @Test func whatWasCachedAboutALineEndsBeforeItIsAcknowledged() async throws {
        try await withService { service async throws in
            try await SampleIndex.fill(service)
            let questions = [
                "/resolve/libc6", "/resolve/unknown", "/resolve/\(SampleIndex.manifestID)",
                "/providers/\(SampleIndex.manifestID)",
            ].map { WireRequest("GET", $0) }
            _ = try await service.ask(questions)
            let warm = try await service.ask(questions)
            #expect(warm.allSatisfy { $0["Cache-Status"]?.contains("hit") ?? ($0.status == 404) })
            let lines = SampleIndex.lines(
                #"{"name":"libc6","manifest":9}"#,
                #"{"name":"unknown","manifest_cid":"\#(SampleIndex.manifestID)","#
                    + #""providers":[{"addr":"new.example:1"}]}"#
            )
            #expect(try await service.ask(lines).number("imported") == 2)
            let answers = try await service.ask(questions)
            #expect(answers.map(\.status) == [200, 200, 200, 200])
            #expect(answers[0].fields["manifest_cid"] == makeManifest("9").id.description)
            for answer in answers[1...] { #expect(answer.number("providers_total") == 8) }
        }
    }

    @Test func nothingIsAnImportOfNothing() async throws {
        try await withService { service async throws in
            for body in ["", "\n", "\r\n \n"] {
                let answer = try await service.ask(SampleIndex.lines(body))
                #expect(answer.status == 200 && answer.number("imported") == 0)
                #expect(answer.number("rejected#") == 0)
            }
        }
    }

    static let refused: [ContractRow] = [
        .refused("no credential", unauthorized, 401, "unauthorized", says: "Bearer"),
        .refused(
            "JSON",
            SampleIndex.lines(line, type: "application/json"),
            415,
            "unsupported_type",
            says: "application/x-ndjson"
        ),
        .refused(
            "an unknown coding",
            SampleIndex.lines(line).with("Content-Encoding", "br"),
            415,
            "unsupported_type"
        ),
        .refused(
            "no gzip",
            SampleIndex.lines(line).with("Content-Encoding", "gzip"),
            says: "Content-Encoding"
        ),
        .refused(
            "too many lines",
            SampleIndex.lines(String(repeating: line + "\n", count: 1025)),
            says: "1025 lines",
            "1024"
        ),
        .refused(
            "over the cap",
            SampleIndex.lines(String(repeating: " ", count: (1 << 20) + 1)),
            413,
            "body_cap"
        ),
    ]

    private static let line = #"{"name":"a","manifest":1}"#

    private static var unauthorized: WireRequest {
        var request = SampleIndex.lines(line)
        request.headers.removeAll { $0.name == "Authorization" }
        return request
    }

    @Test(arguments: refused)
    func whatIsNoImportIsRefusedWhole(_ row: ContractRow) async throws {
        try await withService { service async throws in
            let answer = try await service.ask(row.request)
            row.check(answer, way: .first, sourceLocation: #_sourceLocation)
            #expect(try service.application.store.name(makeName("a")) == nil)
        }
    }

    @Test func aBodyThatIsLongRejectsBoundedly() async throws {
        try await withService { service async throws in
            let field = String(repeating: "x", count: 900)
            let bad = #"{"\#(field)":1}"# + "\n"
            let answer = try await service.ask(
                SampleIndex.lines(String(repeating: bad, count: 1024))
            )
            #expect(answer.status == 200 && answer.number("rejected#") == 1024)
            #expect(answer.body.count < 1 << 20)
        }
    }
}
