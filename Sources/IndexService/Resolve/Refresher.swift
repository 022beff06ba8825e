internal import Cache
internal import Logging
internal import ServiceLifecycle
internal import Synchronization

/// Looks questions up again in the background: those asked for, and pinned keys that are about to
/// end.
///
/// A few at once and no more, so that it never competes with callers for the store or the DHT.
final class Refresher: Service {
    /// Refreshes at once: the budget of upstream work that nobody waits for.
    private static let concurrency = 8
    /// How often it looks which pinned keys are due.
    private static let period = Duration.milliseconds(200)
    /// The pause of a pinned key whose lookup failed, in seconds.
    private static let pauseAfterFailure = 5

    private let resolver: Resolver
    private let pins: PinnedKeys
    private let queue: RefreshQueue
    private let logger: Logger
    /// When pinned keys are due again.
    private let dueAt = Mutex<[ResolveKey: MonotonicInstant]>([:])

    init(resolver: Resolver, pins: PinnedKeys, queue: RefreshQueue, logger: Logger) {
        self.resolver = resolver
        self.pins = pins
        self.queue = queue
        self.logger = logger
    }

    /// Takes on `keys` for a refresh soon; false, and none taken, when too many are waiting
    /// already.
    func enqueue(_ keys: [ResolveKey]) -> Bool {
        queue.add(keys.map { AnswerQuery(.resolution, $0) })
    }

    /// Runs until the service group shuts down.
    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    while true {
                        try await Task.sleep(for: Self.period)
                        self.queue.wake()
                    }
                }
                group.addTask {
                    for await _ in self.queue.waitForArrivals() { await self.refreshWaiting() }
                }
                try await group.waitForAll()
            }
        }
    }

    private func refreshWaiting() async {
        let asked = queue.takeAll()
        let due = takeDuePins(at: .now()).map { AnswerQuery(.resolution, $0) }
        let queries = asked + Set(due).subtracting(asked)
        await withTaskGroup(of: Void.self) { group in
            for (index, query) in queries.enumerated() {
                if index >= Self.concurrency { await group.next() }
                group.addTask { await self.refresh(query) }
            }
        }
    }

    private func takeDuePins(at now: MonotonicInstant) -> Set<ResolveKey> {
        let pinned = pins.all
        return dueAt.withLock { dueAt in
            dueAt = dueAt.filter { pinned.contains($0.key) }
            return pinned.filter { key in dueAt[key].map { $0 <= now } ?? true }
        }
    }

    private func refresh(_ query: AnswerQuery) async {
        guard !Task.isCancelled else { return }
        do {
            let resolved = try await resolver.resolve(query, for: .refresh)
            scheduleNext(query.key, after: resolved.outcome)
        } catch {
            logger.warning(
                "a refresh failed",
                metadata: ["key": "\(KeyHint(query.key.description))", "error": "\(error)"]
            )
            // A key that fails is tried again after a pause, not at every turn.
            let pause = Self.pauseAfterFailure
            resolver.refreshFailed(query, until: .now().advanced(bySeconds: pause))
            postpone(query.key, to: .now().advanced(bySeconds: pause))
        }
    }

    /// In the last tenth of the answer's life, so that a pinned key is never seen missing.
    private func scheduleNext(_ key: ResolveKey, after outcome: Outcome) {
        let now = MonotonicInstant.now()
        let life = outcome.freshUntil.nanoseconds(since: now)
        postpone(key, to: now.advanced(by: life / 10 * 9))
    }

    private func postpone(_ key: ResolveKey, to instant: MonotonicInstant) {
        guard pins.contains(key) else { return }
        dueAt.withLock { $0[key] = instant }
    }
}
