import Foundation
import Logging
import Testing

@testable import IndexService

/// The spill in a running service, as callers and operators see it.
@Suite struct SpillServiceTests {
    private let directory: TemporaryDirectory
    private var path: String { directory.path + "/spill" }

    init() throws { directory = try TemporaryDirectory() }

    @Test func anEvictedAnswerComesBackTheSame() async throws {
        try await withSpill(in: path) { service in
            let first = try await service.evict("/resolve/libc6")
            #expect(first["Cache-Status"] == SpillFixtures.index)
            let second = try await service.get("/resolve/libc6")
            #expect(second["Cache-Status"] == SpillFixtures.spill)
            #expect(second["ETag"] == first["ETag"])
            #expect(second.body == first.body)
            #expect(second["Content-Type"] == "application/json")
            let third = try await service.get("/resolve/libc6")
            #expect(third["Cache-Status"] == SpillFixtures.ram)
            #expect(third["ETag"] == first["ETag"])
            #expect(try service.metric("index_spill_hits_total") == 1)
            #expect(try service.metric("index_spill_misses_total") >= 7)
            try await service.evict("/resolve/libc6")
            let tag = try #require(first["ETag"])
            let known = WireRequest("GET", "/resolve/libc6", headers: [("If-None-Match", tag)])
            let unchanged = try await service.ask(known)
            #expect(unchanged.status == 304)
            #expect(unchanged["Cache-Status"] == SpillFixtures.spill)
        }
    }

    @Test func freshSkipsTheSpillAndEndsWhatIsThere() async throws {
        try await withSpill(in: path) { service in
            try await service.evict("/resolve/libc6")
            let fresh = try await service.get("/resolve/libc6?fresh=true")
            #expect(fresh["Cache-Status"] == "svc-index; fwd=request; detail=index")
            #expect(try service.metric("index_spill_hits_total") == 0)
        }
    }

    @Test func anAdminWriteEndsSpilledAnswersBeforeItIsAcknowledged() async throws {
        let (id, other) = (SampleIndex.manifestID, SampleIndex.providedID)
        let writes: [(WireRequest, field: String, value: String)] = [
            (SampleIndex.provider("p9", of: id, region: nil), "providers_total", "8"),
            (SampleIndex.name("libc6", other), "manifest_cid", other),
            (.admin("DELETE", "/admin/names/libc6"), "code", "not_found"),
        ]
        try await withSpill(in: path) { service in
            for (write, field, value) in writes {
                try await service.evict("/resolve/libc6")
                #expect((200...204).contains(try await service.ask(write).status))
                let answer = try await service.get("/resolve/libc6")
                #expect(answer["Cache-Status"] == SpillFixtures.index)
                #expect(answer.fields[field] == value)
            }
        }
    }

    @Test func purgeReachesTheSpill() async throws {
        try await withSpill(in: path) { service in
            try await service.evict("/resolve/libc6")
            #expect(try await service.ask(SampleIndex.purge(["libc6"])).status == 200)
            let answer = try await service.get("/resolve/libc6")
            #expect(answer["Cache-Status"] == SpillFixtures.index)
        }
    }

    /// While the service is down the index may be changed by anyone.
    @Test func aRestartStartsEmpty() async throws {
        let database = directory.path + "/index"
        for isSecond in [false, true] {
            try await withService { settings in
                settings.amnesia.enabled = false
                settings.database.path = database
                settings.spill.enabled = true
                settings.cache.entries = 4
                settings.cache.shards = 1
            } _: { service in
                if !isSecond {
                    try await SampleIndex.fill(service)
                    let crowd = SpillFixtures.crowd
                    _ = try await service.ask(
                        crowd.map { SampleIndex.name($0, SampleIndex.manifestID) }
                    )
                }
                let answer = try await service.evict("/resolve/libc6")
                #expect(answer["Cache-Status"] == SpillFixtures.index)
                let again = try await service.get("/resolve/libc6")
                #expect(again["Cache-Status"] == SpillFixtures.spill)
            }
            let files = try FileManager.default.contentsOfDirectory(atPath: database + "/spill")
            #expect(files.contains("spill.sqlite"))
            let log = database + "/spill/spill.sqlite-wal"
            let size = try? FileManager.default.attributesOfItem(atPath: log)[.size] as? Int
            #expect((size ?? 0) == 0, "closed and folded")
        }
        let attributes = try FileManager.default.attributesOfItem(atPath: database + "/spill")
        #expect(attributes[.posixPermissions] as? Int == 0o700)
    }

    @Test func withoutItsDirectoryAnswersGoOnAndTheBreakerOpens() async throws {
        let (path, log) = (path, RecordedLog())
        try await withSpill(in: path, log: log) { service in
            let first = try await service.evict("/resolve/libc6")
            try FileManager.default.removeItem(atPath: path)
            // In its place stands a file, so that not even root can use it.
            try Data().write(to: URL(fileURLWithPath: path))
            try await service.wait(for: "/readyz") { answer in
                log.records.contains { $0.message.hasPrefix("the spill is failing") }
                    && answer.status == 200
            }
            for number in 0..<25 {
                #expect(try await service.get("/resolve/unknown-\(number)").status == 404)
            }
            let again = try await service.get("/resolve/libc6")
            #expect(again["ETag"] == first["ETag"])
            let ready = try await service.get("/readyz")
            #expect(ready.status == 200)
            // Half open as soon as its pause has passed.
            #expect(["open", "half_open"].contains(ready.fields["upstreams.spill"]))
            let closed = try service.metric("circuit_breaker_state", "upstream=spill,state=closed")
            #expect(closed == 0)
            #expect(try service.metric("index_spill_failures_total") > 0)

            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.createDirectory(
                atPath: path,
                withIntermediateDirectories: true
            )
            try await service.wait(for: "/readyz") { _ in
                log.records.contains { $0.message == "the spill works again" }
            }
            // Questions that RAM cannot answer are what tries the spill again.
            try await service.wait(for: "/resolve/unknown") { _ in
                try await service.evict("/resolve/unheld")
                return try await service.get("/resolve/unheld")["Cache-Status"]
                    == SpillFixtures.spill
            }
            #expect(try await service.get("/readyz").fields["upstreams.spill"] == "closed")
            let warnings = log.records.filter { $0.level == .warning }
            #expect(warnings.filter { $0.message.contains("spill") }.count == 1)
        }
    }

    @Test func aDamagedFileNeverMakesAWrongAnswer() async throws {
        let path = path
        try await withSpill(in: path) { service in
            var tags: [String: String] = [:]
            for limit in 0..<30 {
                let target = "/resolve/libc6?limit=\(limit)"
                tags[target] = try await service.evict(target)["ETag"]
            }
            await service.application.spill?.flush()
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: path + "/spill.sqlite"))
            let log = try? FileHandle(
                forUpdating: URL(fileURLWithPath: path + "/spill.sqlite-wal")
            )
            for handle in [file, log].compactMap(\.self) {
                let size = try handle.seekToEnd()
                for place in stride(from: UInt64(100), to: size, by: 97) {
                    try handle.seek(toOffset: place)
                    try handle.write(contentsOf: Data([0x5A]))
                }
                try handle.close()
            }
            for round in 0..<2 {
                for (target, tag) in tags {
                    let answer = try await service.get(target)
                    #expect(answer.status == 200, "round \(round)")
                    #expect(answer["ETag"] == tag, "round \(round)")
                    #expect(ContentID(of: answer.body).description == tag.dropFirst().dropLast())
                }
            }
            #expect(try await service.get("/readyz").status == 200)
        }
    }

    @Test func inAmnesiaThereIsNoSpill() async throws {
        let path = path
        try await withSpill(in: path) { settings in
            settings.amnesia.enabled = true
        } _: { service in
            try await service.evict("/resolve/libc6")
            let answer = try await service.get("/resolve/libc6")
            #expect(answer["Cache-Status"] == SpillFixtures.index)
            try await service.wait(for: "/readyz") { $0.status == 200 }
            let ready = try await service.get("/readyz")
            #expect(ready.fields["upstreams.spill"] == "disabled")
            #expect(ready.fields["upstreams.dht"] == "disabled")
            #expect(ready.fields["upstreams.index"] == "closed")
            let closed = "upstream=spill,state=closed"
            #expect(try service.exposition().value("circuit_breaker_state", closed) == nil)
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }
}
