internal import Cache
internal import ServiceLifecycle

/// Measures one check of readiness again and again, in a task of its own: a check that hangs fails
/// alone.
struct CheckMonitor: Service {
    /// Well within the two seconds in which a fall or a return has to show.
    private static let period = Duration.milliseconds(250)

    let check: Readiness.Check
    let readiness: Readiness
    /// One sentence on what is wrong; nil when the check holds.
    let obstacle: @Sendable () async -> String?

    /// Runs until the service group shuts down.
    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                let obstacle = await self.obstacle()
                // What is cut off by the end says nothing.
                try Task.checkCancellation()
                let status = obstacle.map(Readiness.Status.failing) ?? .ok
                self.readiness.measured(self.check, status, at: .now())
                try await Task.sleep(for: Self.period)
            }
        }
    }
}
