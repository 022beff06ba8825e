internal import Cache
internal import Logging
internal import ServiceLifecycle
internal import Synchronization

/// Looks questions up again in the background: those asked for, and pinned keys that are about to
/// end.
///
/// A few at once and no more (`RefreshQueue.places`), so that it never competes with callers for
/// the store; in the DHT callers' lookups go first (`Discovery.Effort`).
final class Refresher: Service {
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
        resolver.metrics.readRefreshes(queue)
    }

    /// Takes on `keys` for a refresh that begins later than this call; false, and none taken, when
    /// too many are waiting already.
    func enqueue(_ keys: [ResolveKey], andProvidersOf provided: [ResolveKey] = []) -> Bool {
        let queries =
            keys.map { AnswerQuery(.resolution, $0) } + provided.map { AnswerQuery(.providers, $0) }
        return queue.add(queries, again: true)
    }

    /// Runs until the service group shuts down.
    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    while true {
                        self.queue.add(due: self.duePins(at: .now()))
                        try await Task.sleep(for: Self.period)
                    }
                }
                group.addTask { await self.refreshAll() }
                try await group.waitForAll()
            }
        }
    }

    private func refreshAll() async {
        await withDiscardingTaskGroup { group in
            for await _ in queue.arrivals {
                while let query = queue.takeNext() {
                    group.addTask {
                        await self.refresh(query)
                        self.queue.finish(query)
                    }
                }
            }
        }
    }

    private func duePins(at now: MonotonicInstant) -> [AnswerQuery] {
        let pinned = pins.all
        return dueAt.withLock { dueAt in
            dueAt = dueAt.filter { pinned.contains($0.key) }
            return pinned.filter { key in dueAt[key].map { $0 <= now } ?? true }
        }
        .map { AnswerQuery(.resolution, $0) }
    }

    private func refresh(_ query: AnswerQuery) async {
        guard !Task.isCancelled else { return }
        do {
            let resolved = try await resolver.resolve(query, for: .refresh)
            scheduleNext(query, after: resolved.outcome)
        } catch {
            // Of a DHT that fails readiness tells; operators care for each of their pinned keys.
            logger.log(
                level: resolver.isPinned(query) ? .warning : .debug,
                "a refresh failed",
                metadata: ["key": "\(KeyHint(query.key.description))", "error": "\(error)"]
            )
            // A key that fails is tried again after a pause, not at every turn.
            let pause = Self.pauseAfterFailure
            resolver.refreshFailed(query, until: .now().advanced(bySeconds: pause))
            postpone(query, to: .now().advanced(bySeconds: pause))
        }
    }

    /// In the last tenth of the answer's life, so that a pinned key is never seen missing.
    private func scheduleNext(_ query: AnswerQuery, after outcome: Outcome) {
        let now = MonotonicInstant.now()
        let life = outcome.freshUntil.nanoseconds(since: now)
        postpone(query, to: now.advanced(by: life / 10 * 9))
    }

    /// Of a pinned key only the plain question is kept fresh: its variants have lives of their own.
    private func postpone(_ query: AnswerQuery, to instant: MonotonicInstant) {
        guard resolver.isPinned(query) else { return }
        dueAt.withLock { $0[query.key] = instant }
    }
}
