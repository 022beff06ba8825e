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

    @Test func whoWasTurnedAwayMightHaveKnown() throws {
        var lookup = makeLookup(contacts: 2, deadline: 90_000)
        lookup.start(with: nearID(1), Endpoint(11, 0, 0, 2, port: 1))
        #expect(try run(&lookup) { _ in true } == .tooFewAnswers)
        var crowded = makeLookup(contacts: 3, deadline: 90_000) { $0.shortlistCapacity = 2 }
        #expect(try run(&crowded) { _ in true } == .tooFewAnswers)
    }
}

extension DHTNodeTests {
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
