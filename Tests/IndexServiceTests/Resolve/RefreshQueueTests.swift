import Testing

@testable import IndexService

@Suite struct RefreshQueueTests {
    private let queue = RefreshQueue()

    private func makeQueries(_ count: Int, _ prefix: String = "n") throws -> [AnswerQuery] {
        try (0..<count).map { AnswerQuery(.resolution, .name(try makeName("\(prefix)\($0)"))) }
    }

    /// All that can be taken out now.
    private func takeAll() -> [AnswerQuery] {
        var taken: [AnswerQuery] = []
        while let query = queue.takeNext() { taken.append(query) }
        return taken
    }

    @Test func eachQuestionComesOutOnceInTheOrderInWhichItCame() throws {
        let queries = try makeQueries(5)
        #expect(queue.add(queries) && queue.add(queries.reversed()))
        #expect(takeAll() == queries)
        for query in queries { queue.finish(query) }
        #expect(queue.takeNext() == nil)
        #expect(queue.add(queries[2]))
        #expect(takeAll() == [queries[2]])
    }

    @Test func onlySoManyAreUnderWayAtOnce() throws {
        let queries = try makeQueries(RefreshQueue.places + 2)
        #expect(queue.add(queries))
        #expect(takeAll() == Array(queries.prefix(RefreshQueue.places)))
        queue.finish(queries[0])
        #expect(takeAll() == [queries[RefreshQueue.places]])
    }

    /// While all places are taken and thousands wait, a pinned key that falls due is next.
    @Test func pinnedKeysWaitForNobodyElse() throws {
        let (asked, pinned) = (try makeQueries(5000), try makeQueries(3, "pinned"))
        #expect(queue.add(asked))
        #expect(takeAll().count == RefreshQueue.places)
        queue.add(due: pinned)
        #expect(takeAll() == pinned)
    }

    @Test func norDoTheOthersWaitForPinnedKeys() throws {
        let (asked, pinned) = (try makeQueries(2), try makeQueries(1000, "pinned"))
        queue.add(due: pinned)
        #expect(queue.add(asked))
        #expect(takeAll() == Array(pinned.prefix(RefreshQueue.places)) + asked)
    }

    @Test func aPinnedKeyThatSomebodyAskedForOvertakesTheOthers() throws {
        let queries = try makeQueries(20)
        #expect(queue.add(queries))
        queue.add(due: [queries[19]])
        #expect(queue.takeNext() == queries[19])
        #expect(takeAll() == Array(queries.prefix(RefreshQueue.places)))
    }

    /// A claim in the cache lasts ten seconds, a refresh may take longer.
    @Test func whatIsUnderWayIsNotTakenOnAgain() throws {
        let query = try makeQueries(1)[0]
        #expect(queue.add(query))
        #expect(queue.takeNext() == query)
        #expect(queue.add(query))
        queue.add(due: [query])
        #expect(queue.takeNext() == nil)
        queue.finish(query)
        #expect(queue.takeNext() == nil)
    }

    /// An administrator who says "now" does not mean what was found out before.
    @Test func whatIsWantedAgainIsLookedUpOnceMore() throws {
        let query = try makeQueries(1)[0]
        #expect(queue.add(query))
        #expect(queue.takeNext() == query)
        #expect(queue.add([query], again: true))
        #expect(queue.takeNext() == nil)
        queue.finish(query)
        #expect(queue.takeNext() == query)
        queue.finish(query)
        #expect(queue.takeNext() == nil)
    }

    /// Thousands of new content ids make no stale answer wait.
    @Test func followUpsComeAfterAllOthersAndTakeHalfOfThePlaces() throws {
        let (early, asked) = (try makeQueries(500, "early"), try makeQueries(6))
        for query in early { #expect(queue.add(followUp: query)) }
        #expect(takeAll() == Array(early.prefix(RefreshQueue.followUpPlaces)))
        #expect(queue.add(asked))
        let free = RefreshQueue.places - RefreshQueue.followUpPlaces
        #expect(takeAll() == Array(asked.prefix(free)))
        queue.finish(early[0])
        #expect(takeAll() == [asked[free]])
        queue.add(due: [early[400]])
        #expect(takeAll() == [early[400]])
        for query in asked { queue.finish(query) }
        #expect(takeAll() == [asked[free + 1], early[RefreshQueue.followUpPlaces]])
    }

    /// Nor do thousands of stale answers make what could be bettered wait for good.
    @Test func oneFollowUpAtATimeIsTakenWhileOthersWait() throws {
        let (early, asked) = (try makeQueries(3, "early"), try makeQueries(100))
        #expect(queue.add(asked))
        #expect(takeAll() == Array(asked.prefix(RefreshQueue.places)))
        for query in early { #expect(queue.add(followUp: query)) }
        queue.finish(asked[0])
        #expect(takeAll() == [early[0]])
        queue.finish(asked[1])
        #expect(takeAll() == [asked[RefreshQueue.places]])
        queue.finish(early[0])
        #expect(takeAll() == [early[1]])
    }

    @Test func aFollowUpThatSomebodyNeedsIsOneNoMore() throws {
        let queries = try makeQueries(20)
        for query in queries { #expect(queue.add(followUp: query)) }
        #expect(queue.add(queries[19]))
        #expect(queue.add(followUp: queries[19]))
        #expect(queue.takeNext() == queries[19])
        #expect(queue.add(followUp: queries[19]))
        #expect(takeAll() == Array(queries.prefix(RefreshQueue.followUpPlaces)))
        #expect(queue.waiting(.pinned) == 0)
        #expect(queue.waiting(.asked) == 0)
        #expect(queue.waiting(.followUp) == 15)
    }

    @Test func tooManyFollowUpsAreRefusedAndNothingElse() throws {
        for query in try makeQueries(RefreshQueue.maximumFollowUps) {
            #expect(queue.add(followUp: query))
            #expect(queue.add(followUp: query))
        }
        let more = try makeQueries(1, "more")[0]
        #expect(!queue.add(followUp: more))
        #expect(queue.add(more))
        #expect(queue.takeNext() == more)
    }

    @Test func tooManyAreRefusedWhole() throws {
        let queries = try makeQueries(RefreshQueue.maximumWaiting)
        #expect(queue.add(queries))
        #expect(try !queue.add(makeQueries(1, "more")))
        #expect(queue.add(queries))
        _ = queue.takeNext()
        #expect(try queue.add(makeQueries(1, "more")))
    }
}
