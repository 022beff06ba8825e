internal import Cache
internal import NIOCore
internal import NIOHTTP1

// The read path that matters most: an answer out of RAM, written on the event loop without a task.

extension ExchangeHandler {
    /// Answers a `GET` or `HEAD` of `/resolve` or `/providers` when RAM has the answer, or when the
    /// question itself is wrong; false hands the request on.
    func answerFromRAM(_ exchange: Exchange, _ context: ChannelHandlerContext) -> Bool {
        guard let endpoint = exchange.endpoint,
            endpoint.route == .resolve || endpoint.route == .providers
        else { return false }
        let question: Question
        do throws(Problem) {
            question = try Question(endpoint, target: exchange.target)
        } catch {
            refuse(exchange, error, hasBody: false, context)
            return true
        }
        let now = exchange.startedAt
        guard !question.skipsCache,
            let cached = services.resolver.cachedOutcome(
                for: services.resolver.folded(question.query),
                at: now,
                on: local.stripe
            )
        else { return false }
        var exchange = exchange
        let source = cached.isStale ? Resolved.Source.stale : .ram
        exchange.cacheDetail = source.rawValue
        switch cached.outcome {
        case .found(let answer): write(answer, exchange, from: source, at: now, context)
        case .absent:
            let problem = Problem.absent(question.query.key, cacheStatus: CacheStatus.hit)
            refuse(exchange, problem, hasBody: false, context)
        }
        return true
    }

    /// Writes the answer as bytes below the encoder: nothing in it needs encoding.
    private func write(
        _ answer: Answer,
        _ exchange: Exchange,
        from source: Resolved.Source,
        at now: MonotonicInstant,
        _ context: ChannelHandlerContext
    ) {
        var exchange = exchange
        let isNotModified =
            exchange.ifNoneMatch.map { EntityTagList.matches($0, answer.entityTag) } ?? false
        let sendsBody = !isNotModified && !exchange.isHead
        exchange.status = isNotModified ? 304 : 200
        let body = answer.bodyBytes
        exchange.bodyBytes = sendsBody ? body.count : 0
        var buffer = context.channel.allocator.buffer(capacity: 512 + exchange.bodyBytes)
        buffer.writeStaticString(
            isNotModified ? "HTTP/1.1 304 Not Modified\r\n" : "HTTP/1.1 200 OK\r\n"
        )
        if !isNotModified {
            buffer.writeStaticString("Content-Type: application/json\r\nContent-Length: ")
            buffer.writeDecimal(body.count)
            buffer.writeStaticString("\r\n")
        }
        buffer.writeStaticString("ETag: ")
        answer.writeEntityTag(to: &buffer)
        buffer.writeStaticString("\r\nCache-Control: public, max-age=")
        buffer.writeDecimal(answer.maxAge(at: now))
        buffer.writeStaticString("\r\nAge: ")
        buffer.writeDecimal(answer.age(at: now))
        buffer.writeStaticString(
            source == .stale
                ? "\r\nCache-Status: svc-index; hit; detail=stale\r\nX-Corr-ID: "
                : "\r\nCache-Status: svc-index; hit; detail=ram\r\nX-Corr-ID: "
        )
        buffer.writeString(exchange.correlationID)
        buffer.writeStaticString("\r\nDate: ")
        buffer.writeString(local.httpDate())
        if let value = connectionHeader(for: exchange) {
            buffer.writeStaticString("\r\nConnection: ")
            buffer.writeString(value)
        }
        buffer.writeStaticString("\r\n\r\n")
        if sendsBody { buffer.writeBytes(body) }
        encoderContext?.write(NIOAny(buffer), promise: nil)
        needsFlush = true
        finish(exchange, context)
    }
}

extension ByteBuffer {
    /// Writes a number of at least zero in decimal digits, without a `String` in between.
    fileprivate mutating func writeDecimal(_ number: Int) {
        var divisor = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            writeInteger(UInt8(ascii: "0") + UInt8(number / divisor % 10))
            divisor /= 10
        }
    }
}
