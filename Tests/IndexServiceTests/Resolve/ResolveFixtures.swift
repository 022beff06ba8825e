import Cache
import NIOCore

@testable import IndexService

func makeCache(entries: Int = 1000) -> AnswerCache {
    AnswerCache(limits: CacheLimits(entries: entries, bytes: 16 << 20), shards: 1)
}

func makeResolver(
    _ store: IndexStore,
    cache: AnswerCache = makeCache(),
    policy: Resolver.Policy = .init(),
    pins: PinnedKeys = PinnedKeys(),
    metrics: Metrics = Metrics()
) -> Resolver {
    Resolver(cache: cache, store: store, policy: policy, pins: pins, metrics: metrics)
}

func makeAnswer(
    _ body: String = "{}",
    to query: AnswerQuery,
    madeAt: MonotonicInstant = MonotonicInstant(nanoseconds: 0),
    freshUntil: MonotonicInstant = MonotonicInstant(nanoseconds: .max),
    staleUntil: MonotonicInstant? = nil,
    coverage: Answer.Coverage = .full,
    subjects: SubjectStamps
) -> Answer {
    Answer(
        to: query,
        body: Array(body.utf8),
        madeAt: madeAt,
        freshUntil: freshUntil,
        staleUntil: staleUntil ?? freshUntil,
        coverage: coverage,
        subjects: subjects
    )
}

extension Outcome {
    /// The answer, where there is one.
    var answer: Answer? {
        guard case .found(let answer) = self else { return nil }
        return answer
    }

    var isAbsent: Bool { answer == nil }
}

extension CachedOutcome {
    var answer: Answer? { outcome.answer }

    var isAbsent: Bool { outcome.isAbsent }
}

extension Answer {
    /// The body as JSON.
    func json() throws -> JSONObject {
        var parser = JSONParser(limits: JSONParser.Limits(bytes: 1 << 20))
        guard case .object(let object) = try parser.parse(Array(body.readableBytesView).span) else {
            throw TestFailure()
        }
        return object
    }

    /// Life in whole seconds.
    var life: Int { freshUntil.seconds(since: madeAt) }
}
