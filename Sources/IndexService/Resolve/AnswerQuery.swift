/// One question, reduced to what its answer depends on: the key of the answer cache.
package struct AnswerQuery: Hashable, Sendable {
    /// Which document is asked for.
    package enum Document: Hashable, Sendable {
        /// `GET /resolve/{key}`
        case resolution
        /// `GET /providers/{cid}`
        case providers
    }

    /// Providers in an answer unless the caller says otherwise.
    package static let defaultLimit = 5
    /// The most providers in one answer; a larger `limit` is clamped to it.
    package static let maximumLimit = 32

    package var document: Document
    package var key: ResolveKey
    package var limit: Int
    /// The caller's region; nil: the configured one.
    package var region: Region?
    /// Only providers seen within so many seconds.
    package var minimumFreshness: Int?

    package init(
        _ document: Document,
        _ key: ResolveKey,
        limit: Int = defaultLimit,
        region: Region? = nil,
        minimumFreshness: Int? = nil
    ) {
        self.document = document
        self.key = key
        self.limit = min(max(0, limit), Self.maximumLimit)
        self.region = region
        self.minimumFreshness = minimumFreshness
    }
}
