import Randomness
import BLAKE3
import Cache
import NIOCore
import Testing

@testable import IndexService

/// What the one piece of memory of an outcome gives back.
@Suite struct OutcomeRecordTests {
    private func makeStamps(_ key: ResolveKey, target: ContentID? = nil) -> SubjectStamps {
        let epochs = SubjectEpochs()
        epochs.bumpAll()
        epochs.bump(key)
        if let target { epochs.bump(.contentID(target)) }
        let stamps = epochs.stamps(for: key)
        return target.flatMap { epochs.stamps(stamps, leadingTo: $0) } ?? stamps
    }

    private func makeQuery(_ random: inout SeededRandom) throws -> AnswerQuery {
        let key: ResolveKey =
            random.oneIn(2)
            ? .name(try random.name())
            : .contentID(makeContentID("\(random.int(in: 0...20))"))
        return AnswerQuery(
            random.oneIn(2) ? .resolution : .providers,
            key,
            limit: random.int(in: 0...3),
            region: random.oneIn(2)
                ? nil : try Region(parsing: random.text(of: "ab0", count: random.int(in: 1...3))),
            minimumFreshness: random.oneIn(2) ? nil : random.int(in: 0...2)
        )
    }

    @Test func everyPartComesBack() throws {
        var random = SeededRandom(seed: 5)
        for _ in 0..<2000 {
            let query = try makeQuery(&random)
            let target = random.oneIn(2) ? nil : makeContentID("\(random.next())")
            let stamps = makeStamps(query.key, target: target)
            // Half of the bodies name the key where the encoder's do, and nearly so.
            let named = "{\"key\":\"" + query.key.description.dropLast(random.int(in: 0...1))
            let body =
                random.oneIn(2) ? random.bytes(count: random.int(in: 0...90)) : Array(named.utf8)
            let made = MonotonicInstant(nanoseconds: random.next() >> 2)
            let coverage = Answer.Coverage.allCases[random.int(in: 0...2)]
            let answer = Answer(
                to: query,
                body: body,
                madeAt: made,
                freshUntil: made.advanced(bySeconds: 300),
                staleUntil: made.advanced(bySeconds: 900),
                coverage: coverage,
                subjects: stamps
            )
            #expect(answer.coverage == coverage)
            #expect(Array(answer.bodyBytes) == body)
            #expect(answer.entityTag == "\"\(ContentID(of: body))\"")
            #expect(answer.madeAt == made)
            #expect(answer.freshUntil == made.advanced(bySeconds: 300))
            #expect(answer.staleUntil == made.advanced(bySeconds: 900))
            #expect(answer.spillKey == query.spillKey)
            let absence = Absence(of: query, freshUntil: made, subjects: stamps)
            #expect(absence.freshUntil == made)
            for kept in [Outcome.found(answer), .absent(absence)] {
                #expect(kept.isAnswer(to: query, query.head))
                #expect(kept.subjects.generation == stamps.generation)
                #expect(kept.subjects.key.slot == stamps.key.slot)
                #expect(kept.subjects.key.epoch == stamps.key.epoch)
                #expect(kept.subjects.target?.slot == stamps.target?.slot)
                #expect(kept.subjects.target?.epoch == stamps.target?.epoch)
            }
        }
    }

    /// Whatever the body says, and whether it has the key: two questions are never confused.
    @Test func anOutcomeAnswersItsOwnQuestionOnly() throws {
        var random = SeededRandom(seed: 6)
        for _ in 0..<20_000 {
            let (asked, other) = (try makeQuery(&random), try makeQuery(&random))
            let body = "{\"key\":\"" + (random.oneIn(2) ? asked : other).key.description
            let stamps = makeStamps(asked.key)
            let outcomes: [Outcome] = [
                .found(makeAnswer(body, to: asked, subjects: stamps)),
                .absent(Absence(of: asked, freshUntil: .distantFuture, subjects: stamps)),
            ]
            for outcome in outcomes {
                #expect(outcome.isAnswer(to: asked, asked.head))
                #expect(outcome.isAnswer(to: other, other.head) == (asked == other))
            }
        }
    }

    @Test func aNameThatTheBodyHasIsKeptOnce() throws {
        let query = AnswerQuery(.resolution, .name(try makeName("libc6")))
        func size(_ body: String) -> Int {
            makeAnswer(body, to: query, subjects: makeStamps(query.key)).record.bytes.count
        }
        #expect(size(#"{"key":"name:libc6"}"#) + 5 == size(#"{"key":"name:libc7"}"#))
        #expect(size(#"{"key":"name:libc6"}"#) == 72 + 20)
    }

    @Test func theMemoryIsOfJustTheSizeThatIsNeeded() throws {
        let query = AnswerQuery(.resolution, .name(try makeName("libc6")))
        for count in 0..<600 {
            let body = String(repeating: "x", count: count)
            let record = makeAnswer(body, to: query, subjects: makeStamps(query.key)).record
            // The allocator rounds up, and does not split off what is too small for a piece.
            #expect(record.bytes.capacity - record.bytes.count < 64)
            let taken = record.bytes.capacity + 40
            #expect((taken...(taken + 15) * 11 / 10).contains(record.heapBytes))
        }
    }
}
