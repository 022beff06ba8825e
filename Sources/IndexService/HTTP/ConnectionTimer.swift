internal import NIOCore

/// The one timer of a connection: a deadline that moves, checked when the earliest one passes.
///
/// Moving the deadline back, which happens with every request, only stores a number; only moving it
/// forward schedules anew. So a busy connection costs the event loop nothing.
final class ConnectionTimer {
    /// When the first bytes of a head came whose rest is still missing.
    private(set) var headBeganAt: NIODeadline?
    private var deadline = NIODeadline.distantFuture
    private var scheduledFor = NIODeadline.distantFuture
    private var scheduled: Scheduled<Void>?
    private var onExpiry: (() -> Void)?

    func start(
        after delay: TimeAmount,
        on context: ChannelHandlerContext,
        onExpiry: @escaping () -> Void
    ) {
        self.onExpiry = onExpiry
        move(to: .now() + delay, on: context)
    }

    func headBegan() {
        if headBeganAt == nil { headBeganAt = .now() }
    }

    func headArrived() {
        headBeganAt = nil
    }

    func move(to deadline: NIODeadline, on context: ChannelHandlerContext) {
        self.deadline = deadline
        guard onExpiry != nil, deadline < scheduledFor else { return }
        scheduled?.cancel()
        schedule(on: context)
    }

    func stop() {
        scheduled?.cancel()
        scheduled = nil
        onExpiry = nil
    }

    private func schedule(on context: ChannelHandlerContext) {
        scheduledFor = deadline
        let loop = context.eventLoop.assumeIsolated()
        scheduled = loop.scheduleTask(deadline: deadline) { [self] in fire(context) }
    }

    private func fire(_ context: ChannelHandlerContext) {
        scheduledFor = .distantFuture
        guard let onExpiry else { return }
        if NIODeadline.now() >= deadline { onExpiry() }
        // Whatever expired set a new deadline or stopped the timer; an old one must not spin.
        guard self.onExpiry != nil, scheduledFor == .distantFuture else { return }
        deadline = max(deadline, .now() + .milliseconds(10))
        schedule(on: context)
    }
}

@available(*, unavailable)
extension ConnectionTimer: Sendable {}
