internal import Cache
internal import NIOCore
internal import NIOHTTP1

// The read path that matters most: an answer out of RAM, written on the event loop without a task.

extension ExchangeHandler {
    /// Answers a `GET` or `HEAD` of `/resolve` or `/providers` when RAM has the answer, or when the
    /// question itself is wrong; false hands the request on.
    ///
    /// - Parameter now: when the request had come to its end.
    func answerFromRAM(
        _ exchange: Exchange,
        at now: MonotonicInstant,
        _ context: ChannelHandlerContext
    ) -> Bool {
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
        guard !question.skipsCache,
            let cached = services.resolver.cachedOutcome(
                for: services.resolver.folded(question.query),
                at: now,
                on: local.stripe
            )
        else { return false }
        write(cached, to: question, exchange, at: now, context)
        return true
    }

    /// Writes what RAM has about a question.
    func write(
        _ cached: CachedOutcome,
        to question: Question,
        _ exchange: Exchange,
        at now: MonotonicInstant,
        _ context: ChannelHandlerContext
    ) {
        let source = cached.isStale ? Resolved.Source.stale : .ram
        exchange.cacheDetail = source.rawValue
        switch cached.outcome {
        case .found(let answer): write(answer, exchange, from: source, at: now, context)
        case .absent:
            let problem = Problem.absent(question.query.key, cacheStatus: CacheStatus.hit)
            refuse(exchange, problem, hasBody: false, context)
        }
    }

    /// Bytes: what stays the same takes 300, a correlation id up to 64, numbers up to 20 each.
    private static let longestHead = 512

    /// Writes the answer as bytes below the encoder: nothing in it needs encoding.
    private func write(
        _ answer: Answer,
        _ exchange: Exchange,
        from source: Resolved.Source,
        at now: MonotonicInstant,
        _ context: ChannelHandlerContext
    ) {
        let isNotModified =
            exchange.ifNoneMatch.map { EntityTagList.matches($0, answer.entityTag) } ?? false
        let sendsBody = !isNotModified && !exchange.isHead
        exchange.status = isNotModified ? 304 : 200
        let body = answer.bodyBytes
        exchange.bodyBytes = sendsBody ? body.count : 0
        let connection = connectionHeader(for: exchange)
        let room = Self.longestHead + exchange.bodyBytes
        var buffer = context.channel.allocator.buffer(capacity: room)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { memory in
            var cursor = ByteCursor(memory)
            cursor.write(
                literal: isNotModified ? "HTTP/1.1 304 Not Modified\r\n" : "HTTP/1.1 200 OK\r\n"
            )
            if !isNotModified {
                cursor.write(literal: "Content-Type: application/json\r\nContent-Length: ")
                cursor.write(decimal: body.count)
                cursor.write(literal: "\r\n")
            }
            cursor.write(literal: "ETag: ")
            answer.writeEntityTag(to: &cursor)
            cursor.write(literal: "\r\nCache-Control: public, max-age=")
            cursor.write(decimal: answer.maxAge(at: now))
            cursor.write(literal: "\r\nAge: ")
            cursor.write(decimal: answer.age(at: now))
            cursor.write(
                literal: source == .stale
                    ? "\r\nCache-Status: svc-index; hit; detail=stale\r\nX-Corr-ID: "
                    : "\r\nCache-Status: svc-index; hit; detail=ram\r\nX-Corr-ID: "
            )
            cursor.write(exchange.correlationID)
            cursor.write(literal: "\r\nDate: ")
            cursor.write(local.httpDate())
            if let connection {
                cursor.write(literal: "\r\nConnection: ")
                cursor.write(connection)
            }
            cursor.write(literal: "\r\n\r\n")
            if sendsBody { cursor.write(body) }
            return cursor.count
        }
        encoderContext?.write(NIOAny(buffer), promise: nil)
        needsFlush = true
        finish(exchange, context)
    }
}
