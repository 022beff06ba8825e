import Logging
import Testing

@testable import IndexService

/// Pinned keys in the background, while the DHT cannot be asked.
@Suite(.timeLimit(.minutes(1))) struct RefresherTests {
    @Test func anOutageIsOneWarningForAllPinnedKeys() async throws {
        let keys = try (1...20 as ClosedRange<UInt64>).map { number in
            ResolveKey.name(try Name(parsing: "\(try makeKeyName(seed: number))"))
        }
        let (pins, queue, log) = (PinnedKeys(), RefreshQueue(), RecordedLog())
        pins.insert(keys)
        try await withStore { store in
            let refresher = Refresher(
                resolver: makeResolver(store, pins: pins),
                pins: pins,
                queue: queue,
                logger: log.makeLogger()
            )
            let running = Task { try await refresher.run() }
            await becomesTrue { log.records.count >= keys.count }
            running.cancel()
            _ = await running.result
        }
        #expect(log.records.filter { $0.level >= .warning }.count == 1)
    }
}
