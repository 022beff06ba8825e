import Randomness
import Cache
import Dispatch
import Foundation
import IndexService
import Synchronization

/// What a hit takes in process: everything between a parsed question and an answer's bytes.
///
///     hit-probe ENTRIES HITS [hot|zipf|uniform]
///
/// Fills a cache by way of the resolver, then asks it so often in three orders: one hot key, a Zipf
/// distribution of exponent 1, uniformly at random; on one thread and on as many as there are
/// cores. The questions are in the processor's caches, as after their parsing; the answers are
/// where they are. Prints nanoseconds a hit, of each thread, as JSON. With an order it asks in that
/// one alone, on one thread. Allocations, instructions and cache misses are the difference of two
/// runs under the counting shim of testing/performance or under valgrind.
@main
struct HitProbe {
    private static let orderNames = ["hot", "zipf", "uniform"]
    /// A power of two.
    private static let longestOrder = 1 << 20
    /// Questions that are read before they are asked.
    private static let blockLength = 128

    static func main() async {
        let arguments = CommandLine.arguments.dropFirst()
        let numbers = arguments.prefix(2).compactMap { Int($0) }
        let order = arguments.dropFirst(2).first
        guard numbers.count == 2, numbers[0] > 0, numbers[1] > 0, arguments.count <= 3,
            order.map(orderNames.contains) ?? true
        else {
            let usage = "usage: hit-probe ENTRIES HITS [\(orderNames.joined(separator: "|"))]\n"
            FileHandle.standardError.write(Data(usage.utf8))
            exit(64)
        }
        do {
            print(try await measure(entries: numbers[0], hits: numbers[1], order: order))
        } catch {
            FileHandle.standardError.write(Data("hit-probe: \(error)\n".utf8))
            exit(1)
        }
    }

    private static func measure(entries: Int, hits: Int, order: String?) async throws -> String {
        let queries = try (0..<entries).map { number in
            AnswerQuery(.resolution, .name(try Name(parsing: "package-\(number)")))
        }
        let resolver = try await makeResolver(answering: queries)
        let cores = ProcessInfo.processInfo.activeProcessorCount
        var fields = ["\"entries\": \(entries)", "\"cores\": \(cores)"]
        for name in order.map({ [$0] }) ?? orderNames {
            let asked = draw(name, of: entries, for: hits)
            for threads in Set(order == nil ? [1, cores] : [1]).sorted() {
                let nanoseconds = try time(resolver, queries, asked, hits: hits, threads: threads)
                fields.append("\"\(name)_\(threads)\": \(nanoseconds)")
            }
        }
        return "{" + fields.joined(separator: ", ") + "}"
    }

    /// Which answer is asked for, time after time.
    private static func draw(_ order: String, of entries: Int, for hits: Int) -> [Int32] {
        var random = SeededRandom(seed: 1)
        let zipf = Zipf(count: entries)
        var length = blockLength
        while length < hits, length < longestOrder { length *= 2 }
        return (0..<length).map { _ in
            switch order {
            case "zipf": Int32(zipf.draw(&random))
            case "uniform": Int32(random.next() % UInt64(entries))
            default: 0
            }
        }
    }

    /// A resolver in whose RAM the answers to all these questions are.
    private static func makeResolver(answering queries: [AnswerQuery]) async throws -> Resolver {
        let store = try IndexStore(path: nil, configuration: IndexStore.Configuration())
        var reader = ImportLineReader()
        var entries: [ImportEntry] = []
        for number in queries.indices {
            let line = """
                {"name":"package-\(number)","manifest":{"number":\(number)},\
                "providers":[{"addr":"http://mirror.example/pool/\(number).deb"}]}
                """
            entries.append(try ImportEntry(try reader.read(Array(line.utf8).span), at: .now()))
        }
        for start in stride(from: 0, to: entries.count, by: 1000) {
            let end = min(entries.count, start + 1000)
            _ = try store.importBatch(Array(entries[start..<end]), at: .now())
        }
        var policy = Resolver.Policy()
        policy.defaultTTL = 3600
        let limits = CacheLimits(entries: 2 * queries.count, bytes: 4 << 30)
        let resolver = Resolver(
            cache: AnswerCache(limits: limits, shards: nil),
            store: store,
            policy: policy,
            pins: PinnedKeys(),
            metrics: Metrics()
        )
        for query in queries { _ = try await resolver.resolve(query, for: .caller) }
        return resolver
    }

    /// Nanoseconds a hit, of each of the threads.
    private static func time(
        _ resolver: Resolver,
        _ queries: [AnswerQuery],
        _ order: [Int32],
        hits: Int,
        threads: Int
    ) throws -> Int {
        let blocks = (hits + blockLength - 1) / blockLength
        let spent = Atomic<UInt64>(0)
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
            let stripe = MetricStripe(loop: thread)
            var (found, nanoseconds, sum): (Int, UInt64, Int) = (0, 0, 0)
            for block in 0..<blocks {
                let start = block * blockLength & (order.count - 1)
                let asked = start..<start + blockLength
                for hit in asked { sum ^= queries[Int(order[hit])].hashValue }
                let began = MonotonicInstant.now()
                found += ask(resolver, queries, order, asked, at: began, on: stripe)
                nanoseconds += MonotonicInstant.now().nanoseconds(since: began)
            }
            precondition(found == blocks * blockLength, "an answer is gone; \(sum)")
            spent.add(nanoseconds, ordering: .relaxed)
        }
        return Int(spent.load(ordering: .relaxed)) / (threads * blocks * blockLength)
    }

    @inline(never)
    private static func ask(
        _ resolver: Resolver,
        _ queries: [AnswerQuery],
        _ order: [Int32],
        _ asked: Range<Int>,
        at now: MonotonicInstant,
        on stripe: MetricStripe
    ) -> Int {
        var found = 0
        for hit in asked {
            let query = queries[Int(order[hit])]
            if resolver.cachedOutcome(for: query, at: now, on: stripe) != nil { found += 1 }
        }
        return found
    }
}

/// The n-th of so many is drawn in proportion to 1/n.
private struct Zipf {
    private let sums: [Double]

    init(count: Int) {
        var sum = 0.0
        sums = (1...count).map { number in
            sum += 1 / Double(number)
            return sum
        }
    }

    func draw(_ random: inout SeededRandom) -> Int {
        let wanted = random.fraction() * (sums.last ?? 0)
        var (low, high) = (0, sums.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if sums[middle] < wanted { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
