import Testing

@testable import IndexService

/// The circuit breaker in front of the index.
@Suite struct IndexBreakerTests {
    /// It is open or, when its pause has passed, lets one through.
    private static let isClosed = "upstream=index,state=closed"

    @Test func anIndexThatFailsIsLeftAloneAndComesBack() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            let store = service.application.store
            _ = try await service.get("/resolve/libc6")
            try await service.wait(for: "/readyz") { $0.status == 200 }
            try store.execute("ALTER TABLE names RENAME TO away")
            for number in 0..<30 {
                let answer = try await service.get("/resolve/n\(number)")
                #expect(answer.status == 503)
                checkProblem(answer, code: "upstream_unready")
            }
            #expect(try service.metric("circuit_breaker_state", Self.isClosed) == 0)
            // It opens again and again while somebody asks.
            try await service.wait(for: "/resolve/n") { answer in
                let ready = try await service.get("/readyz")
                return answer.status == 503 && ready.status == 503
                    && ready.fields["missing.0"] == "db_open"
                    && ready.fields["upstreams.index"] == "open"
            }
            let hit = try await service.get("/resolve/libc6")
            #expect(hit["Cache-Status"] == "svc-index; hit; detail=ram")

            try store.execute("ALTER TABLE away RENAME TO names")
            try await service.wait(for: "/resolve/a.b-c_d+e") { $0.status == 200 }
            try await service.wait(for: "/readyz") { $0.status == 200 }
            #expect(try await service.get("/readyz").fields["upstreams.index"] == "closed")
        }
    }

    @Test func damagedManifestsDoNotOpenIt() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            try service.application.store.execute("UPDATE manifests SET bytes = x'00'")
            for limit in 0...32 {
                #expect(try await service.get("/resolve/libc6?limit=\(limit)").status == 500)
                #expect(try await service.get("/resolve/unknown-\(limit)").status == 404)
            }
            #expect(try service.metric("circuit_breaker_state", Self.isClosed) == 1)
        }
    }
}
