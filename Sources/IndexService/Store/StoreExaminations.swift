internal import Logging
internal import ServiceLifecycle

/// Examines the store for as long as it counts as damaged: what a disk failed to read may be there
/// again, and only a look at all of the file shows it.
struct StoreExaminations: Service {
    /// From one look to the next: within the two seconds in which a return has to show.
    private static let pause = Duration.milliseconds(500)
    /// The pause is at least so many times as long as the examination before it.
    private static let pauseFactor = 10
    /// The longest that one may take.
    ///
    /// A store that takes longer counts as damaged until the restart.
    private static let patience = Duration.seconds(30)

    let store: IndexStore
    let logger: Logger

    /// Runs until the service group shuts down.
    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                let beganAt = ContinuousClock.now
                let isSound = await self.store.examine(within: Self.patience)
                let elapsed = ContinuousClock.now - beganAt
                if isSound == true {
                    self.logger.notice("the index store was reported damaged and proved sound")
                }
                try await Task.sleep(for: max(Self.pause, elapsed * Self.pauseFactor))
            }
        }
    }
}
