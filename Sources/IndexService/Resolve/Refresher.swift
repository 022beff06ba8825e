internal import Cache
internal import Logging
internal import ServiceLifecycle
internal import Synchronization

/// Looks keys up again in the background: those asked for, and pinned ones that are about to end.
///
/// One at a time, so that it never competes with callers for more than one thread of the store.
final class Refresher: Service {
    /// Keys that may wait; beyond that nothing more is taken on.
    static let maximumWaiting = 10_000

    private struct State {
        var waiting: [ResolveKey] = []
        /// When pinned keys are due again.
        var dueAt: [ResolveKey: MonotonicInstant] = [:]
    }

    private let resolver: Resolver
    private let pins: PinnedKeys
    private let logger: Logger
    private let state = Mutex(State())

    init(resolver: Resolver, pins: PinnedKeys, logger: Logger) {
        self.resolver = resolver
        self.pins = pins
        self.logger = logger
    }

    /// Takes on `keys` for a refresh soon; false, and none taken, when too many are waiting
    /// already.
    func enqueue(_ keys: [ResolveKey]) -> Bool {
        state.withLock { state in
            guard state.waiting.count + keys.count <= Self.maximumWaiting else { return false }
            state.waiting += keys
            return true
        }
    }

    /// Runs until the service group shuts down.
    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                for key in self.takeDue(at: .now()) { await self.refresh(key) }
                try await Task.sleep(for: .milliseconds(200))
            }
        }
    }

    private func takeDue(at now: MonotonicInstant) -> [ResolveKey] {
        let pinned = pins.all
        return state.withLock { state in
            let asked = state.waiting
            state.waiting = []
            state.dueAt = state.dueAt.filter { pinned.contains($0.key) }
            let due = pinned.filter { key in state.dueAt[key].map { $0 <= now } ?? true }
            return asked + due.subtracting(asked)
        }
    }

    private func refresh(_ key: ResolveKey) async {
        guard !Task.isCancelled else { return }
        do {
            let resolved = try await resolver.resolve(AnswerQuery(.resolution, key))
            scheduleNext(key, after: resolved.outcome)
        } catch {
            logger.warning(
                "a refresh failed",
                metadata: ["key": "\(KeyHint(key.description))", "error": "\(error)"]
            )
            // A key that fails is tried again after a pause, not at every turn.
            postpone(key, to: .now().advanced(bySeconds: 5))
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
        state.withLock { $0.dueAt[key] = instant }
    }
}
