import Randomness
import Testing

@testable import DHTCore
@testable import IndexService

/// What several lookups found, as one.
@Suite struct DiscoveredTests {
    /// What one lookup might have found; few values, so that draws meet again.
    private func makePart(_ random: inout SeededRandom) throws -> Discovered {
        let obstacles: [Discovered.Obstacle?] = [nil, .deadline, .overCapacity, .unreachable]
        let obstacle = random.pick(obstacles)
        let verdicts = [.found, .absent] + obstacles.compactMap(\.self).map(Verdict.unknown)
        var part = Discovered(random.pick(verdicts))
        part.obstacle = obstacle
        part.isEarly = random.oneIn(2)
        part.exhausted = Set(AddressFamily.allCases.filter { _ in random.oneIn(2) })
        for number in 1...4 where random.oneIn(2) {
            part.providers.append(
                try makeProvider(
                    "p\(number)",
                    address: "192.0.2.\(number):80",
                    lastSeen: Int64(random.int(in: 1...3))
                )
            )
        }
        part.providers.shuffle(using: &random)
        if !random.oneIn(3) { part.lookup = LookupSummary(makeReport(&random)) }
        return part
    }

    private typealias Verdict = Discovered.Verdict

    private func makeReport(_ random: inout SeededRandom) -> LookupReport {
        var report = LookupReport()
        report.hops = random.int(in: 0...3)
        report.queried = random.int(in: 0...9)
        report.responded = random.int(in: 0...9)
        report.hedged = random.int(in: 0...9)
        report.winner = random.pick([nil, .alpha, .beta])
        report.elapsed = .milliseconds(random.int(in: 0...3))
        return report
    }

    private func merged(_ parts: some Sequence<Discovered>) -> Discovered {
        parts.reduce(into: Discovered(.absent)) { $0.merge($1) }
    }

    @Test(arguments: 1...200 as ClosedRange<UInt64>)
    func theSamePartsInAnyOrderMakeTheSameWhole(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let parts = try (0..<random.int(in: 1...5)).map { _ in try makePart(&random) }
        let whole = merged(parts)
        for _ in 0..<5 {
            let shuffled = parts.shuffled(using: &random)
            #expect(merged(shuffled) == whole, "seed \(seed)")
        }
        let cut = random.int(in: 0...parts.count)
        var halves = merged(parts[..<cut])
        halves.merge(merged(parts[cut...]))
        #expect(halves == whole, "seed \(seed)")
    }

    /// Only what it cost is counted for each lookup.
    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func whatIsKnownAlreadyChangesNothing(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let parts = try (0..<random.int(in: 1...5)).map { _ in try makePart(&random) }
        let whole = merged(parts)
        var again = merged([whole] + parts)
        again.lookup = whole.lookup
        #expect(again == whole, "seed \(seed)")
    }
}
