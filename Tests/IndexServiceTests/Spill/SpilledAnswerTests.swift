import Randomness
import Cache
import NIOCore
import Spill
import Testing

@testable import IndexService

/// Questions and answers as bytes on disk, and the two clocks.
@Suite struct SpilledAnswerTests {
    private let clock = ClockReading(
        instant: MonotonicInstant(nanoseconds: 5_000_000_000_000),
        wallClock: 1_800_000_000_000
    )

    private let query: AnswerQuery

    init() throws {
        query = AnswerQuery(.resolution, .name(try makeName()))
    }

    private func makeStamped(_ key: ResolveKey, target: ContentID? = nil) -> SubjectStamps {
        let epochs = SubjectEpochs()
        epochs.bump(key)
        let stamps = epochs.stamps(for: key)
        return target.flatMap { epochs.stamps(stamps, leadingTo: $0) } ?? stamps
    }

    private func makeSpilled(
        target: ContentID? = makeContentID("t"),
        coverage: Answer.Coverage = .full
    ) throws -> SpilledEntry {
        let now = clock.instant
        let answer = makeAnswer(
            #"{"a":1}"#,
            to: query,
            madeAt: MonotonicInstant(nanoseconds: now.nanoseconds - 7_000_000_000),
            freshUntil: now.advanced(bySeconds: 60),
            staleUntil: now.advanced(bySeconds: 600),
            coverage: coverage,
            subjects: makeStamped(.name(try makeName()), target: target)
        )
        return answer.spilled(at: clock)
    }

    @Test(arguments: [nil, makeContentID("t")])
    func anAnswerComesBackAsItWas(target: ContentID?) throws {
        let entry = try makeSpilled(target: target)
        let later = ClockReading(
            instant: clock.instant.advanced(bySeconds: 30),
            wallClock: clock.wallClock + 30_000
        )
        let answer = try #require(Answer(to: query, spilled: entry, at: later))
        #expect(Array(answer.body.readableBytesView) == Array(#"{"a":1}"#.utf8))
        #expect(answer.entityTag == "\"\(makeContentID(#"{"a":1}"#))\"")
        #expect(answer.age(at: later.instant) == 37)
        #expect(answer.freshUntil.seconds(since: later.instant) == 30)
        #expect(answer.staleUntil.seconds(since: later.instant) == 570)
        let stamps = makeStamped(.name(try makeName()), target: target)
        #expect(answer.record.subjects.generation == stamps.generation)
        #expect(answer.record.subjects.key.epoch == stamps.key.epoch)
        #expect(answer.record.subjects.key.slot == stamps.key.slot)
        #expect(answer.record.subjects.target?.slot == stamps.target?.slot)
    }

    @Test(arguments: Answer.Coverage.allCases)
    func whatItCoversIsKnownOutOfTheSpillAsWell(coverage: Answer.Coverage) throws {
        let entry = try makeSpilled(coverage: coverage)
        let answer = try #require(Answer(to: query, spilled: entry, at: clock))
        #expect(answer.coverage == coverage)
    }

    /// Nobody knows how old an answer from the future is.
    @Test func aWallClockThatWasSetBackMakesItAMiss() throws {
        let back = ClockReading(instant: clock.instant, wallClock: clock.wallClock - 8000)
        #expect(Answer(to: query, spilled: try makeSpilled(), at: back) == nil)
        let alittle = ClockReading(instant: clock.instant, wallClock: clock.wallClock - 6000)
        #expect(Answer(to: query, spilled: try makeSpilled(), at: alittle) != nil)
    }

    @Test func bytesThatAreCutShortAreNoAnswer() throws {
        let entry = try makeSpilled()
        let head = entry.value.count - #"{"a":1}"#.utf8.count
        for count in 0..<entry.value.count {
            var cut = entry
            cut.value = Array(entry.value.prefix(count))
            #expect(
                (Answer(to: query, spilled: cut, at: clock) != nil) == (count >= head),
                "\(count)"
            )
        }
    }

    @Test func arbitraryBytesNeverTrap() throws {
        var random = SeededRandom(seed: 11)
        let valid = try makeSpilled()
        let epochs = SubjectEpochs()
        for round in 0..<20_000 {
            var entry = SpilledEntry(
                value: random.bytes(count: random.int(in: 0...80)),
                freshUntil: Int64(bitPattern: random.next()),
                staleUntil: Int64(bitPattern: random.next())
            )
            if round.isMultiple(of: 2) {
                entry.value = valid.value
                let place = random.int(in: 0...entry.value.count - 1)
                entry.value[place] ^= UInt8(1 << random.int(in: 0...7))
            } else if !entry.value.isEmpty {
                entry.value[0] = 4
            }
            guard let answer = Answer(to: query, spilled: entry, at: clock) else { continue }
            #expect(answer.freshUntil <= answer.staleUntil)
            _ = epochs.areCurrent(answer.record.subjects)
            _ = (answer.age(at: clock.instant), answer.maxAge(at: clock.instant))
        }
    }

    @Test func everyPartOfAQuestionIsInItsKey() throws {
        var random = SeededRandom(seed: 3)
        var known: [[UInt8]: AnswerQuery] = [:]
        for _ in 0..<20_000 {
            let key: ResolveKey =
                random.oneIn(2)
                ? .name(try random.name())
                : .contentID(makeContentID("\(random.int(in: 0...20))"))
            let query = AnswerQuery(
                random.oneIn(2) ? .resolution : .providers,
                key,
                limit: random.int(in: 0...3),
                region: random.oneIn(2)
                    ? nil
                    : try Region(parsing: random.text(of: "ab0", count: random.int(in: 1...3))),
                minimumFreshness: random.oneIn(2) ? nil : random.int(in: 0...2)
            )
            let other = known.updateValue(query, forKey: query.spillKey)
            #expect(other == nil || other == query)
            #expect(query.spillKey == query.spillKey)
        }
    }

    @Test func theClocksConvertThereAndBack() {
        var random = SeededRandom(seed: 8)
        for _ in 0..<10_000 {
            let offset = UInt64(random.int(in: 0...4_000_000_000_000_000))
            let instant = MonotonicInstant(nanoseconds: offset)
            let back = clock.instant(of: clock.wallClock(of: instant))
            let distance = max(back, instant).nanoseconds(since: min(back, instant))
            #expect(distance < 1_000_000)
        }
        #expect(clock.instant(of: .max) == .distantFuture)
        #expect(clock.instant(of: .min).nanoseconds == 0)
        #expect(clock.wallClock(of: MonotonicInstant(nanoseconds: 0)) == 1_799_995_000_000)
        let edge = ClockReading(instant: clock.instant, wallClock: .max)
        #expect(edge.wallClock(of: .distantFuture) == .max)
        #expect(edge.instant(of: .min).nanoseconds == 0)
    }
}
