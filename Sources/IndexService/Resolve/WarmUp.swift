internal import Cache
internal import Logging
internal import ServiceLifecycle

/// Has the keys that an operator named looked up at the start, so that RAM has them for their first
/// callers.
struct WarmUp: Service {
    /// The most keys that can be named.
    static let maximumCount = 1000
    /// How long it waits until the DHT can be asked; what the index has is looked up even then.
    private static let patience = 30
    private static let period = Duration.milliseconds(250)

    let keys: [ResolveKey]
    let refresher: Refresher
    let readiness: Readiness
    let logger: Logger

    /// Hands the keys on, then waits until the service group shuts down.
    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            let end = MonotonicInstant.now().advanced(bySeconds: Self.patience)
            // A lookup before the DHT has nodes would fail, and keep callers from asking it.
            while !self.readiness.isSatisfied(.dhtClientReady), .now() < end {
                try await Task.sleep(for: Self.period)
            }
            let count = self.keys.count
            if self.refresher.enqueue(self.keys) {
                self.logger.info("warming the cache up", metadata: ["keys": "\(count)"])
            } else {
                self.logger.warning("the cache is not warmed up: too much is waiting")
            }
        }
        try? await gracefulShutdown()
    }
}
