/// What a request asks for.
package enum Route: Int, Sendable, CaseIterable {
    case resolve, providers, manifests
    /// A name that nobody has, another one each time: 404 is right.
    case unknown
    /// Always one path.
    case path

    package var name: String { "\(self)" }
}

/// How many of a hundred requests go to which route.
package struct RouteMix: Sendable, Equatable {
    package let weights: [Route: Double]

    package static let resolve = RouteMix(weights: [.resolve: 1])

    package init(weights: [Route: Double]) { self.weights = weights }

    /// `resolve=90,unknown=10`; nil for unknown routes, bad numbers and nothing at all.
    package init?(_ text: String) {
        var weights: [Route: Double] = [:]
        for part in text.split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1)
            guard pair.count == 2, let weight = Double(pair[1]), weight >= 0, weight.isFinite,
                let route = Route.allCases.first(where: { $0.name == pair[0] && $0 != .path })
            else { return nil }
            weights[route, default: 0] += weight
        }
        let total = weights.values.reduce(0, +)
        guard total > 0, total.isFinite else { return nil }
        self.weights = weights
    }

    package func has(_ route: Route) -> Bool { weights[route, default: 0] > 0 }

    /// Routes with the upper ends of their shares of 1, in a fixed order.
    var thresholds: [(route: Route, end: Double)] {
        let total = weights.values.reduce(0, +)
        var end = 0.0
        return Route.allCases.filter(has).map { route in
            end += weights[route, default: 0] / total
            return (route, end)
        }
    }
}

/// Everything a run needs to know.
package struct LoadPlan: Sendable {
    /// An address as text and a port: names are looked up once, before the run.
    package var host = "127.0.0.1"
    package var port: UInt16 = 5304
    package var keys: KeyList?
    package var cids: KeyList?
    package var path: String?
    package var mix = RouteMix.resolve
    package var distribution = KeyDistribution.hot(requests: 80, keys: 20)
    /// Of resolves, how many past the cache; 0 to 1.
    package var fresh = 0.0
    /// Requests a second over all workers; nil sends as fast as answers come.
    package var rate: Double?
    package var connections = 64
    package var threads = 1
    /// Requests that a connection sends at once, before it waits for their answers.
    ///
    /// With a rate, all of them are due when the first of them is.
    package var batch = 1
    /// Nanoseconds, all of them.
    package var duration: UInt64 = 10_000_000_000
    package var warmUp: UInt64 = 1_000_000_000
    package var thinkTime: UInt64 = 0
    package var timeout: UInt64 = 5_000_000_000
    /// Sends no more than so many requests.
    package var requests: Int?
    /// Four batches in flight at most, and a pause after 429 and 5xx, twice as long each time.
    package var adaptive = false
    package var seed: UInt64 = 1

    package init() {}

    /// The connections that one of the workers opens.
    func connections(of worker: Int) -> Int {
        let all = adaptive ? min(connections, 4) : connections
        return all / threads + (worker < all % threads ? 1 : 0)
    }
}
