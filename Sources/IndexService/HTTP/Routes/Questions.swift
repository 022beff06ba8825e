internal import Cache
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

// GET /resolve/{key} and GET /providers/{cid}, where RAM had no answer.

extension IndexResponder {
    func answerQuestion(_ endpoint: Endpoint, _ request: Request) async throws(Problem) -> Response
    {
        let question = try Question(endpoint, target: request.head.path ?? "")
        let resolved: Resolved
        do {
            resolved = try await resolver.resolve(question.query)
        } catch {
            throw Problem(error)
        }
        guard case .found(let answer) = resolved.outcome else {
            throw .absent(question.query.key)
        }
        return response(answer, from: resolved.source, to: question, request)
    }

    private func response(
        _ answer: Answer,
        from source: Resolved.Source,
        to question: Question,
        _ request: Request
    ) -> Response {
        let now = MonotonicInstant.now()
        var headers: HTTPFields = [
            .eTag: answer.entityTag,
            .cacheControl: question.skipsCache
                ? "no-cache" : "public, max-age=\(answer.maxAge(at: now))",
            .age: String(answer.age(at: now)),
            .cacheStatus: question.skipsCache
                ? CacheStatus.bypassed(to: source) : CacheStatus.miss(from: source),
        ]
        let tags = request.headers[values: .ifNoneMatch].joined(separator: ",")
        if !tags.isEmpty, EntityTagList.matches(tags, answer.entityTag) {
            return Response(status: .notModified, headers: headers)
        }
        headers[.contentType] = "application/json"
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: answer.body))
    }
}
