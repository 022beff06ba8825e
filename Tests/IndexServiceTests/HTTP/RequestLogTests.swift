import Logging
import Testing

@testable import IndexService

/// The one log line of each request: what it tells, and what it must not.
@Suite struct RequestLogTests {
    private static let secret = "do-not-log-this"

    private static let requests:
        [(request: WireRequest, level: Logger.Level, expected: [String: String])] = [
            (
                WireRequest("GET", "/resolve/libc6?limit=2&x=\(secret)"), .debug,
                [
                    "method": "GET", "route": "resolve", "status": "200", "key": "libc6",
                    "cache": "index",
                ]
            ),
            (
                WireRequest("GET", "/resolve/libc6?limit=2&x=\(secret)"), .debug,
                ["route": "resolve", "status": "200", "key": "libc6", "cache": "ram"]
            ),
            (
                WireRequest("HEAD", "/providers/\(SampleIndex.manifestID)"), .debug,
                ["method": "HEAD", "route": "providers", "status": "200", "bytes": "0"]
            ),
            (
                WireRequest("GET", "/resolve/unknown"), .info,
                ["status": "404", "code": "not_found", "key": "unknown"]
            ),
            (
                WireRequest("GET", "/resolve/\(SampleIndex.longestName)x"), .info,
                [
                    "status": "400", "code": "bad_request",
                    "key": String(repeating: "a", count: 48) + "…",
                ]
            ),
            (
                WireRequest("PUT", "/admin/names/n").with("Authorization", "Bearer \(secret)"),
                .info,
                ["route": "admin", "status": "401", "code": "unauthorized"]
            ),
            (
                .admin("PUT", "/admin/names/n", json: #"{"\#(secret)":1}"#), .info,
                ["method": "PUT", "status": "400", "key": "n"]
            ),
            (
                SampleIndex.name("n", SampleIndex.manifestID), .debug,
                ["method": "PUT", "route": "admin", "status": "201", "key": "n"]
            ),
            (
                WireRequest("GET", "/\(secret)?\(secret)"), .info,
                ["route": "other", "status": "404"]
            ),
            (
                WireRequest("GET", "/resolve/\(SampleIndex.keyName)"), .warning,
                ["status": "503", "code": "upstream_unready"]
            ),
            (
                WireRequest("GET", "/version").with("Cookie", secret).with("X-Other", secret),
                .debug,
                ["route": "ops", "status": "200"]
            ),
        ]

    @Test func eachRequestHasOneLineWithItsCorrelationID() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            for (index, (request, level, expected)) in Self.requests.enumerated() {
                let id = "log-\(index)"
                _ = try await service.ask(request.with("X-Corr-ID", id))
                let records = service.log.records.filter {
                    $0.metadata["corr_id"] == id && $0.message == "request"
                }
                try #require(records.count == 1, "\(request.target)")
                #expect(records[0].level == level, "\(request.target)")
                for (name, value) in expected {
                    #expect(records[0].metadata[name] == value, "\(request.target) \(name)")
                }
                let duration = records[0].metadata["duration_us"].flatMap { UInt($0) }
                #expect(duration != nil)
            }
            checkNothingSecret(in: service.log)
        }
    }

    @Test func malformedRequestsHaveTheirLineToo() async throws {
        try await withService { service in
            let answer = try await service.send(Array("BREW /\(Self.secret)\r\n\r\n".utf8))
            let id = try #require(answer["X-Corr-ID"])
            let record = try #require(service.log.records.first { $0.metadata["corr_id"] == id })
            #expect(record.metadata["status"] == "400")
            #expect(record.level == .info)
            checkNothingSecret(in: service.log)
        }
    }

    @Test func requestsAreNotLoggedWhereTheyAreNotWanted() async throws {
        try await withService { settings in
            settings.log.requests = false
        } _: { service in
            _ = try await service.ask(WireRequest("GET", "/resolve/unknown"))
            _ = try await service.ask(WireRequest("GET", "/version"))
            #expect(service.log.requests.isEmpty)
        }
    }

    private func checkNothingSecret(in log: RecordedLog) {
        for record in log.records {
            for secret in [Self.secret, RunningService.token, "Bearer"] {
                #expect(!record.text.contains(secret), "\(record.text)")
            }
        }
    }
}
