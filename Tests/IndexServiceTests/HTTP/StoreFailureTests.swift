import GRDB
import Testing

@testable import IndexService

/// What is said when the store fails, or holds what it should not.
@Suite struct StoreFailureTests {
    private static let id = SampleIndex.manifestID

    /// "Could not look" is never said as "not there"; what RAM has goes on being answered.
    @Test func aStoreThatIsGoneIsUnready() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            let hit = WireRequest("GET", "/resolve/libc6")
            _ = try await service.ask(hit)
            try await service.application.store.close()
            let requests = [
                WireRequest("GET", "/resolve/unknown"),
                WireRequest("GET", "/resolve/libc6?limit=9"),
                WireRequest("GET", "/resolve/libc6?fresh=true"),
                WireRequest("GET", "/providers/\(Self.id)"),
                WireRequest("GET", "/manifests/\(Self.id)"),
                .admin("GET", "/admin/names"), .admin("DELETE", "/admin/names/libc6"),
                SampleIndex.name("n", Self.id), SampleIndex.requests[0],
                SampleIndex.provider("p", of: Self.id, region: nil),
                .admin("POST", "/admin/pin", json: #"{"keys":["libc6"]}"#),
            ]
            for request in requests.reversed() {
                let answer = try await service.ask(request)
                let label = Comment(rawValue: "\(request.method) \(request.target)")
                #expect(answer.status == 503, label)
                #expect(answer["Retry-After"] == "5", label)
                checkProblem(answer, code: "upstream_unready", label)
            }
            #expect(try await service.ask(WireRequest("GET", "/healthz")).status == 200)
            let counted = try service.metric("rejected_total", "reason=upstream_unready")
            #expect(counted == Double(requests.count))
        }
    }

    @Test func aFailedReadIsNotSaidToBeAFailedWrite() async throws {
        try await withStore { store in
            let broken = DatabaseError(resultCode: .SQLITE_IOERR, message: "disk I/O error")
            #expect(throws: StoreError.unreadable("disk I/O error")) {
                try store.read { _ -> Int in throw broken }
            }
            #expect(throws: StoreError.unwritable("disk I/O error")) {
                try store.write { _ -> Int in throw broken }
            }
            let detail = Problem(StoreError.unreadable("disk I/O error")).detail
            #expect(detail == "the index store cannot be read at the moment")
        }
    }

    @Test func aStoreThatIsGoneLeavesTheCacheAlone() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            let hit = WireRequest("GET", "/resolve/libc6")
            _ = try await service.ask(hit)
            try await service.application.store.close()
            let answer = try await service.ask(hit)
            #expect(answer.status == 200)
            #expect(answer["Cache-Status"] == "svc-index; hit; detail=ram")
            // The fall shows within two seconds: the store is measured twice in one.
            var ready = try await service.ask(WireRequest("GET", "/readyz"))
            let clock = ContinuousClock()
            let end = clock.now + .seconds(2)
            while ready.status == 200, clock.now < end {
                ready = try await service.ask(WireRequest("GET", "/readyz"))
            }
            #expect(ready.status == 503)
            #expect(ready.fields["missing.0"] == "db_open")
        }
    }

    @Test func damagedBytesAreNeverServed() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            try service.application.store.write { database in
                try database.execute(sql: "UPDATE manifests SET bytes = x'00'")
            }
            let questions = [
                "/manifests/\(Self.id)", "/resolve/libc6", "/resolve/\(Self.id)",
                "/resolve/libc6?fresh=true",
            ]
            for target in questions + questions {
                let answer = try await service.ask(WireRequest("GET", target))
                #expect(answer.status == 500, "\(target)")
                checkProblem(answer, code: "internal")
            }
            #expect(try service.metric("index_integrity_fail_total") == 8)
            #expect(try service.metric("rejected_total", "reason=internal") == 8)
            // Stored anew it is whole again.
            #expect(try await service.ask(SampleIndex.requests[0]).status == 201)
            for target in questions {
                #expect(try await service.ask(WireRequest("GET", target)).status == 200)
            }
        }
    }

    @Test func aContentIDHasOnlySoManyProviders() async throws {
        try await withService(settings: { $0.index.maxProvidersPerCID = 2 }) { service in
            let statuses = try await service.ask(
                SampleIndex.provider("a", of: Self.id, region: nil),
                SampleIndex.provider("b", of: Self.id, region: nil),
                SampleIndex.provider("c", of: Self.id, region: nil),
                SampleIndex.provider("b", of: Self.id, region: "eu"),
                .admin("DELETE", "/admin/providers/\(Self.id)", json: #"{"id":"a"}"#),
                SampleIndex.provider("c", of: Self.id, region: nil)
            )
            #expect(statuses.map(\.status) == [201, 201, 409, 200, 204, 201])
            checkProblem(statuses[2], code: "conflict")
        }
    }

    @Test func onlySoManyKeysCanBePinned() async throws {
        @Sendable func pin(_ action: String, _ names: Range<Int>) -> WireRequest {
            let keys = names.map { "\"n\($0)\"" }.joined(separator: ",")
            return .admin("POST", "/admin/\(action)", json: #"{"keys":[\#(keys)]}"#)
        }
        try await withService { service in
            let answers = try await service.ask(
                pin("pin", 0..<1000),
                pin("pin", 999..<1001),
                pin("pin", 0..<1000),
                pin("unpin", 0..<1),
                pin("pin", 999..<1001),
                pin("pin", 0..<1001)
            )
            #expect(answers.map(\.status) == [200, 429, 200, 200, 200, 400])
            checkProblem(answers[1], code: "over_capacity")
            #expect(answers[0].number("keys") == 1000)
        }
    }

    /// What was refused at the cap is not pinned, in RAM or in the store.
    @Test func pinsAtTheSameTimeStayUnderTheCap() async throws {
        try await withService { service in
            await withTaskGroup(of: Void.self) { group in
                for writer in 0..<8 {
                    group.addTask {
                        let keys = (0..<200).map { "\"w\(writer)-\($0)\"" }.joined(separator: ",")
                        let pin = WireRequest.admin(
                            "POST",
                            "/admin/pin",
                            json: #"{"keys":[\#(keys)]}"#
                        )
                        _ = try? await service.ask(pin)
                    }
                }
            }
            let stored = try await service.application.store.reading { try $0.pins(limit: 2000) }
            #expect(stored.count == 1000)
            #expect(service.application.pins.all == Set(stored))
        }
    }

    @Test func keyNamesCannotBePinnedWhileNobodyCanLookThemUp() async throws {
        try await withService { service in
            for action in ["pin", "reindex"] {
                let keys = #"{"keys":["libc6","\#(SampleIndex.keyName)"]}"#
                let answer = try await service.ask(
                    .admin("POST", "/admin/\(action)", json: keys)
                )
                #expect(answer.status == 503)
                checkProblem(answer, code: "upstream_unready")
            }
            #expect(service.application.pins.all.isEmpty)
        }
    }
}
