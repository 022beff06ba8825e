package import Logging
internal import Synchronization

/// The least important level that the log still takes: one for all loggers, changed by a reload.
package final class LogThreshold: Sendable {
    /// Kept, because making the list anew would allocate on every hit.
    private static let levels = Logger.Level.allCases
    private let rank: Atomic<Int>

    package init(_ level: Logger.Level) {
        rank = Atomic(Self.rank(of: level))
    }

    package var level: Logger.Level {
        get { Self.levels[rank.load(ordering: .relaxed)] }
        set { rank.store(Self.rank(of: newValue), ordering: .relaxed) }
    }

    private static func rank(of level: Logger.Level) -> Int {
        levels.firstIndex(of: level) ?? 0
    }
}
