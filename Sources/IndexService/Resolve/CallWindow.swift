internal import Cache

/// How many calls there were lately and how many of them failed, in ten steps of a window.
///
/// Memory is constant; a call is forgotten between nine and ten tenths of the window later.
struct CallWindow: Sendable {
    private static let steps: UInt64 = 10

    private struct Step: Sendable {
        var calls = 0
        var failures = 0
    }

    private let stepLength: UInt64
    private var ring = [Step](repeating: Step(), count: Int(CallWindow.steps))
    /// The number of the step that was counted in last.
    private var newest: UInt64 = 0

    /// A window of so many nanoseconds.
    init(length: UInt64) {
        stepLength = max(1, length / Self.steps)
    }

    mutating func count(failed: Bool, at now: MonotonicInstant) {
        let step = now.nanoseconds / stepLength
        if step > newest {
            for old in newest + 1...min(step, newest + Self.steps) { ring[slot(old)] = Step() }
            newest = step
        }
        ring[slot(newest)].calls += 1
        if failed { ring[slot(newest)].failures += 1 }
    }

    func totals(at now: MonotonicInstant) -> (calls: Int, failures: Int) {
        let step = max(newest, now.nanoseconds / stepLength)
        let oldest = step >= Self.steps ? step - Self.steps + 1 : 0
        guard oldest <= newest else { return (0, 0) }
        return (oldest...newest).reduce(into: (0, 0)) { sum, step in
            sum.0 += ring[slot(step)].calls
            sum.1 += ring[slot(step)].failures
        }
    }

    private func slot(_ step: UInt64) -> Int { Int(step % Self.steps) }
}
