import DHTCore
import Testing

/// Nodes to join by, which a joining lookup must ask.
extension LookupTests {
    /// Answers a query with so many nodes, all closer than anything else; they are numbered on.
    private func name(_ count: Int, in lookup: inout Lookup, by place: UInt8, next: inout Int) {
        for number in next..<next + count {
            lookup.learn(nearID(number), makeEndpoint(1_000 + number), from: place)
        }
        next += count
    }

    /// A joining lookup with bootstrap nodes 0..<count at these addresses.
    private func makeJoin(_ addresses: [Endpoint]) -> Lookup {
        var lookup = makeLookup(.nodes(Self.target), contacts: 0, deadline: 60_000)
        for address in addresses { lookup.start(withBootstrap: address, mustBeAsked: true) }
        return lookup
    }

    /// Whatever others name, and however much of it.
    @Test(arguments: [8, 20])
    func aJoinAsksAllThatItMustInTheirOrder(named: Int) throws {
        let addresses = (0..<16).map { makeEndpoint($0) }
        var lookup = makeJoin(addresses)
        var asked: [Endpoint] = []
        var next = 0
        var time = 0
        while lookup.ending(at: makeTime(time)) == nil, time < 10_000 {
            let sent = send(&lookup, at: time)
            let obliged = sent.filter { addresses.contains($0.endpoint) }
            #expect(obliged.count <= LookupSettings().alpha, "no more at once than alpha")
            asked += obliged.map(\.endpoint)
            time += 10
            for query in sent {
                try answer(&lookup, query, at: time)
                name(named, in: &lookup, by: query.place, next: &next)
            }
        }
        #expect(asked == addresses)
        #expect(lookup.ending(at: makeTime(time)) != nil && time < 10_000)
    }

    @Test func aJoinAsksNodesOfOneNetworkThatItMust() {
        let addresses = (1...3).map { Endpoint(11, 0, 0, UInt8($0), port: 6_881) }
        var lookup = makeJoin(addresses)
        #expect(send(&lookup, at: 0).map(\.endpoint) == addresses)
    }

    @Test func aJoinPassesOverWhomItMayNotAskYet() {
        var lookup = makeJoin((0..<4).map { makeEndpoint($0) })
        lookup.deferCandidate(0, until: makeTime(100))
        #expect(send(&lookup, at: 0).map(\.place) == [1, 2, 3])
        #expect(lookup.nextWake(after: makeTime(0)) == makeTime(100))
    }

    /// Dead ones cost a join so long as a late answer is to be expected, and no more.
    @Test func aJoinWaitsForWhomItMustAskUntilTheyAreOverdue() throws {
        var lookup = makeJoin((0..<4).map { makeEndpoint($0) })
        var next = 0
        for query in send(&lookup, at: 0) where query.place > 0 {
            try answer(&lookup, query, at: 5)
            name(8, in: &lookup, by: query.place, next: &next)
        }
        var time = 10
        while time < 400 {
            lookup.advance(to: makeTime(time))
            #expect(lookup.ending(at: makeTime(time)) == nil)
            for query in send(&lookup, at: time) { try answer(&lookup, query, at: time) }
            time += 10
        }
        lookup.advance(to: makeTime(time))
        #expect(lookup.ending(at: makeTime(time)) == .complete)
    }
}
