internal import Synchronization

/// A value that a reload replaces while others read it: one lock for a moment, no waiting.
///
/// For what is read once a miss or rarer; a hit reads atomics.
package final class LiveValue<Value: Sendable>: Sendable {
    private let state: Mutex<Value>

    package init(_ value: Value) {
        state = Mutex(value)
    }

    /// The value as of now; to be read once for one piece of work.
    package var current: Value { state.withLock { $0 } }

    /// Replaces the value for everybody who reads it from now on.
    package func replace(with value: Value) {
        // The former value is destroyed outside of the lock.
        _ = state.withLock { current in
            defer { current = value }
            return current
        }
    }
}
