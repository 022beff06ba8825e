import Dispatch
import Logging
import Synchronization

@testable import IndexService

/// What a service reads its settings from, changed by tests as an operator would change a file.
final class ChangingSettings: Sendable {
    private let state: Mutex<(effective: EffectiveSettings, problems: [SettingsProblem])>
    private let stalled = Mutex<DispatchSemaphore?>(nil)
    let threshold = LogThreshold(.debug)

    init(_ settings: Settings) {
        var effective = EffectiveSettings(
            defaultsFor: .micronode,
            filePath: nil,
            schema: .current
        )
        effective.settings = settings
        state = Mutex((effective, []))
    }

    func change(_ change: (inout Settings) -> Void) {
        state.withLock { change(&$0.effective.settings) }
    }

    /// From now on these are wrong with the settings; none makes them right again.
    func spoil(with problems: [SettingsProblem]) {
        state.withLock { $0.problems = problems }
    }

    /// From now on reading the settings hangs, as on a disk that does not answer, until the result
    /// is called.
    func stall() -> @Sendable () -> Void {
        let go = DispatchSemaphore(value: 0)
        stalled.withLock { $0 = go }
        return {
            self.stalled.withLock { $0 = nil }
            go.signal()
        }
    }

    func makeFeed() -> SettingsFeed {
        let effective = state.withLock { $0.effective }
        return SettingsFeed(effective, threshold: threshold) { () throws(SettingsErrors) in
            self.stalled.withLock { $0 }?.wait()
            let (effective, problems) = self.state.withLock { $0 }
            guard problems.isEmpty else { throw SettingsErrors(problems: problems) }
            return effective
        }
    }
}
