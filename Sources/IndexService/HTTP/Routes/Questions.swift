internal import Cache
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

// GET /resolve/{key} and GET /providers/{cid}, where RAM had no answer.

extension IndexResponder {
    func answerQuestion(
        _ endpoint: Endpoint,
        _ request: Request,
        from client: ClientAddress
    ) async throws(Problem) -> Response {
        let question = try Question(endpoint, target: request.head.path ?? "")
        let resolved: Resolved
        let deadline = MonotonicInstant.now().advanced(by: tuning.patience)
        do {
            let query = resolver.folded(question.query)
            let found = try await find(query, question, from: client, by: deadline)
            let known = resolver.folded(question.query)
            if known == query {
                resolved = found
            } else {
                // Somebody is in the region of the caller, and that shows for the first time.
                resolved = try await find(known, question, from: client, by: deadline)
            }
        } catch {
            throw Problem(error)
        }
        let cacheStatus =
            question.skipsCache
            ? CacheStatus.bypassed(to: resolved.source)
            : CacheStatus.answered(from: resolved.source)
        guard case .found(let answer) = resolved.outcome else {
            throw .absent(question.query.key, cacheStatus: cacheStatus)
        }
        return response(answer, to: question, request, cacheStatus: cacheStatus)
    }

    private func find(
        _ query: AnswerQuery,
        _ question: Question,
        from client: ClientAddress,
        by deadline: MonotonicInstant
    ) async throws(ResolveError) -> Resolved {
        try await misses.resolve(
            query,
            from: client,
            skippingCache: question.skipsCache,
            by: deadline
        )
    }

    private func response(
        _ answer: Answer,
        to question: Question,
        _ request: Request,
        cacheStatus: String
    ) -> Response {
        let now = MonotonicInstant.now()
        var headers: HTTPFields = [
            .eTag: answer.entityTag,
            .cacheControl: question.skipsCache
                ? "no-cache" : "public, max-age=\(answer.maxAge(at: now))",
            .age: String(answer.age(at: now)),
            .cacheStatus: cacheStatus,
        ]
        let tags = request.headers[values: .ifNoneMatch].joined(separator: ",")
        if !tags.isEmpty, EntityTagList.matches(tags, answer.entityTag) {
            return Response(status: .notModified, headers: headers)
        }
        headers[.contentType] = "application/json"
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: answer.body))
    }
}
