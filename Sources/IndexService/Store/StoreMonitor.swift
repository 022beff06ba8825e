internal import Cache
internal import Logging
internal import ServiceLifecycle

/// Measures the store for `/readyz` twice a second, and tells the bus when readiness changes.
struct StoreMonitor: Service {
    private static let period = Duration.milliseconds(500)
    /// The longest that a look at the store may take: with the period, within two seconds.
    private static let patience = Duration.seconds(1)

    let store: IndexStore
    /// As those make them who answer questions.
    let reads: IndexReads
    let bus: EventBus
    let readiness: Readiness
    let logger: Logger

    /// Runs until the service group shuts down.
    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            var lastStatus = Readiness.Status.ok
            var wasReady = false
            while !Task.isCancelled {
                guard let status = await self.measure() else { break }
                self.readiness.measured(.databaseOpen, status, at: .now())
                let isReady = self.readiness.report(at: .now()).isReady
                if isReady != wasReady { self.bus.publish(.readinessChanged(isReady: isReady)) }
                wasReady = isReady
                if status != lastStatus { self.logChange(to: status) }
                lastStatus = status
                try await Task.sleep(for: Self.period)
            }
        }
    }

    /// What a look at the store finds; nil when there was none, because the service ends.
    func measure() async -> Readiness.Status? {
        do {
            // However many callers wait: it is their number that is large then, not the failure.
            let failure = try await store.reading(within: Self.patience, ahead: true) {
                $0.probe(at: .now())
            }
            if let failure { return .failing(failure.publicDetail) }
            return await reads.obstacle().map { .failing($0) } ?? .ok
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
}
