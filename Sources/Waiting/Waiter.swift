internal import Dispatch
internal import Synchronization

/// One value for one caller, from whoever has it first: the work, the end of the caller's patience,
/// or the caller's leaving.
///
/// So nobody waits for a disk that hangs: whoever comes later with a value finds nobody.
package final class Waiter<Value: Sendable>: Sendable {
    private enum State {
        case starting
        case waiting(CheckedContinuation<Value, Never>)
        case done(Value)
    }

    private let state = Mutex(State.starting)

    package init() {}

    /// Whether the value is there: nobody needs another.
    package var isDone: Bool {
        state.withLock { if case .done = $0 { true } else { false } }
    }

    /// Waits for the value, to be called once.
    ///
    /// - Parameters:
    ///   - cancelled: the value of a caller whose task is cancelled; nil lets it wait all the same.
    ///   - start: begins what will bring the value.
    package func value(
        whenCancelled cancelled: Value? = nil,
        _ start: () -> Void
    ) async -> Value {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                wait(continuation)
                start()
            }
        } onCancel: {
            if let cancelled { finish(cancelled) }
        }
    }

    /// Brings the value, unless there is one; `first` is done before the caller goes on.
    package func finish(_ value: Value, first: () -> Void = {}) {
        let (isFirst, continuation) = state.withLock { state in
            switch state {
            case .starting:
                state = .done(value)
                return (true, nil as CheckedContinuation<Value, Never>?)
            case .waiting(let continuation):
                state = .done(value)
                return (true, continuation)
            case .done:
                return (false, nil)
            }
        }
        if isFirst { first() }
        continuation?.resume(returning: value)
    }

    /// Brings the value when so much time has passed and there is none: the end of a patience.
    package func finish(_ value: Value, after patience: Duration) {
        let end = DispatchTime.now() + patience.dispatchInterval
        DispatchQueue.global().asyncAfter(deadline: end) { self.finish(value) }
    }

    private func wait(_ continuation: CheckedContinuation<Value, Never>) {
        let early: Value? = state.withLock { state in
            if case .done(let value) = state { return value }
            state = .waiting(continuation)
            return nil
        }
        if let early { continuation.resume(returning: early) }
    }
}
