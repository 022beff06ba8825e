import Testing

@testable import IndexService

/// Starts a service with room for three answers in RAM, and a spill, runs `body`, and stops it.
///
/// - Parameter directory: where the spill is.
func withSpill(
    in directory: String,
    settings configure: (inout Settings) -> Void = { _ in },
    log: RecordedLog = RecordedLog(),
    _ body: @Sendable (RunningService) async throws -> Void
) async throws {
    try await withService(
        settings: { settings in
            settings.amnesia.enabled = false
            settings.spill.enabled = true
            settings.spill.path = directory
            settings.cache.entries = 4
            settings.cache.shards = 1
            configure(&settings)
        },
        log: log
    ) { service in
        try await SampleIndex.fill(service)
        let crowd = SpillFixtures.crowd.map { SampleIndex.name($0, SampleIndex.manifestID) }
        _ = try await service.ask(crowd)
        try await body(service)
    }
}

enum SpillFixtures {
    /// Names whose answers drive all others out of RAM.
    static let crowd = (0..<6).map { "crowd-\($0)" }
    static let index = "svc-index; fwd=miss; detail=index"
    static let spill = "svc-index; hit; detail=spill"
    static let ram = "svc-index; hit; detail=ram"
}

extension RunningService {
    /// Asks for `target` and then for enough else to drive the answer out of RAM.
    @discardableResult
    func evict(_ target: String) async throws -> WireResponse {
        let answer = try await ask(WireRequest("GET", target))
        _ = try await ask(SpillFixtures.crowd.map { WireRequest("GET", "/resolve/\($0)") })
        return answer
    }

    func get(_ target: String) async throws -> WireResponse {
        try await ask(WireRequest("GET", target))
    }

    /// Asks again until the answer is as wanted; fails after twenty seconds.
    func wait(
        for target: String,
        sourceLocation: SourceLocation = #_sourceLocation,
        until isWanted: (WireResponse) async throws -> Bool
    ) async throws {
        let end = ContinuousClock.now + .seconds(20)
        var last = try await get(target)
        while try await !isWanted(last) {
            guard ContinuousClock.now < end else {
                let label = Comment(rawValue: "\(last.head)\n\(last.text)")
                Issue.record(label, sourceLocation: sourceLocation)
                return
            }
            last = try await get(target)
        }
    }
}
