internal import Logging
internal import ServiceLifecycle
internal import Spill

/// Looks after the spill twice a second: whether its files are still there, and whether it works,
/// which the log tells once for each change.
struct SpillMonitor: Service {
    private static let period = Duration.milliseconds(500)

    let spill: AnswerSpill
    let logger: Logger

    /// Runs until the service group shuts down.
    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            var wasHealthy = true
            var wasShort = false
            while !Task.isCancelled {
                self.spill.checkFiles()
                let status = self.spill.status
                if status.isHealthy != wasHealthy {
                    self.logChange(to: status.isHealthy, status.lastError)
                }
                wasHealthy = status.isHealthy
                if status.isShortOfRoom != wasShort { self.logRoom(isShort: status.isShortOfRoom) }
                wasShort = status.isShortOfRoom
                try await Task.sleep(for: Self.period)
            }
        }
    }

    private func logRoom(isShort: Bool) {
        if isShort {
            logger.warning("the spill's disk is nearly full; it was emptied and keeps nothing")
        } else {
            logger.notice("the spill keeps answers again")
        }
    }

    private func logChange(to isHealthy: Bool, _ reason: String?) {
        if isHealthy {
            logger.notice("the spill works again")
        } else {
            logger.warning(
                "the spill is failing; answers go on without it",
                metadata: ["reason": "\(reason ?? "unknown")"]
            )
        }
    }
}
