internal import Logging
internal import ServiceLifecycle

/// Drops expired providers once a minute, behind all other writes.
struct StoreCleaner: Service {
    private static let period = Duration.seconds(60)

    let store: IndexStore
    let logger: Logger

    /// Runs until the service group shuts down.
    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                try await Task.sleep(for: Self.period)
                await self.cleanUp()
            }
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
