import Synchronization
import Testing

@testable import IndexService

/// Once a write is acknowledged, no answer from before it is served again.
@Suite struct InvalidationTests {
    private static let id = SampleIndex.manifestID
    private static let other = SampleIndex.providedID

    /// Every question whose answer mentions the name `libc6` or the content id it points at.
    private static let questions = [
        "/resolve/libc6", "/resolve/libc6?limit=32", "/resolve/libc6?region=eu-west-1",
        "/resolve/\(id)", "/providers/\(id)", "/providers/\(id)?limit=32",
        "/providers/\(id)?min_freshness=1000",
    ]

    @Test func everyWriteEndsTheAnswersItTouches() async throws {
        let bytes = Array("not held yet".utf8)
        let late = ContentID(of: bytes).description
        let writes: [(request: WireRequest, question: String, field: String, value: String?)] = [
            (SampleIndex.name("libc6", Self.other), "/resolve/libc6", "manifest_cid", Self.other),
            (SampleIndex.name("libc6", Self.id), "/resolve/libc6?limit=1", "providers_total", "7"),
            (.admin("DELETE", "/admin/names/libc6"), "/resolve/libc6", "code", "not_found"),
            (
                SampleIndex.name("libc6", Self.id, more: #","ttl_s":7"#), "/resolve/libc6", "ttl_s",
                "7"
            ),
            (
                SampleIndex.provider("p9", of: Self.id, region: nil), "/resolve/libc6",
                "providers_total", "8"
            ),
            (
                .admin("DELETE", "/admin/providers/\(Self.id)?id=p9"), "/providers/\(Self.id)",
                "providers_total", "7"
            ),
            (
                SampleIndex.provider("p8", of: Self.id, region: nil), "/resolve/\(Self.id)",
                "providers_total", "8"
            ),
            (SampleIndex.name("late", late), "/resolve/late", "manifest", "null"),
            (
                SampleIndex.put("/admin/manifests/\(late)", bytes, type: "text/plain"),
                "/resolve/late", "manifest.media_type", "text/plain"
            ),
            (
                SampleIndex.put("/admin/manifests/\(late)", bytes, type: "text/html"),
                "/resolve/\(late)", "manifest.media_type", "text/html"
            ),
        ]
        try await withService { service in
            try await SampleIndex.fill(service)
            for write in writes {
                let question = WireRequest("GET", write.question)
                // Asked twice, so that there is an answer to be ended.
                let warm = (Self.questions + [write.question]).map { WireRequest("GET", $0) }
                let requests = warm + warm + [write.request, question, question]
                let answers = try await service.ask(requests).suffix(3).map(\.self)
                let label = Comment(rawValue: "\(write.request.target): \(answers[1].text)")
                #expect((200...204).contains(answers[0].status), label)
                #expect(answers[1].fields[write.field] == write.value, label)
                #expect(answers[2].fields[write.field] == write.value, label)
            }
        }
    }

    @Test func purgeEndsAnswersAndReindexMakesThemAnew() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            let question = WireRequest("GET", "/resolve/libc6")
            let reindex = WireRequest.admin("POST", "/admin/reindex", json: #"{"keys":["libc6"]}"#)
            let answers = try await service.ask(
                question,
                question,
                SampleIndex.purge(["libc6"]),
                question,
                reindex
            )
            let miss = "svc-index; fwd=miss; detail=index"
            #expect(answers[0]["Cache-Status"] == miss)
            #expect(answers[1]["Cache-Status"] == "svc-index; hit; detail=ram")
            #expect(answers[2].status == 200)
            #expect(answers[3]["Cache-Status"] == miss)
            #expect(answers[4].status == 202)
            #expect(answers[4].number("keys") == 1)
        }
    }

    /// A pin promises an answer in RAM, and nobody may ask for a while.
    @Test func aPinnedKeyIsLookedUpAgainAtOnceAfterAPurge() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            let pin = WireRequest.admin("POST", "/admin/pin", json: #"{"keys":["libc6"]}"#)
            let cache = service.application.resolver.cache
            let query = AnswerQuery(.resolution, .name(try makeName()))
            _ = try await service.ask(pin)
            await becomesTrue { cache.outcome(for: query, at: .now()) != nil }
            let other = AnswerQuery(.resolution, .name(try makeName("unheld")))
            _ = try await service.ask(WireRequest("GET", "/resolve/unheld"))
            _ = try await service.ask(SampleIndex.purge(["libc6", "unheld"]))
            await becomesTrue { cache.outcome(for: query, at: .now()) != nil }
            #expect(cache.outcome(for: other, at: .now()) == nil)
        }
    }

    /// While nothing can be looked up, what is there may be the last good answer.
    @Test(arguments: ["reindex", "pin", "unpin"])
    func onlyAPurgeEndsAnAnswerBeforeThereIsAnother(_ action: String) async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            let questions = ["/resolve/libc6", "/resolve/\(Self.id)", "/providers/\(Self.id)"]
                .map { WireRequest("GET", $0) }
            _ = try await service.ask(questions)
            let keys = #"{"keys":["libc6","\#(Self.id)"]}"#
            try await withBlockedStore(service) { release in
                let act = WireRequest.admin("POST", "/admin/\(action)", json: keys)
                let status = try await service.ask(act).status
                #expect(status == (action == "reindex" ? 202 : 200))
                for answer in try await service.ask(questions) {
                    #expect(answer["Cache-Status"] == "svc-index; hit; detail=ram")
                }
                release()
            }
        }
    }

    /// What a concurrent reader saw that it must not have seen; nil when all was well.
    private static func read(
        _ target: String,
        on port: UInt16,
        acknowledged: Counter,
        number: (WireResponse) -> Int?
    ) throws -> String? {
        let connection = try RawConnection(port: port)
        var reads = 0
        while true {
            let floor = acknowledged.value
            if floor == Counter.end { return nil }
            try connection.send(WireRequest("GET", target))
            let answer = try connection.response()
            guard let found = number(answer), found >= floor else {
                return "\(target), read \(reads): \(floor) was acknowledged, then: \(answer.text)"
            }
            reads += 1
        }
    }

    /// One writer counts a provider's port up; readers of what mentions it never see it go back.
    @Test func concurrentReadersNeverSeeAnOldProviderAfterItsAcknowledgement() async throws {
        let targets = [
            "/resolve/n", "/resolve/n?limit=1", "/providers/\(Self.other)",
            "/resolve/\(Self.other)",
        ]
        try await race(targets: targets, writes: 150) { turn in
            .admin(
                "PUT",
                "/admin/providers/\(Self.other)",
                json: #"{"id":"only","addr":"h:\#(turn)"}"#
            )
        } number: { answer in
            answer.fields["providers.0.addr"].flatMap { Int($0.dropFirst(2)) }
        }
    }

    /// One writer points a name at one content id after the other.
    @Test func concurrentReadersNeverSeeAnOldTargetAfterItsAcknowledgement() async throws {
        let targets = ["/resolve/n", "/resolve/n?limit=1", "/resolve/N?limit=2"]
        try await race(targets: targets, writes: 150) { turn in
            SampleIndex.name("n", "b3:" + Self.hex(turn))
        } number: { answer in
            answer.fields["manifest_cid"].flatMap { Int($0.dropFirst(3), radix: 16) }
        }
    }

    /// The name comes and goes: even turns remove it.
    @Test func concurrentReadersNeverSeeARemovedName() async throws {
        try await race(targets: ["/resolve/n", "/resolve/n?limit=3"], writes: 150) { turn in
            turn.isMultiple(of: 2)
                ? .admin("DELETE", "/admin/names/n") : SampleIndex.name("n", "b3:" + Self.hex(turn))
        } number: { answer in
            // A removed name says nothing of when: it counts as the newest there can be.
            answer.status == 404
                ? .max : answer.fields["manifest_cid"].flatMap { Int($0.dropFirst(3), radix: 16) }
        }
    }

    private static func hex(_ number: Int) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 64 - digits.utf8.count) + digits
    }

    private func race(
        targets: [String],
        writes: Int,
        write: @escaping @Sendable (Int) -> WireRequest,
        number: @escaping @Sendable (WireResponse) -> Int?
    ) async throws {
        try await withService { service in
            let port = service.port
            let acknowledged = Counter()
            let setUp = [
                SampleIndex.name("n", Self.other),
                SampleIndex.provider("only", of: Self.other, region: nil), write(1),
            ]
            _ = try await service.ask(setUp)
            acknowledged.store(1)
            try await withThrowingTaskGroup(of: String?.self) { group in
                for target in targets {
                    group.addTask {
                        try await onOwnThread {
                            try Self.read(
                                target,
                                on: port,
                                acknowledged: acknowledged,
                                number: number
                            )
                        }
                    }
                }
                group.addTask {
                    try await onOwnThread {
                        // Readers stop with the last write, or at the first failure.
                        defer { acknowledged.store(Counter.end) }
                        let connection = try RawConnection(port: port)
                        for turn in 2..<writes {
                            try connection.send(write(turn))
                            let status = try connection.response().status
                            guard (200...204).contains(status) else { return "write: \(status)" }
                            acknowledged.store(turn)
                        }
                        return nil
                    }
                }
                for try await complaint in group {
                    if let complaint { Issue.record(Comment(rawValue: complaint)) }
                }
            }
        }
    }
}

/// The number of the last write that was acknowledged.
private final class Counter: Sendable {
    /// No more writes come.
    static let end = Int.max

    private let number = Atomic<Int>(0)

    var value: Int { number.load(ordering: .sequentiallyConsistent) }

    func store(_ value: Int) {
        number.store(value, ordering: .sequentiallyConsistent)
    }
}
