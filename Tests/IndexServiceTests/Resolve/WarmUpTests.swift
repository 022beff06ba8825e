import Testing

@testable import IndexService

@Suite(.timeLimit(.minutes(1))) struct WarmUpTests {
    @Test func theFirstCallerOfAWarmKeyIsAnsweredOutOfRAM() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/index"
        func settings(_ settings: inout Settings) {
            settings.amnesia.enabled = false
            settings.database.path = path
        }
        try await withService(settings: settings) { try await SampleIndex.fill($0) }
        try await withService { configured in
            settings(&configured)
            let keys = ["libc6", SampleIndex.manifestID, "nothing-of-that-name"]
            configured.cache.warmupKeys = keys.compactMap { try? ResolveKey(parsing: $0) }
        } _: { service in
            while try service.metric("index_cache_entries") < 3 { await Task.yield() }
            let answers = try await service.ask([
                WireRequest("GET", "/resolve/libc6"),
                WireRequest("GET", "/resolve/\(SampleIndex.manifestID)"),
                WireRequest("GET", "/resolve/nothing-of-that-name"),
            ])
            #expect(answers.map(\.status) == [200, 200, 404])
            for answer in answers {
                #expect(answer["Cache-Status"] == "svc-index; hit; detail=ram")
            }
        }
    }
}
