internal import Glibc

/// Orders the providers of a content id; a pure function of its arguments.
///
/// `score = 0.5 r + 0.3 f + 0.2 l`, between 0 and 1, with
/// - `r`, region match: 1 for the caller's region, 0.5 for another region of the same area
///   (`eu-west-1` and `eu-north-1`), 0 otherwise, and 0 where either side names none;
/// - `f`, freshness: `2^(-age / halfLife)` of the time since the provider was last seen;
/// - `l`, liveness: 1 answered lately, 0 did not, 0.5 while nobody knows.
///
/// Equal scores are ordered by last seen (later first), then by id, so the same inputs always come
/// in the same order.
package struct ProviderRanking: Sendable, Equatable {
    /// Age at which freshness has fallen to one half, in seconds.
    package var halfLife: Int
    /// The region of callers that name none.
    package var defaultRegion: Region?
    /// Where not empty, only providers whose host matches one of these are answered.
    package var allowed: [AddressPattern]
    /// Providers whose host matches one of these are never answered; stronger than `allowed`.
    package var denied: [AddressPattern]

    package init(
        halfLife: Int = 3600,
        defaultRegion: Region? = nil,
        allowed: [AddressPattern] = [],
        denied: [AddressPattern] = []
    ) {
        self.halfLife = halfLife
        self.defaultRegion = defaultRegion
        self.allowed = allowed
        self.denied = denied
    }

    /// Why a provider stands where it stands.
    package enum Class: String, Sendable {
        case regionMatch = "region_match"
        case fresh
        case any
    }

    package struct Ranked: Sendable, Equatable {
        package let provider: Provider
        package let score: Double
        package let `class`: Class
    }

    /// The providers that may be answered, best first.
    ///
    /// - Parameters:
    ///   - region: the caller's region; nil takes `defaultRegion`.
    ///   - minimumFreshness: only providers seen within so many seconds of `now`.
    package func rank(
        _ providers: [Provider],
        region: Region?,
        minimumFreshness: Int?,
        at now: UnixTime
    ) -> [Ranked] {
        let region = region ?? defaultRegion
        return
            providers
            .filter { isEligible($0, minimumFreshness: minimumFreshness, at: now) }
            .map { ranked($0, region: region, at: now) }
            .sorted(by: Self.precedes)
    }

    /// Whether a provider may be answered at all.
    func isEligible(
        _ provider: Provider,
        minimumFreshness: Int?,
        at now: UnixTime
    ) -> Bool {
        if let minimumFreshness, now.seconds(since: provider.lastSeen) > minimumFreshness {
            return false
        }
        let host = provider.address.host
        if denied.contains(where: { $0.matches(host: host) }) { return false }
        return allowed.isEmpty || allowed.contains { $0.matches(host: host) }
    }

    private func ranked(_ provider: Provider, region: Region?, at now: UnixTime) -> Ranked {
        let match = regionMatch(provider.region, region)
        let age = now.seconds(since: provider.lastSeen)
        let freshness = exp2(-Double(age) / Double(max(1, halfLife)))
        let liveness = provider.liveness ?? 0.5
        let kind: Class = match == 1 ? .regionMatch : age <= Int64(halfLife) ? .fresh : .any
        return Ranked(
            provider: provider,
            score: min(1, max(0, 0.5 * match + 0.3 * freshness + 0.2 * liveness)),
            class: kind
        )
    }

    private func regionMatch(_ provider: Region?, _ caller: Region?) -> Double {
        guard let provider, let caller else { return 0 }
        if provider == caller { return 1 }
        return provider.area == caller.area ? 0.5 : 0
    }

    private static func precedes(_ left: Ranked, _ right: Ranked) -> Bool {
        if left.score != right.score { return left.score > right.score }
        if left.provider.lastSeen != right.provider.lastSeen {
            return left.provider.lastSeen > right.provider.lastSeen
        }
        return left.provider.id < right.provider.id
    }
}
