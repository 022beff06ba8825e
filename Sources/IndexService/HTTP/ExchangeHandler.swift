internal import Cache
internal import Logging
internal import NIOCore
internal import NIOHTTP1

/// Runs the exchanges of one connection on its event loop, in front of the async responder.
///
/// Responsible for everything that must hold whatever the responder does: the limits and timeouts
/// of a request, one request at a time in the order they came, correlation ids, an answer to
/// whatever is malformed, the log line and the metrics of every exchange. Answers out of RAM are
/// written here without leaving the loop (`ExchangeHandler+CacheHit`). Only a request that was
/// accepted and has been read to its end is handed on, so that a slow sender never holds a task,
/// and a refused body is never read without bound.
final class ExchangeHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Where the connection stands.
    enum Phase {
        /// Between requests.
        case waiting
        /// A request's head is in; its body is still coming.
        case receiving(Exchange, HTTPRequestHead, body: ByteBuffer, bytes: Int)
        /// The request is with the responder.
        case answering(Exchange, headSent: Bool)
        /// The last answer is written; what the client still sends is dropped, up to a bound.
        case lingering(bytesLeft: Int)
    }

    let services: ExchangeServices
    let local: LoopLocal
    let timer = ConnectionTimer()
    /// Of what its request has not begun when nobody waits for it any more.
    let withdrawal = Withdrawal()
    var phase = Phase.waiting
    var needsFlush = false
    /// Where finished bytes are written, past the encoder.
    private(set) var encoderContext: ChannelHandlerContext?
    /// Where this handler stands, while the connection lasts.
    private(set) var ownContext: ChannelHandlerContext?
    var closesAfterAnswer = false
    /// The client has said that it sends nothing more; it may still wait for answers.
    private(set) var isInputClosed = false
    /// The client takes its answers more slowly than they are made.
    private(set) var isBackedUp = false
    /// Parts of later requests, held back until their turn (pipelining, RFC 9112, section 9.3.2).
    var waitingParts = CircularBuffer<HTTPServerRequestPart>()
    /// What is wrong with the bytes behind `waitingParts`.
    var waitingProblem: Problem?
    private var isTakingWaitingParts = false
    /// Whether the responder has got something it is not yet told to look at.
    private var hasHandedOn = false
    /// Whether the bytes of one read are on their way through.
    private var isInRead = false
    /// Whether the latest head began with the bytes that are on their way.
    private var isHeadOfThisRead = false
    /// When whatever is still under way is given up, because the service stops.
    private(set) var drainEndsAt = NIODeadline.distantFuture
    private var isReadHeld = false
    /// Of the bytes that the decoder got last, and of what came of them; see `isDecoderEmpty`.
    private var endsWithEmptyLine = true
    private var endsWithRequest = true
    private var lines = ArrivingLines()

    /// What becomes of a connection that came in.
    enum Admission {
        case admitted
        /// It is over a cap: it is told so and closed.
        case overCapacity
        /// It came too late: it is closed without a word.
        case stopping
    }

    private let admission: Admission

    init(services: ExchangeServices, local: LoopLocal, admission: Admission) {
        self.services = services
        self.local = local
        self.admission = admission
    }

    // MARK: Inbound

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !isInRead { isHeadOfThisRead = false }
        isInRead = true
        if case .lingering = phase { return }
        let part = unwrapInboundIn(data)
        endsWithRequest = if case .end = part { true } else { false }
        if isHeld { waitingParts.append(part) } else { process(part, context) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isInRead = false
        flushIfNeeded(context)
        updateDeadline(context)
        tellOfReadComplete(context)
    }

    /// Has what was handed on delivered; after answers out of RAM there is nothing.
    private func tellOfReadComplete(_ context: ChannelHandlerContext) {
        guard hasHandedOn else { return }
        hasHandedOn = false
        context.fireChannelReadComplete()
    }

    /// While a request has to wait nothing more is read: what a client may pipeline, and what it
    /// may leave unread of its answers, is bounded by the buffers of one read.
    func read(context: ChannelHandlerContext) {
        if isHeld { isReadHeld = true } else { context.read() }
    }

    /// Whether what comes next has to wait: for the answer before it, until the client has taken
    /// what is written, or for the end, when enough was dropped.
    private var isHeld: Bool {
        switch phase {
        case .answering, .lingering(bytesLeft: 0): true
        case .waiting, .receiving, .lingering: isBackedUp
        }
    }

    /// Whether the client has said that nothing follows what came so far.
    var isLastRequest: Bool {
        isInputClosed && waitingParts.isEmpty && waitingProblem == nil
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isBackedUp = !context.channel.isWritable
        if !isBackedUp {
            goOn(context)
            flushIfNeeded(context)
            updateDeadline(context)
        }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case let error as HTTPParserError:
            let problem = makeProblem(error)
            if isHeld {
                waitingProblem = waitingProblem ?? problem
            } else {
                refuse(malformed: problem, context)
            }
            flushIfNeeded(context)
            updateDeadline(context)
        case is ByteToMessageDecoderError:
            // More bytes behind malformed ones, which are answered when their turn comes.
            break
        default:
            context.close(promise: nil)
        }
    }

    private func makeProblem(_ error: HTTPParserError) -> Problem {
        guard error == .headerOverflow, lines.longOne == .other else { return Problem(error) }
        return services.screening.longTargetProblem
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            isInputClosed = true
            goOn(context)
        case is ChannelShouldQuiesceEvent:
            closesAfterAnswer = true
            drainEndsAt = min(drainEndsAt, .now() + services.limits.drainTimeout)
            guard case .waiting = phase else { return updateDeadline(context) }
            typealias Times = ExchangeServices
            linger(context, atMost: isBackedUp ? Times.lingeringTime : Times.idleLingeringTime)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        ownContext = context
        encoderContext = try? context.pipeline.syncOperations.context(
            handlerType: HTTPResponseEncoder.self
        )
        timer.start(after: services.limits.idleTimeout, on: context) { [self] in expire(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        switch admission {
        case .admitted:
            break
        case .overCapacity:
            let problem = Problem(.overCapacity, "too many connections are open; try again later")
            refuse(makeUnparsedExchange(), problem, context)
        case .stopping:
            linger(context, atMost: ExchangeServices.idleLingeringTime)
        }
        // Kept from the async bridge, which would let go of its writer: a connection that comes in
        // while the service stops may never be handled, and an orphaned writer ends the process.
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer.stop()
        withdrawal.give()
        (encoderContext, ownContext) = (nil, nil)
        waitingParts.removeAll()
        switch phase {
        case .receiving(let exchange, _, _, _), .answering(let exchange, _):
            services.ledger.abandoned(exchange, on: local)
        case .waiting, .lingering: break
        }
        phase = .lingering(bytesLeft: 0)
        context.fireChannelInactive()
    }

    /// Takes from bytes that came in what can be answered at once, or is nobody's any more.
    ///
    /// What is left is for the decoder.
    func take(from bytes: inout ByteBuffer) {
        let count = bytes.readableBytes
        answerPlainRequests(in: &bytes)
        guard bytes.readableBytes > 0 else { return }
        switch phase {
        case .waiting:
            // What came behind a whole request is waited for as if nothing had come: the decoder
            // does not tell of it either.
            if bytes.readableBytes == count { timer.headBegan() }
        case .receiving, .answering:
            break
        case .lingering(let left):
            phase = .lingering(bytesLeft: max(0, left - bytes.readableBytes))
            return bytes.clear()
        }
        lines.take(bytes, longerThan: services.screening.maximumTargetBytes)
        endsWithEmptyLine = bytes.endsWithEmptyLine
        endsWithRequest = false
    }

    /// Whether the decoder has used up all that it was given.
    ///
    /// The last bytes were an empty line, and the last that came of them was the end of a request:
    /// a head that is not whole yet cannot end so, and further empty lines in front of a request
    /// mean nothing (RFC 9112, section 2.2). What makes the decoder stop, a mistake, `close` or
    /// another protocol, ends the connection too, and with it `isIdle`.
    var isDecoderEmpty: Bool { endsWithEmptyLine && endsWithRequest }

    // MARK: Requests

    private func process(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        switch part {
        case .head(let head):
            guard case .waiting = phase else { break }
            // Asked of the head as it came: this is the decoder's verdict, for which it looks at
            // `Proxy-Connection` too, and behind a last request it takes nothing.
            if !head.isKeepAlive { closesAfterAnswer = true }
            begin(head.withoutBlanksBehindValues(), context)
        case .body(let bytes):
            if case .receiving(let exchange, let head, let body, let count) = phase {
                receive(bytes, of: exchange, head, body, count, context)
            }
        case .end:
            if case .receiving(let exchange, let head, let body, _) = phase {
                complete(exchange, head, body, context)
            }
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        timer.headArrived()
        isHeadOfThisRead = true
        // The decoder does not look behind a request that asks for another protocol.
        if head.asksForUpgrade { closesAfterAnswer = true }
        let verdict = services.screening.judge(head)
        let exchange = makeExchange(head, verdict)
        services.ledger.began(exchange, on: local)
        switch verdict {
        case .refused(let problem):
            // What a wrong head says of its body may be wrong too: nothing behind it is read.
            let mayHaveBody = head.hasBody || problem.code == .badRequest
            refuse(exchange, problem, hasBody: mayHaveBody, context)
        case .accepted:
            // First: a connection that turns out to be gone ends what is under way.
            phase = .receiving(exchange, head, body: ByteBuffer(), bytes: 0)
            if head.expectsContinue {
                let head = HTTPResponseHead(version: .http1_1, status: .continue)
                context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
            }
        }
    }

    private func receive(
        _ bytes: ByteBuffer,
        of exchange: Exchange,
        _ head: HTTPRequestHead,
        _ body: ByteBuffer,
        _ count: Int,
        _ context: ChannelHandlerContext
    ) {
        let count = count + bytes.readableBytes
        guard !services.screening.isOverCap(bodyBytes: count) else {
            return refuse(exchange, services.screening.bodyCapProblem, context)
        }
        // Emptied first, so that appending does not copy what is there already.
        phase = .waiting
        var body = body
        if exchange.endpoint?.takesBody == true { body.writeImmutableBuffer(bytes) }
        phase = .receiving(exchange, head, body: body, bytes: count)
    }

    private func complete(
        _ exchange: Exchange,
        _ head: HTTPRequestHead,
        _ body: ByteBuffer,
        _ context: ChannelHandlerContext
    ) {
        // A body may have taken its time; without one the clock need not be asked again.
        let now = isHeadOfThisRead ? exchange.startedAt : .now()
        if answerFromRAM(exchange, at: now, context) { return }
        phase = .answering(exchange, headSent: false)
        var head = head
        head.headers.replaceOrAdd(name: CorrelationID.header, value: exchange.correlationID)
        if let target = Screening.originForm(of: head.uri) { head.uri = String(target) }
        context.fireChannelRead(wrapInboundOut(.head(head)))
        if body.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(.body(body))) }
        context.fireChannelRead(wrapInboundOut(.end(nil)))
        hasHandedOn = true
        // What waited for its turn comes outside of a read, and would never be delivered.
        if !isInRead { tellOfReadComplete(context) }
    }

    /// Takes up what waited for its turn, then reads on.
    func goOn(_ context: ChannelHandlerContext) {
        // An answer out of RAM comes back here from inside the loop, which then goes on by itself.
        guard !isTakingWaitingParts else { return }
        isTakingWaitingParts = true
        while !isHeld, let part = waitingParts.popFirst() { process(part, context) }
        isTakingWaitingParts = false
        guard !isHeld else { return }
        if let problem = waitingProblem {
            waitingProblem = nil
            refuse(malformed: problem, context)
        }
        if case .waiting = phase, isInputClosed { linger(context) }
        readOn(context)
    }

    /// Asks for the read that was held back, now that nothing has to wait any more.
    func readOn(_ context: ChannelHandlerContext) {
        guard isReadHeld, !isHeld else { return }
        isReadHeld = false
        context.read()
    }

    private func makeExchange(_ head: HTTPRequestHead, _ verdict: Screening.Verdict) -> Exchange {
        let given = head.headers.first(name: CorrelationID.header)
        let accepted = given.flatMap { CorrelationID.isAcceptable($0) ? $0 : nil }
        let endpoint: Endpoint? =
            if case .accepted(let endpoint) = verdict { endpoint } else { nil }
        return Exchange(
            head: head,
            endpoint: endpoint ?? Screening.path(of: head.uri).flatMap(Endpoint.init(path:)),
            correlationID: accepted ?? local.makeCorrelationID(),
            at: .now()
        )
    }

    func makeUnparsedExchange() -> Exchange {
        let id = local.makeCorrelationID()
        let exchange = Exchange(unparsedAt: .now(), correlationID: id)
        services.ledger.began(exchange, on: local)
        return exchange
    }
}

@available(*, unavailable)
extension ExchangeHandler: Sendable {}

extension ByteBuffer {
    fileprivate var endsWithEmptyLine: Bool {
        let bytes = readableBytesUInt8Span
        guard bytes.count >= 4 else { return false }
        let ends = (UInt8(ascii: "\r"), UInt8(ascii: "\n"))
        let last = bytes.count - 1
        return bytes[last] == ends.1 && bytes[last - 1] == ends.0
            && bytes[last - 2] == ends.1 && bytes[last - 3] == ends.0
    }
}

extension HTTPRequestHead {
    /// Whether a body was announced; bodies that were not cannot come (RFC 9112, section 6.3).
    fileprivate var hasBody: Bool {
        headers.contains(name: "Transfer-Encoding")
            || headers.first(name: "Content-Length").map { $0 != "0" } ?? false
    }

    /// Whether it asks for another protocol on this connection, which it is not going to get.
    fileprivate var asksForUpgrade: Bool {
        method == .CONNECT || headers.contains(name: "Upgrade")
    }

    fileprivate var expectsContinue: Bool {
        version == .http1_1 && headers.first(name: "Expect")?.lowercased() == "100-continue"
    }
}
