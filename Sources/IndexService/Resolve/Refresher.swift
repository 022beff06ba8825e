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
    /// Of failures of pinned keys within it only the first is a warning, in seconds.
    private static let quietTime = 60

    private let resolver: Resolver
    private let pins: PinnedKeys
    private let queue: RefreshQueue
    private let logger: Logger
    /// When pinned keys are due again.
    private let dueAt = Mutex<[ResolveKey: MonotonicInstant]>([:])
    /// When pinned keys that fail are worth a warning again, and how many failed since the last.
    private let warnings = Mutex((from: MonotonicInstant.now(), unsaid: 0))

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
            report(error, of: query)
            // A key that fails is tried again after a pause, not at every turn.
            let pause = Self.pauseAfterFailure
            resolver.refreshFailed(query, until: .now().advanced(bySeconds: pause))
            postpone(query, to: .now().advanced(bySeconds: pause))
        }
    }

    /// Of a DHT that fails readiness tells; operators care for their pinned keys, of which an
    /// outage must not fill the log.
    private func report(_ error: ResolveError, of query: AnswerQuery) {
        let now = MonotonicInstant.now()
        let unsaid: Int? = warnings.withLock { warnings in
            guard resolver.isPinned(query) else { return nil }
            guard now >= warnings.from else {
                warnings.unsaid += 1
                return nil
            }
            defer { warnings = (now.advanced(bySeconds: Self.quietTime), 0) }
            return warnings.unsaid
        }
        var metadata: Logger.Metadata = [
            "key": "\(KeyHint(query.key.description))", "error": "\(error)",
        ]
        if let unsaid { metadata["more_since_last"] = "\(unsaid)" }
        logger.log(
            level: unsaid == nil ? .debug : .warning,
            "a refresh failed",
            metadata: metadata
        )
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
