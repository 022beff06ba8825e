internal import Glibc
internal import Logging
internal import NIOCore

/// Lets a listening socket rest while the process has no file descriptor or memory for another
/// connection.
///
/// A socket whose connection cannot be accepted stays readable: without a rest its event loop turns
/// around that alone, and everybody who is connected waits for it. Who wants to connect meanwhile
/// waits in the backlog of the kernel.
///
/// SwiftNIO's own `AcceptBackoffHandler`, which is in this pipeline too, delays only the next
/// `read`, and the one before is still pending: the socket stays registered.
final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private static let pause = TimeAmount.milliseconds(250)
    /// How long nothing more is logged about it.
    private static let quiet = TimeAmount.seconds(10)

    private let logger: Logger
    private var end: Scheduled<Void>?
    private var quietUntil = NIODeadline.uptimeNanoseconds(0)

    init(logger: Logger) {
        self.logger = logger
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? IOError, Self.isShortage(error.errnoCode) {
            rest(context.channel, for: error)
        }
        context.fireErrorCaught(error)
    }

    private static func isShortage(_ code: CInt) -> Bool {
        switch code {
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: true
        default: false
        }
    }

    private func rest(_ listener: any Channel, for error: IOError) {
        guard end == nil else { return }
        if quietUntil <= .now() {
            quietUntil = .now() + Self.quiet
            let reason = SystemError.reason(error.errnoCode)
            logger.warning("no connection can be accepted", metadata: ["reason": "\(reason)"])
        }
        listener.setOption(.autoRead, value: false).whenFailure { _ in }
        end = listener.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) {
            self.end = nil
            listener.setOption(.autoRead, value: true).whenFailure { _ in }
        }
    }
}
