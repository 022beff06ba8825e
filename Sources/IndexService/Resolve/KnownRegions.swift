internal import Synchronization

/// The regions that providers were ever found in, by which questions are told apart.
///
/// Anybody can name any region. All of those that no provider is in get the same answer, or one an
/// area, so they are one question: else a caller who makes regions up would fill the cache with
/// copies of one answer, and drive all others out.
///
/// A region is known before an answer that shows it is cached, and is never forgotten: an answer
/// that is filed under a region nobody is in was made without providers of any unknown one.
final class KnownRegions: Sendable {
    /// Regions beyond which none is taken for another any more; administrators name them.
    static let maximumCount = 1024

    private struct State {
        var regions: Set<Region> = []
        var areas: Set<Substring> = []
    }

    private let state = Mutex(State())

    /// The question whose answer this one gets.
    func folded(_ query: AnswerQuery) -> AnswerQuery {
        guard let region = query.region else { return query }
        let folded: Region? = state.withLock { state in
            if state.regions.contains(region) || state.regions.count >= Self.maximumCount {
                return nil
            }
            return state.areas.contains(region.area) ? .nobody(in: region.area) : .nobody
        }
        guard let folded else { return query }
        return AnswerQuery(
            query.document,
            query.key,
            limit: query.limit,
            region: folded,
            minimumFreshness: query.minimumFreshness
        )
    }

    /// Takes note of where providers are.
    func learn(_ providers: [Provider]) {
        let regions = Set(providers.lazy.compactMap(\.region))
        guard !regions.isEmpty else { return }
        state.withLock { state in
            for region in regions where state.regions.count < Self.maximumCount {
                guard state.regions.insert(region).inserted else { continue }
                state.areas.insert(region.area)
            }
        }
    }
}

extension Resolver {
    /// The question under which the answer to `query` is filed.
    func folded(_ query: AnswerQuery) -> AnswerQuery {
        regions.folded(query)
    }
}
