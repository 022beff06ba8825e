internal import Cache
internal import NIOCore

// Answers out of RAM to requests of the plain kind, without the decoder.

extension ExchangeHandler {
    /// Answers the plain requests at the start of `bytes` that RAM has an answer to, and takes them
    /// out; whatever else there is goes to the decoder, as if it had come alone.
    ///
    /// That the decoder never sees them is right only between requests: while it holds nothing of
    /// one, and none waits for its turn.
    func answerPlainRequests(in bytes: inout ByteBuffer) {
        guard isDecoderEmpty, let context = ownContext else { return }
        while isIdle, let request = PlainRequest(bytes.readableBytesUInt8Span),
            answer(request, context)
        {
            bytes.moveReaderIndex(forwardBy: request.byteCount)
        }
    }

    /// Whether what comes next is the beginning of a request that may be answered at once.
    private var isIdle: Bool {
        guard case .waiting = phase, !isBackedUp, !closesAfterAnswer else { return false }
        return waitingParts.isEmpty && waitingProblem == nil
    }

    private func answer(_ request: PlainRequest, _ context: ChannelHandlerContext) -> Bool {
        guard let endpoint = services.screening.endpoint(of: request),
            let question = try? Question(endpoint, target: request.target), !question.skipsCache
        else { return false }
        let now = MonotonicInstant.now()
        guard
            let cached = services.resolver.cachedHit(
                for: services.resolver.folded(question.query),
                at: now,
                on: local.stripe
            )
        else { return false }
        let exchange = Exchange(
            request,
            endpoint,
            correlationID: request.correlationID ?? local.makeCorrelationID(),
            at: now
        )
        services.ledger.began(exchange, on: local)
        write(cached, to: question, exchange, at: now, context)
        return true
    }
}
