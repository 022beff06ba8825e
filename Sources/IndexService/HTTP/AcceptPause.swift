internal import Glibc
internal import Logging
internal import NIOCore

/// Lets a listening socket rest while the process has no file descriptor or memory for another
/// connection.
///
/// A socket whose connection cannot be accepted stays readable: without a rest its event loop turns
/// around that alone, and everybody who is connected waits for it. Who wants to connect meanwhile
/// waits in the backlog of the kernel. The rest begins with giving the reserve of descriptors back,
/// and ends with holding it again.
///
/// SwiftNIO's own `AcceptBackoffHandler`, which is in this pipeline too, delays only the next
/// `read`, and the one before is still pending: the socket stays registered.
final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = any Channel

    /// How often it looks at the reserve: several times a second, for libdispatch needs a
    /// descriptor once a second, and another listener may have given the reserve back.
    static let period = TimeAmount.milliseconds(100)
    /// How long nothing more is logged about it.
    private static let quiet = TimeAmount.seconds(10)

    private let reserve: DescriptorReserve
    private let logger: Logger
    private var isResting = false
    private var isRemoved = false
    private var quietUntil = NIODeadline.uptimeNanoseconds(0)

    init(reserve: DescriptorReserve, logger: Logger) {
        self.reserve = reserve
        self.logger = logger
    }

    func handlerAdded(context: ChannelHandlerContext) {
        lookLater(at: context.channel)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        isRemoved = true
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? IOError, SystemError.isShortage(error.errnoCode) {
            rest(context.channel, because: error.errnoCode)
        }
        context.fireErrorCaught(error)
    }

    private func lookLater(at listener: any Channel) {
        listener.eventLoop.assumeIsolated().scheduleTask(in: Self.period) {
            guard !self.isRemoved else { return }
            self.look(at: listener)
            self.lookLater(at: listener)
        }
    }

    private func look(at listener: any Channel) {
        if isResting {
            guard reserve.take() else { return }
            isResting = false
            listener.setOption(.autoRead, value: true).whenFailure { _ in }
        } else if !reserve.isSafe {
            rest(listener, because: EMFILE)
        }
    }

    private func rest(_ listener: any Channel, because code: CInt) {
        reserve.giveBack()
        guard !isResting else { return }
        isResting = true
        listener.setOption(.autoRead, value: false).whenFailure { _ in }
        guard quietUntil <= .now() else { return }
        quietUntil = .now() + Self.quiet
        let reason = SystemError.reason(code)
        logger.warning("no connection can be accepted", metadata: ["reason": "\(reason)"])
    }
}
