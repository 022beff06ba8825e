internal import Cache
internal import Logging
internal import ServiceLifecycle

/// Measures the store and the event bus for `/readyz` twice a second, tells the bus when readiness
/// changes, and drops expired providers once a minute.
struct StoreMonitor: Service {
    private static let period = Duration.milliseconds(500)
    private static let turnsBetweenCleanups = 120

    let store: IndexStore
    /// In front of the reads that answer questions.
    let breaker: CircuitBreaker
    let bus: EventBus
    let readiness: Readiness
    let logger: Logger

    /// Runs until the service group shuts down.
    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            var lastStatus = Readiness.Status.ok
            var wasReady = false
            var turn = 0
            while !Task.isCancelled {
                guard let status = await self.measure() else { break }
                self.readiness.measured(.databaseOpen, status, at: .now())
                self.readiness.measured(
                    .busAttached,
                    self.bus.isAttached() ? .ok : .failing("events do not arrive"),
                    at: .now()
                )
                let isReady = self.readiness.report(at: .now()).isReady
                if isReady != wasReady { self.bus.publish(.readinessChanged(isReady: isReady)) }
                wasReady = isReady
                if status != lastStatus { self.logChange(to: status) }
                lastStatus = status
                turn += 1
                if turn % Self.turnsBetweenCleanups == 0 { await self.cleanUp() }
                try await Task.sleep(for: Self.period)
            }
        }
    }

    /// What a look at the store finds; nil when there was none, because the service ends.
    func measure() async -> Readiness.Status? {
        do {
            if let failure = try await store.reading({ $0.probe(at: .now()) }) {
                return .failing(failure.publicDetail)
            }
            return breaker.phase(at: .now()) == .open
                ? .failing("most reads of the last seconds failed; the next try follows") : .ok
        } catch {
            return Task.isCancelled ? nil : .failing(error.publicDetail)
        }
    }

    private func logChange(to status: Readiness.Status) {
        switch status {
        case .failing(let reason):
            logger.error("the index store is failing", metadata: ["reason": "\(reason)"])
        case .ok, .disabled:
            logger.notice("the index store works again")
        }
    }

    private func cleanUp() async {
        do {
            // Bounded transactions, so that no writer waits long, until a turn finds less to do.
            while try await store.writing({ try $0.removeExpiredProviders(at: .now()) })
                == IndexStore.expiredProvidersPerCall, !Task.isCancelled
            {}
        } catch {
            logger.warning("expired providers were not dropped", metadata: ["error": "\(error)"])
        }
    }
}
