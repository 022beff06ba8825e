import Cache

/// An answer as the service keeps it: one object, whose body lies elsewhere.
private final class Answer: Sendable {
    let body: [UInt8]

    init(body: [UInt8]) { self.body = body }
}

/// Fills a cache and asks it `count` times; the sum of the bytes that were found.
///
/// What one more hit costs is the difference of two runs: in instructions under callgrind, in
/// allocations under the counting shim of testing/performance.
private func ask(_ count: Int) -> Int {
    let limits = CacheLimits(entries: 2000, bytes: 10_000_000)
    let cache = ShardedCache<Int, Answer>(limits: limits, shardCount: 8)
    let now = MonotonicInstant(nanoseconds: 1)
    let life = Life(startingAt: now, fresh: 1_000_000_000, stale: 0)
    for key in 0..<1000 {
        let answer = Answer(body: Array(repeating: 7, count: 500))
        _ = cache.insert(CacheEntry(key: key, value: answer, life: life, cost: 500), at: now)
    }
    var bytes = 0
    for round in 0..<count {
        guard case .fresh(let answer, _) = cache.value(for: round &* 7919 % 1000, at: now) else {
            preconditionFailure("an entry that was put in is gone")
        }
        bytes += answer.body.count
    }
    return bytes
}

guard CommandLine.arguments.count == 2, let count = Int(CommandLine.arguments[1]) else {
    preconditionFailure("usage: cache-probe HITS")
}
print(ask(count))
