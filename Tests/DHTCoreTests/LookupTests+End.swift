import DHTCore
import Testing

/// What the end of a lookup may say: absent only when enough of those near the target said so.
extension LookupTests {
    /// Asks and answers until the end; `answers` says who does, the others' queries time out.
    func run(_ lookup: inout Lookup, answers: (Endpoint) -> Bool) throws -> LookupEnd? {
        var now = 0
        while lookup.ending(at: makeTime(now)) == nil, now < 100_000 {
            let sent = send(&lookup, at: now)
            now += 1_000
            for next in sent where answers(next.endpoint) {
                try answer(&lookup, next, at: now)
            }
            for next in sent where !answers(next.endpoint) {
                lookup.failed(next.place, .timeout, at: makeTime(now))
            }
            lookup.advance(to: makeTime(now))
        }
        #expect(lookup.brokenInvariant == nil)
        return lookup.ending(at: makeTime(now))
    }

    @Test(arguments: 1...4)
    func aSmallNetworkThatAnswersAsOneMaySayAbsent(nodes: Int) throws {
        var lookup = makeLookup(contacts: nodes, deadline: 90_000)
        #expect(try run(&lookup) { _ in true } == .complete)
    }

    @Test(arguments: 1...4)
    func fewAnswersAmidSilenceAreNotEnough(answers: Int) throws {
        var lookup = makeLookup(contacts: 7, deadline: 90_000)
        let live = (0..<answers).map { makeEndpoint($0) }
        #expect(try run(&lookup) { live.contains($0) } == .tooFewAnswers)
    }

    @Test func aQuorumAmidSilenceIsEnough() throws {
        var lookup = makeLookup(contacts: 7, deadline: 90_000)
        let live = (0..<5).map { makeEndpoint($0) }
        #expect(try run(&lookup) { live.contains($0) } == .complete)
    }

    @Test(arguments: [(2, LookupEnd.tooFewAnswers), (3, .complete)])
    func thoseFartherAwayDoNotSpeakForTheSilentClosest(answers: Int, end: LookupEnd) throws {
        var lookup = makeLookup(contacts: 16, deadline: 90_000)
        let silent = (answers..<8).map { makeEndpoint($0) }
        #expect(try run(&lookup) { !silent.contains($0) } == end)
    }

    @Test func whatWasFoundIsFoundHoweverManyAreSilent() throws {
        let goal = LookupGoal.peers(Self.target, .init(providers: .max))
        var lookup = makeLookup(goal, contacts: 16, deadline: 90_000)
        let first = try #require(send(&lookup, at: 0).first)
        try answer(&lookup, first, at: 1)
        lookup.found([makeEndpoint(500)], from: first.place, at: makeTime(1))
        let silent = (1..<8).map { makeEndpoint($0) }
        for place in lookup.shortlist.order where lookup.shortlist[place].state.isUnderWay {
            lookup.failed(place, .timeout, at: makeTime(1_000))
        }
        #expect(try run(&lookup) { !silent.contains($0) } == .complete)
    }

    /// An honest node names eight near the target, three of which are gone.
    private func makeDoubted(
        _ change: (inout LookupSettings) -> Void = { _ in }
    ) throws -> Lookup {
        var lookup = makeLookup(contacts: 16, deadline: 5_000, change)
        for next in send(&lookup, at: 0) { try answer(&lookup, next, at: 20) }
        for number in 0..<8 { lookup.learn(nearID(number), makeEndpoint(100 + number), from: 0) }
        let gone = send(&lookup, at: 20)
        #expect(gone.map(\.endpoint) == (100..<103).map { makeEndpoint($0) })
        lookup.advance(to: makeTime(170))
        let hedges = send(&lookup, at: 170)
        for next in hedges { try answer(&lookup, next, at: 300) }
        // These are still open when the three are overdue.
        #expect(send(&lookup, at: 300).count == 2)
        lookup.advance(to: makeTime(420))
        return lookup
    }

    @Test func theDoubtfulAmongTheClosestAreAskedBeforeTheEnd() throws {
        var lookup = try makeDoubted()
        #expect(lookup.ending(at: makeTime(420)) == nil)
        let asked = send(&lookup, at: 420)
        #expect(asked.first?.endpoint == makeEndpoint(103))
        for next in asked { try answer(&lookup, next, at: 421) }
        for time in 422..<440 {
            for next in send(&lookup, at: time) { try answer(&lookup, next, at: time) }
        }
        let near = lookup.shortlist.candidates.prefix(8)
        #expect(near.allSatisfy { $0.turn > 0 })
        #expect(lookup.ending(at: makeTime(5_000)) == .complete)
        #expect(lookup.brokenInvariant == nil)
    }

    @Test func tooManyDoubtfulOnesLeaveItUnknown() throws {
        let lookup = try makeDoubted { $0.doubtfulLimit = 0 }
        #expect(lookup.ending(at: makeTime(420)) == .tooFewAnswers)
    }

    @Test func whoWasTurnedAwayMightHaveKnown() throws {
        var lookup = makeLookup(contacts: 2, deadline: 90_000)
        lookup.start(with: nearID(1), Endpoint(11, 0, 0, 2, port: 1))
        #expect(try run(&lookup) { _ in true } == .tooFewAnswers)
        var crowded = makeLookup(contacts: 3, deadline: 90_000) { $0.shortlistCapacity = 2 }
        #expect(try run(&crowded) { _ in true } == .tooFewAnswers)
    }
}

extension LookupTests {
    @Test func aShorterChainToOneNodeDoesNotHideAnother() throws {
        var lookup = makeLookup(contacts: 2) { $0.hopCap = 2 }
        let sent = send(&lookup, at: 0)
        try answer(&lookup, sent[0], at: 10)
        lookup.learn(nearID(5), makeEndpoint(100), from: sent[0].place)
        let second = try #require(send(&lookup, at: 10).first)
        try answer(&lookup, second, at: 20)
        lookup.learn(nearID(1), makeEndpoint(101), from: second.place)
        lookup.learn(nearID(2), makeEndpoint(102), from: second.place)
        try answer(&lookup, sent[1], at: 25)
        lookup.learn(nearID(1), makeEndpoint(101), from: sent[1].place)
        for next in send(&lookup, at: 30) { try answer(&lookup, next, at: 40) }
        #expect(lookup.ending(at: makeTime(50)) == .hopCap)
    }
}

extension DHTNodeTests {
    @Test func anItemThatIsThereAlreadyIsPutAtAllOfTheClosest() throws {
        var node = makeClient(contacts: 8)
        let item = StoredItem(value: ascii("5:hello"))
        _ = try node.publish(.item(item), deadline: makeTime(5_000), at: makeTime(0))
        var puts: Set<Endpoint> = []
        for time in 1...20 {
            for query in drain(&node).datagrams {
                let kind = try decode(query.bytes).kind
                if kind == .query(.put) { puts.insert(query.endpoint) }
                try reply(&node, to: query, at: time) { writer in
                    guard kind == .query(.get) else { return }
                    writer.token()
                    writer.text("v")
                    writer.bytes += ascii("5:hello")
                }
            }
        }
        #expect(puts.count == 8)
    }

    @Test func oneAnswerAndSilenceIsUnknown() throws {
        var node = makeClient(contacts: 6)
        try start(&node, deadline: 20_000)
        var finished: [LookupResult] = []
        var hasAnswered = false
        for time in stride(from: 1, to: 10_000, by: 10) {
            let drained = drain(&node)
            finished += drained.finished
            for query in drained.datagrams where !hasAnswered {
                hasAnswered = true
                try reply(&node, to: query, at: time)
            }
            node.advance(to: makeTime(time))
        }
        #expect(finished.first?.report.end == .tooFewAnswers)
        #expect(finished.first?.verdict == .unknown)
    }
}
