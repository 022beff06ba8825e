internal import NIOCore
internal import NIOHTTP1

// What goes out: the responder's answers, our own refusals, and what either leads to.

extension ExchangeHandler {
    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .answering(let exchange, _) = phase else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(var head):
            head.headers.replaceOrAdd(
                name: CorrelationID.header,
                value: exchange.correlationID
            )
            if let value = connectionHeader(for: exchange) {
                head.headers.replaceOrAdd(name: "Connection", value: value)
            }
            exchange.note(head)
            head.headers.remove(name: Problem.codeHeader)
            phase = .answering(exchange, headSent: true)
            context.write(wrapOutboundOut(.head(head)), promise: promise)
            updateDeadline(context)
        case .body(let bytes):
            guard !exchange.isHead else {
                promise?.succeed()
                return
            }
            exchange.bodyBytes += bytes.readableBytes
            context.write(data, promise: promise)
        case .end:
            context.write(data, promise: promise)
            finish(exchange, context)
            flushIfNeeded(context)
            updateDeadline(context)
        }
    }

    /// Answers with `problem` in place of the responder; closes where a body may still be coming.
    func refuse(
        _ exchange: Exchange,
        _ problem: Problem,
        hasBody: Bool = true,
        _ context: ChannelHandlerContext
    ) {
        exchange.status = problem.status
        exchange.problem = problem.code
        if hasBody { closesAfterAnswer = true }
        let body = problem.body(correlationID: exchange.correlationID)
        exchange.bodyBytes = exchange.isHead ? 0 : body.count
        var head = HTTPResponseHead(
            version: .http1_1,
            status: HTTPResponseStatus(statusCode: problem.status),
            headers: problem.headers(bodyBytes: body.count)
        )
        head.headers.add(name: CorrelationID.header, value: exchange.correlationID)
        head.headers.add(name: "Date", value: local.httpDate())
        if let value = connectionHeader(for: exchange) {
            head.headers.add(name: "Connection", value: value)
        }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !exchange.isHead {
            context.write(
                wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))),
                promise: nil
            )
        }
        context.write(wrapOutboundOut(.end(nil)), promise: nil)
        needsFlush = true
        finish(exchange, context)
    }

    /// Whether the connection is of further use once `exchange` is answered.
    func staysOpen(after exchange: Exchange) -> Bool {
        exchange.isKeepAlive && !closesAfterAnswer && !isLastRequest
    }

    /// What must be said about the connection's future; nil where the version's default holds.
    func connectionHeader(for exchange: Exchange) -> String? {
        guard staysOpen(after: exchange) else { return "close" }
        return exchange.version == .http1_0 ? "keep-alive" : nil
    }

    /// Answers bytes that are no HTTP, in place of the request they would have been, and closes.
    func refuse(malformed problem: Problem, _ context: ChannelHandlerContext) {
        switch phase {
        case .waiting: refuse(makeUnparsedExchange(), problem, context)
        case .receiving(let exchange, _, _, _): refuse(exchange, problem, context)
        case .answering, .lingering: break
        }
    }

    /// The answer is written: account for it, then close or go on with what is waiting.
    func finish(_ exchange: Exchange, _ context: ChannelHandlerContext) {
        services.ledger.finished(exchange, on: local)
        guard staysOpen(after: exchange) else {
            linger(context)
            return
        }
        phase = .waiting
        if isBackedUp { flush(context) }
        goOn(context)
    }

    func flushIfNeeded(_ context: ChannelHandlerContext) {
        if needsFlush { flush(context) }
    }

    private func flush(_ context: ChannelHandlerContext) {
        needsFlush = false
        // The encoder holds nothing back: nobody in front of it has to be asked.
        (encoderContext ?? context).flush()
    }
}
