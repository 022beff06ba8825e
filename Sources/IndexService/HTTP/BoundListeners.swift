internal import Cache
internal import Glibc
internal import NIOCore
internal import ServiceLifecycle
internal import Synchronization

/// Measures for readiness whether every listener listens and every event loop turns.
///
/// Each loop is asked whether it turns, and the loop of each listener whether the kernel still has
/// its socket listening. A loop that hangs does not answer, and readiness takes that for a failure;
/// it is not asked again until it has answered, so that nothing piles up.
final class BoundListeners: Service {
    private static let period = Duration.milliseconds(250)

    private struct State {
        var channels: [any Channel] = []
        var isAsking = false
        var stopBeganAt: MonotonicInstant?
    }

    private let expected: Int
    private let group: any EventLoopGroup
    private let readiness: Readiness
    private let state = Mutex(State())

    init(expected: Int, group: any EventLoopGroup, readiness: Readiness) {
        self.expected = expected
        self.group = group
        self.readiness = readiness
    }

    func add(_ channel: any Channel) {
        state.withLock { $0.channels.append(channel) }
        measure()
    }

    func isStopping() {
        state.withLock { state in
            state.stopBeganAt = state.stopBeganAt ?? .now()
            readiness.set(.listenersBound, .failing("shutting down"))
        }
    }

    /// When the first of them was told to stop; nil before.
    var stopBeganAt: MonotonicInstant? { state.withLock(\.stopBeganAt) }

    /// Runs until the service group shuts down.
    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                self.measure()
                try await Task.sleep(for: Self.period)
            }
        }
    }

    /// Asks all loops, and reports when the last one has answered.
    private func measure() {
        let channels: [any Channel]? = state.withLock { state in
            guard state.channels.count == expected, !state.isAsking else { return nil }
            state.isAsking = true
            return state.channels
        }
        guard let channels else { return }
        let turns = group.makeIterator().map { loop in loop.submit { true } }
        let sockets = channels.map { channel in
            channel.eventLoop.flatSubmit { Self.isListening(channel) }
        }
        let loop = channels.first?.eventLoop ?? group.any()
        EventLoopFuture.whenAllComplete(turns + sockets, on: loop).whenSuccess { answers in
            self.report(answers.allSatisfy { (try? $0.get()) == true })
        }
    }

    private func report(_ isWell: Bool) {
        state.withLock { state in
            state.isAsking = false
            guard state.stopBeganAt == nil else { return }
            let status = isWell ? Readiness.Status.ok : .failing("a listener is closed")
            readiness.measured(.listenersBound, status, at: .now())
        }
    }

    /// Whether the kernel takes connections for a channel.
    private static func isListening(_ channel: any Channel) -> EventLoopFuture<Bool> {
        guard channel.isActive, let socket = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeSucceededFuture(false)
        }
        let option: EventLoopFuture<CInt> = socket.unsafeGetSocketOption(
            level: NIOBSDSocket.OptionLevel.socket,
            name: NIOBSDSocket.Option(rawValue: SO_ACCEPTCONN)
        )
        return option.map { $0 != 0 }
    }
}
