import Cache
import Testing

@testable import IndexService

@Suite struct AnswerCacheTests {
    @Test func anAnswerIsServedUntilItsLifeEnds() throws {
        let cache = makeCache()
        let query = AnswerQuery(.resolution, .name(try makeName()))
        let end = at(100)
        let answer = makeAnswer(to: query, freshUntil: end, subjects: cache.stamps(for: query.key))
        cache.insert(.found(answer), for: query, pinned: false, at: at(0))
        #expect(cache.outcome(for: query, at: at(99))?.answer == answer)
        #expect(cache.outcome(for: query, at: at(100)) == nil)
    }

    @Test func pastItsLifeAnAnswerIsStaleAndOneCallerRefreshesIt() throws {
        let cache = makeCache()
        let query = AnswerQuery(.resolution, .name(try makeName()))
        let answer = makeAnswer(
            to: query,
            freshUntil: at(1000),
            staleUntil: at(3000),
            subjects: cache.stamps(for: query.key)
        )
        cache.insert(.found(answer), for: query, pinned: false, at: at(0))
        func cached(at instant: MonotonicInstant) throws -> CachedOutcome {
            try #require(cache.outcome(for: query, at: instant))
        }
        #expect(try !cached(at: at(899)).wantsRefresh)
        let first = try cached(at: at(900))
        #expect(first.wantsRefresh && !first.isStale)
        #expect(try !cached(at: at(901)).wantsRefresh)
        let stale = try cached(at: at(1000))
        #expect(stale.isStale && !stale.wantsRefresh)
        cache.postponeRefresh(of: query, until: at(2000))
        #expect(try !cached(at: at(1999)).wantsRefresh)
        #expect(try cached(at: at(2000)).wantsRefresh)
        #expect(cache.outcome(for: query, at: at(3000)) == nil)
    }

    /// Nobody has claimed the follow-up that failed, so that it can not be given back either.
    @Test func anEarlyAnswerIsDueAfterSecondsAndAgainAfterEachFailure() throws {
        let cache = makeCache()
        let query = AnswerQuery(.resolution, .name(try makeName()))
        let answer = makeAnswer(
            to: query,
            freshUntil: at(300_000),
            coverage: .early,
            subjects: cache.stamps(for: query.key)
        )
        cache.insert(.found(answer), for: query, pinned: false, at: at(0))
        func isDue(at instant: MonotonicInstant) -> Bool? {
            cache.outcome(for: query, at: instant)?.wantsRefresh
        }
        cache.postponeRefresh(of: query, until: at(60_000))
        #expect(isDue(at: at(4999)) == false)
        #expect(isDue(at: at(5000)) == true)
        #expect(isDue(at: at(5001)) == false)
        cache.postponeRefresh(of: query, until: at(10_000))
        #expect(isDue(at: at(9999)) == false)
        #expect(isDue(at: at(10_000)) == true)
    }

    @Test func everyPartOfTheQuestionCounts() throws {
        let cache = makeCache()
        let key = ResolveKey.name(try makeName())
        let region = try Region(parsing: "eu")
        let queries = [
            AnswerQuery(.resolution, key), AnswerQuery(.providers, key),
            AnswerQuery(.resolution, .contentID(makeContentID())),
            AnswerQuery(.resolution, key, limit: 6), AnswerQuery(.resolution, key, region: region),
            AnswerQuery(.resolution, key, minimumFreshness: 6),
        ]
        for (number, query) in queries.enumerated() {
            let stamps = cache.stamps(for: query.key)
            let answer = makeAnswer("\(number)", to: query, subjects: stamps)
            cache.insert(.found(answer), for: query, pinned: false, at: at(0))
        }
        for (number, query) in queries.enumerated() {
            let body = cache.outcome(for: query, at: at(1))?.answer?.bodyBytes
            #expect(body?.elementsEqual("\(number)".utf8) == true)
        }
        // Limits beyond the largest are one question.
        #expect(
            AnswerQuery(.resolution, key, limit: 33) == AnswerQuery(.resolution, key, limit: 32)
        )
    }

    @Test func aWriteEndsTheAnswersThatMentionItAndNoOthers() throws {
        let (cache, target) = (makeCache(), makeContentID("target"))
        let (name, other) = (
            ResolveKey.name(try makeName()), ResolveKey.name(try makeName("other"))
        )
        func fill(_ key: ResolveKey, leadingTo target: ContentID) throws -> AnswerQuery {
            let query = AnswerQuery(.resolution, key)
            let stamps = try #require(cache.stamps(cache.stamps(for: key), leadingTo: target))
            let answer = makeAnswer(to: query, subjects: stamps)
            cache.insert(.found(answer), for: query, pinned: false, at: at(0))
            return query
        }
        for changed in [name, .contentID(target)] {
            let query = try fill(name, leadingTo: target)
            let untouched = try fill(other, leadingTo: makeContentID("elsewhere"))
            #expect(cache.outcome(for: query, at: at(1)) != nil)
            cache.invalidate([changed])
            #expect(cache.outcome(for: query, at: at(1)) == nil)
            #expect(cache.outcome(for: untouched, at: at(1)) != nil)
        }
        let (query, another) = (
            try fill(name, leadingTo: target), try fill(other, leadingTo: target)
        )
        cache.removeAll()
        #expect(cache.outcome(for: query, at: at(1)) == nil)
        #expect(cache.outcome(for: another, at: at(1)) == nil)
    }

    @Test func anAnswerStaysWhenItsKeyIsPinnedAndUnpinned() throws {
        let cache = makeCache()
        let query = AnswerQuery(.resolution, .name(try makeName()))
        let answer = makeAnswer(to: query, subjects: cache.stamps(for: query.key))
        cache.insert(.found(answer), for: query, pinned: false, at: at(0))
        for isPinned in [true, true, false, false, true] {
            cache.setPinned(isPinned, [query.key])
            #expect(cache.statistics.pinnedEntries == (isPinned ? 1 : 0))
            #expect(cache.outcome(for: query, at: at(1))?.answer == answer)
        }
    }

    @Test func smallerBoundsLetTheOldestGo() throws {
        let cache = AnswerCache(limits: CacheLimits(entries: 100, bytes: 1 << 20), shards: 1)
        let queries = try (0..<50).map { AnswerQuery(.resolution, .name(try makeName("n\($0)"))) }
        for query in queries {
            let answer = makeAnswer(to: query, subjects: cache.stamps(for: query.key))
            cache.insert(.found(answer), for: query, pinned: false, at: at(0))
        }
        let before = cache.pinCapacity
        #expect(cache.resize(to: CacheLimits(entries: 10, bytes: 1 << 20), at: at(1)) == 41)
        #expect(cache.statistics.entries == 9)
        #expect(cache.pinCapacity < before)
        #expect(cache.outcome(for: queries[49], at: at(1)) != nil)
        #expect(cache.outcome(for: queries[0], at: at(1)) == nil)
        cache.invalidateAll()
        #expect(cache.outcome(for: queries[49], at: at(1)) == nil)
    }

    @Test func anAnswerMadeFromFactsThatAWriteOvertookIsNeverServed() throws {
        let (cache, target) = (makeCache(), makeContentID("target"))
        let key = ResolveKey.name(try makeName())
        let stamps = cache.stamps(for: key)
        cache.invalidate([key])
        let query = AnswerQuery(.resolution, key)
        let answer = makeAnswer(to: query, subjects: stamps)
        cache.insert(.found(answer), for: query, pinned: true, at: at(0))
        #expect(cache.outcome(for: query, at: at(1)) == nil)
        // Where the facts lead was not known before the write: they must be read again.
        #expect(cache.stamps(stamps, leadingTo: target) == nil)
    }
}

private func at(_ milliseconds: UInt64) -> MonotonicInstant {
    MonotonicInstant(nanoseconds: milliseconds * 1_000_000)
}
