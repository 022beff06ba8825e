internal import Cache
internal import NIOCore
internal import NIOHTTP1

// How a connection ends: after its last answer, or because its time is over.

extension ExchangeHandler {
    /// Sends what is written, then drops what still comes until the client closes too.
    ///
    /// Closing at once would make the kernel reset the connection while unread bytes are there, and
    /// the client would lose the answer that tells it why. The output is closed only when all of it
    /// is on its way: a client that has closed its own side would lose the rest of a long answer.
    func linger(
        _ context: ChannelHandlerContext,
        atMost longestTime: TimeAmount = ExchangeServices.lingeringTime
    ) {
        let time = isDrainOver ? ExchangeServices.idleLingeringTime : longestTime
        phase = .lingering(bytesLeft: 0)
        waitingParts.removeAll()
        waitingProblem = nil
        needsFlush = false
        let longest = isDrainOver ? ExchangeServices.idleLingeringTime : services.limits.idleTimeout
        timer.move(to: .now() + longest, on: context)
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { [self] _ in
            closeOutput(context, waitingAtMost: time)
        }
        if let encoderContext {
            encoderContext.writeAndFlush(NIOAny(ByteBuffer()), promise: sent)
        } else {
            sent.succeed()
        }
    }

    private func closeOutput(_ context: ChannelHandlerContext, waitingAtMost time: TimeAmount) {
        guard !isInputClosed else {
            context.close(promise: nil)
            return
        }
        context.close(mode: .output, promise: nil)
        timer.move(to: .now() + time, on: context)
        phase = .lingering(bytesLeft: ExchangeServices.lingeringBytes)
        readOn(context)
    }

    /// Leaves the end of the connection to `linger`: whoever is behind this handler may be done
    /// while an answer is still on its way.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode == .output {
            promise?.succeed()
        } else {
            context.close(mode: mode, promise: promise)
        }
    }

    func updateDeadline(_ context: ChannelHandlerContext) {
        let limits = services.limits
        switch phase {
        case .waiting:
            if let headBeganAt = timer.headBeganAt, !isBackedUp {
                timer.move(to: headBeganAt + limits.headerTimeout, on: context)
            } else {
                timer.move(to: .now() + limits.idleTimeout, on: context)
            }
        case .answering(_, headSent: true):
            // The answer is made; a slow client may take as long for it as it may say nothing.
            timer.move(to: min(.now() + limits.idleTimeout, drainEndsAt), on: context)
        case .receiving(let exchange, _, _, _), .answering(let exchange, headSent: false):
            let startedAt = NIODeadline.uptimeNanoseconds(exchange.startedAt.nanoseconds)
            let end = startedAt + services.tuning.requestTimeout
            timer.move(to: min(end, drainEndsAt), on: context)
        case .lingering:
            break
        }
    }

    /// Whether the service stops and has waited for requests as long as it may.
    private var isDrainOver: Bool { drainEndsAt <= .now() }

    func expire(_ context: ChannelHandlerContext) {
        // First: what was not begun before the answer that follows is not done behind its back.
        if case .answering = phase { withdrawal.give() }
        switch phase {
        case .receiving(let exchange, _, _, _) where isDrainOver,
            .answering(let exchange, headSent: false) where isDrainOver:
            refuse(exchange, Problem(ResolveError.closing), context)
        case .waiting where timer.headBeganAt != nil && !isBackedUp:
            let problem = Problem.slowRequest("the request's head did not arrive in time")
            refuse(makeUnparsedExchange(), problem, context)
        case .receiving(let exchange, _, _, _):
            let problem = Problem.slowRequest("the request's body did not arrive in time")
            refuse(exchange, problem, context)
        case .answering(let exchange, headSent: false):
            refuse(exchange, Problem(.timeout, "the request took too long to answer"), context)
        case .waiting, .answering, .lingering:
            context.close(promise: nil)
        }
    }
}
