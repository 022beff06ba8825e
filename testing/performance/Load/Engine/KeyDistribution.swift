import Glibc

/// Which keys are asked for how often.
package enum KeyDistribution: Sendable, Equatable {
    /// So many percent of the requests go to so many percent of the keys: 80/20.
    case hot(requests: Double, keys: Double)
    /// The key of rank r is asked for in proportion to 1 / r^exponent.
    case zipf(exponent: Double)
    case uniform
    /// Every key once, in the order of the file; the run ends after the last one.
    case each

    /// `80/20`, `zipf`, `zipf:0.99`, `uniform`, `each`; nil for anything else.
    package init?(_ text: String) {
        switch text {
        case "uniform": self = .uniform
        case "each": self = .each
        case "zipf": self = .zipf(exponent: 0.99)
        default:
            if text.hasPrefix("zipf:") {
                guard let exponent = Double(text.dropFirst(5)), exponent > 0, exponent <= 5 else {
                    return nil
                }
                self = .zipf(exponent: exponent)
                return
            }
            let parts = text.split(separator: "/").compactMap { Double($0) }
            guard parts.count == 2, parts.allSatisfy({ $0 > 0 && $0 < 100 }) else { return nil }
            self = .hot(requests: parts[0], keys: parts[1])
        }
    }
}

/// Draws keys by a distribution.
///
/// Which keys are the popular ones is shuffled, so that neither the cache's shards nor the
/// database's pages see them side by side.
package struct KeyChooser: Sendable {
    private let distribution: KeyDistribution
    private let order: [Int32]
    private let hotCount: Int
    private let hotShare: Double
    private let aliases: AliasTable?
    private var nextEach: Int
    private let stride: Int

    /// `part` of `parts` workers: with `each` they share the keys out among themselves.
    package init(
        _ distribution: KeyDistribution,
        keys: Int,
        seed: UInt64,
        part: Int = 0,
        parts: Int = 1
    ) {
        precondition(keys > 0 && keys <= Int32.max, "1 to 2^31 - 1 keys")
        self.distribution = distribution
        (nextEach, stride) = (part, parts)
        var ranks = Array(Int32(0)..<Int32(keys))
        if distribution != .each {
            var random = Randomness(seed: seed)
            ranks.shuffle(using: &random)
        }
        order = ranks
        switch distribution {
        case .hot(let requests, let share):
            hotCount = max(1, min(keys, Int(Double(keys) * share / 100)))
            hotShare = hotCount == keys ? 1 : requests / 100
            aliases = nil
        case .zipf(let exponent):
            (hotCount, hotShare) = (0, 0)
            aliases = AliasTable(weights: (1...keys).map { pow(Double($0), -exponent) })
        case .uniform, .each:
            (hotCount, hotShare, aliases) = (0, 0, nil)
        }
    }

    /// The number of a key; nil when every one has had its turn.
    package mutating func next(using random: inout Randomness) -> Int? {
        switch distribution {
        case .uniform: return Int(order[random.below(order.count)])
        case .hot:
            let isHot = random.share() < hotShare
            let rank =
                isHot
                ? random.below(hotCount) : hotCount + random.below(order.count - hotCount)
            return Int(order[rank])
        case .zipf:
            guard let aliases else { return nil }
            return Int(order[aliases.draw(using: &random)])
        case .each:
            guard nextEach < order.count else { return nil }
            defer { nextEach += stride }
            return Int(order[nextEach])
        }
    }
}

/// Draws from any weights in constant time (Walker's alias method, built as Vose does).
struct AliasTable: Sendable {
    private let threshold: [Double]
    private let other: [Int32]

    init(weights: [Double]) {
        let total = weights.reduce(0, +)
        var scaled = weights.map { $0 * Double(weights.count) / total }
        var threshold = [Double](repeating: 1, count: weights.count)
        var other = (0..<Int32(weights.count)).map { $0 }
        var small = scaled.indices.filter { scaled[$0] < 1 }
        var large = scaled.indices.filter { scaled[$0] >= 1 }
        while let poor = small.popLast(), let rich = large.last {
            threshold[poor] = scaled[poor]
            other[poor] = Int32(rich)
            scaled[rich] -= 1 - scaled[poor]
            if scaled[rich] < 1 {
                large.removeLast()
                small.append(rich)
            }
        }
        (self.threshold, self.other) = (threshold, other)
    }

    func draw(using random: inout Randomness) -> Int {
        let index = random.below(threshold.count)
        return random.share() < threshold[index] ? index : Int(other[index])
    }
}
