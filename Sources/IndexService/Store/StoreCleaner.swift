internal import Logging
internal import ServiceLifecycle

/// Drops expired providers once a minute, behind all other writes.
struct StoreCleaner: Service {
    let store: IndexStore
    let logger: Logger
    var period = Duration.seconds(60)

    /// Runs until the service group shuts down.
    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                try await Task.sleep(for: self.period)
                await self.cleanUp()
            }
        }
    }

    private func cleanUp() async {
        do {
            // Bounded transactions, so that no writer waits long, until a turn finds less to do.
            while try await drop() == IndexStore.expiredProvidersPerCall, !Task.isCancelled {}
        } catch {
            if Task.isCancelled { return }
            logger.warning("expired providers were not dropped", metadata: ["error": "\(error)"])
        }
    }

    /// How many; whoever stops does not wait for a disk that hangs.
    private func drop() async throws(StoreError) -> Int {
        try await store.writing(leavingWhenCancelled: true) {
            try $0.removeExpiredProviders(at: .now())
        }
    }
}
