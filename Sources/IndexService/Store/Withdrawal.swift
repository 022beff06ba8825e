internal import Synchronization

/// Takes back what the requests of one connection want of others, because nobody waits for it any
/// more: they were answered in the responder's place, or the client has left.
///
/// It is given before such an answer is, so that what was not begun by then never is.
final class Withdrawal: Sendable {
    private enum State {
        case open(takeBack: (@Sendable () -> Void)?)
        case given
    }

    /// That of the connection whose requests this task answers.
    @TaskLocal static var current: Withdrawal?

    private let state = Mutex(State.open(takeBack: nil))

    /// Takes back what is watched, now and from now on.
    func give() {
        let takeBack: (@Sendable () -> Void)? = state.withLock { state in
            guard case .open(let takeBack) = state else { return nil }
            state = .given
            return takeBack
        }
        takeBack?()
    }

    /// Calls `takeBack` when it is given, at once where it was; for one thing at a time, as a
    /// connection has one request at a time.
    func watch(_ takeBack: @escaping @Sendable () -> Void) {
        let isGiven = state.withLock { state in
            guard case .open = state else { return true }
            state = .open(takeBack: takeBack)
            return false
        }
        if isGiven { takeBack() }
    }

    func unwatch() {
        state.withLock { state in
            if case .open = state { state = .open(takeBack: nil) }
        }
    }
}
