import Cache
import Synchronization

@testable import IndexService

/// Lets other tasks run until something holds; the test's time limit ends it otherwise.
func becomesTrue(_ condition: () throws -> Bool) async rethrows {
    while try !condition(), !Task.isCancelled { await Task.yield() }
}

/// A count that many tasks change.
final class SharedCount: Sendable {
    private let count = Atomic<Int>(0)

    /// Adds and returns the sum.
    func add(_ number: Int) -> Int {
        count.add(number, ordering: .relaxed).newValue
    }
}

extension MonotonicInstant {
    /// An instant in milliseconds since the origin.
    static func milliseconds(_ count: Int) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: UInt64(count) * 1_000_000)
    }

    /// Later than anything a test does.
    static let distantFuture = MonotonicInstant(nanoseconds: .max)
}
