import Testing

@testable import IndexService

/// Versions of names: two writers cannot overwrite each other unseen.
@Suite struct NameVersionTests {
    private static let id = SampleIndex.manifestID

    @Test func versionsCountUpOverRemovals() async throws {
        try await withService { service in
            let put = SampleIndex.name("n", Self.id)
            let remove = WireRequest.admin("DELETE", "/admin/names/n")
            let answers = try await service.ask(put, put, remove, remove, put, put)
            #expect(answers.map(\.status) == [201, 200, 204, 404, 201, 200])
            let versions = [0, 1, 4, 5].map { answers[$0].number("version") }
            #expect(versions == [1, 2, 4, 5])
            #expect(answers[5]["ETag"] == "\"5\"")
            #expect(answers[5].fields["name"] == "n")
            #expect(answers[5].fields["manifest_cid"] == Self.id)
            #expect(answers[5].fields["updated_at"]?.hasSuffix("Z") == true)
            #expect(answers[2]["Content-Length"] == nil)
            for answer in answers { #expect(answer["Cache-Control"] == "no-store") }
        }
    }

    /// A write under a precondition, on a name at version 2 or on one that was never there.
    private struct Attempt: Sendable {
        var method = "PUT"
        var isThere = true
        var headers: [(String, String)] = []
        var query = ""
        /// Fields of the body beside the manifest's id.
        var body = ""
        let status: Int
    }

    private static let attempts: [Attempt] = [
        Attempt(headers: [("If-Match", "\"2\"")], status: 200),
        Attempt(headers: [("If-Match", "\"1\"")], status: 412),
        Attempt(headers: [("If-Match", "\"0\"")], status: 412),
        Attempt(headers: [("If-Match", "\"1\" , \"2\"")], status: 200),
        Attempt(headers: [("If-Match", "\"1\""), ("If-Match", "\"2\"")], status: 200),
        Attempt(headers: [("If-Match", "*")], status: 200),
        Attempt(isThere: false, headers: [("If-Match", "*")], status: 412),
        Attempt(isThere: false, headers: [("If-Match", "\"1\"")], status: 412),
        Attempt(headers: [("If-None-Match", "*")], status: 412),
        Attempt(isThere: false, headers: [("If-None-Match", "*")], status: 201),
        Attempt(body: #","expected_version":2"#, status: 200),
        Attempt(body: #","expected_version":1"#, status: 412),
        Attempt(body: #","expected_version":0"#, status: 412),
        Attempt(isThere: false, body: #","expected_version":0"#, status: 201),
        Attempt(isThere: false, body: #","expected_version":1"#, status: 412),
        // What cannot be meant is refused, and never taken for no precondition.
        Attempt(headers: [("If-Match", "")], status: 400),
        Attempt(headers: [("If-Match", ",")], status: 400),
        Attempt(headers: [("If-Match", "2")], status: 400),
        Attempt(headers: [("If-Match", "W/\"2\"")], status: 400),
        Attempt(headers: [("If-Match", "\"2")], status: 400),
        Attempt(headers: [("If-Match", "\"two\"")], status: 400),
        Attempt(headers: [("If-Match", "\"99999999999999999999\"")], status: 400),
        Attempt(headers: [("If-None-Match", "")], status: 400),
        Attempt(headers: [("If-None-Match", "\"2\"")], status: 400),
        Attempt(headers: [("If-Match", "\"2\""), ("If-None-Match", "*")], status: 400),
        Attempt(headers: [("If-Match", "\"2\"")], body: #","expected_version":2"#, status: 400),
        Attempt(body: #","expected_version":"2""#, status: 400),
        Attempt(method: "DELETE", headers: [("If-Match", "\"2\"")], status: 204),
        Attempt(method: "DELETE", headers: [("If-Match", "\"1\"")], status: 412),
        Attempt(method: "DELETE", headers: [("If-Match", "")], status: 400),
        Attempt(method: "DELETE", query: "?expected_version=2", status: 204),
        Attempt(method: "DELETE", query: "?expected_version=1", status: 412),
        Attempt(method: "DELETE", query: "?expected_version=x", status: 400),
        Attempt(method: "DELETE", body: #"{"expected_version":2}"#, status: 204),
        Attempt(method: "DELETE", body: #"{"expected_version":1}"#, status: 412),
        Attempt(
            method: "DELETE",
            query: "?expected_version=2",
            body: #"{"expected_version":2}"#,
            status: 400
        ),
        Attempt(method: "DELETE", isThere: false, headers: [("If-Match", "*")], status: 412),
        Attempt(method: "DELETE", isThere: false, status: 404),
    ]

    @Test func aWriteHappensOnlyUnderItsPrecondition() async throws {
        try await withService { service in
            for (index, attempt) in Self.attempts.enumerated() {
                let name = "n\(index)"
                let label = Comment(rawValue: "\(attempt)")
                let put = SampleIndex.name(name, Self.id)
                let before = attempt.isThere ? [put, put] : []
                let answers = try await service.ask(before + [Self.request(attempt, name)])
                let answer = try #require(answers.last)
                #expect(answer.status == attempt.status, label)
                let current = try service.application.store.name(Name(parsing: name))?.version
                let held: Int64? = attempt.isThere ? 2 : nil
                switch attempt.status {
                case 200, 201: #expect(current == (held ?? 0) + 1, label)
                case 204: #expect(current == nil, label)
                default: #expect(current == held, label)
                }
                if attempt.status == 412 {
                    checkProblem(answer, code: "precondition_failed", label)
                    let told = answer.number("current_version").map { Int64($0) }
                    #expect(told == held, label)
                }
            }
        }
    }

    private static func request(_ attempt: Attempt, _ name: String) -> WireRequest {
        let target = "/admin/names/\(name)\(attempt.query)"
        let put = #"{"manifest_cid":"\#(id)"\#(attempt.body)}"#
        let json = attempt.method == "PUT" ? put : attempt.body.isEmpty ? nil : attempt.body
        return .admin(attempt.method, target, json: json, headers: attempt.headers)
    }

    @Test func ofManyWritersWithTheSameExpectedVersionOneWins() async throws {
        try await withService { service in
            let port = service.port
            for version in 0..<8 {
                let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                    for writer in 0..<8 {
                        // Half of them say it in the header, as far as a header can.
                        let usesHeader = writer.isMultiple(of: 2)
                        let request =
                            usesHeader
                            ? Self.matching(version)
                            : SampleIndex.name(
                                "n",
                                Self.id,
                                more: ",\"expected_version\":\(version)"
                            )
                        group.addTask {
                            try await onOwnThread {
                                let connection = try RawConnection(port: port)
                                try connection.send(request)
                                return try connection.response().status
                            }
                        }
                    }
                    return try await group.reduce(into: [Int]()) { $0.append($1) }
                }
                let won = statuses.count { $0 == (version == 0 ? 201 : 200) }
                #expect(won == 1, "version \(version): \(statuses)")
                let lost = statuses.count { $0 == 412 }
                #expect(lost == 7, "version \(version): \(statuses)")
            }
            #expect(try service.application.store.name(Name(parsing: "n"))?.version == 8)
        }
    }

    private static func matching(_ version: Int) -> WireRequest {
        let request = SampleIndex.name("n", id)
        return version == 0
            ? request.with("If-None-Match", "*") : request.with("If-Match", "\"\(version)\"")
    }
}
