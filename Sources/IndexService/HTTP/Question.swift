/// A `GET` of `/resolve` or `/providers`, parsed: what is asked, and whether RAM may answer it.
struct Question {
    let query: AnswerQuery
    /// `fresh=true`: go past the answer cache.
    let skipsCache: Bool

    init(_ endpoint: Endpoint, target: String) throws(Problem) {
        let parameters = QueryParameters(QueryParameters.split(target).query)
        switch endpoint {
        case .resolve(let key):
            try self.init(resolving: key, parameters)
        case .providers(let id):
            try self.init(providersOf: id, parameters)
        default:
            throw Problem(.internal, "this path asks no question")
        }
    }

    private init(resolving key: String, _ parameters: QueryParameters) throws(Problem) {
        let key = try Self.parseKey(key)
        guard !parameters.isEmpty else {
            query = AnswerQuery(.resolution, key)
            skipsCache = false
            return
        }
        query = AnswerQuery(
            .resolution,
            key,
            limit: try parameters.number("limit", from: 0, clampedTo: AnswerQuery.maximumLimit)
                ?? AnswerQuery.defaultLimit,
            region: try parameters.region()
        )
        skipsCache = try parameters.flag("fresh")
    }

    private init(providersOf text: String, _ parameters: QueryParameters) throws(Problem) {
        let key = ResolveKey.contentID(try Self.parseContentID(text))
        query = AnswerQuery(
            .providers,
            key,
            limit: try parameters.number("limit", from: 1, clampedTo: AnswerQuery.maximumLimit)
                ?? AnswerQuery.defaultLimit,
            region: try parameters.region(),
            minimumFreshness: try parameters.number(
                "min_freshness",
                from: 0,
                clampedTo: 31_536_000
            )
        )
        skipsCache = false
    }

    /// The key of a path segment.
    static func parseKey(_ segment: String) throws(Problem) -> ResolveKey {
        do {
            return try ResolveKey(percentEncoded: segment)
        } catch {
            throw Problem(error)
        }
    }

    /// The content id of a path segment.
    static func parseContentID(_ segment: String) throws(Problem) -> ContentID {
        do {
            return try ContentID(parsing: try PercentDecoding.decodeKey(segment))
        } catch {
            throw Problem(error)
        }
    }
}

extension Problem {
    /// Asked everywhere, and it is not there.
    static func absent(_ key: ResolveKey, cacheStatus: String) -> Problem {
        var problem =
            switch key {
            case .name: Problem(.notFound, "the name is not known here")
            case .contentID: Problem(.notFound, "nothing is known of this content id")
            }
        problem.cacheStatus = cacheStatus
        return problem
    }
}
