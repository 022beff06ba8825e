@testable import DHTCore
import Testing

/// A few liars cost packets; they hide nobody.
extension DHTNodeTests {
    private var holder: Endpoint { makeEndpoint(300) }
    private var holderID: NodeID { NodeID(high: 0x1234 << 48, middle: 5, low: 5) }

    /// The outcome when contact 0 says that the holder has another id, and the others its true one.
    private func lookUp(lie: NodeID, order: [Int]) throws -> LookupResult? {
        var node = makeClient(contacts: 3)
        try start(&node)
        var finished: [LookupResult] = []
        for time in 1...30 {
            let drained = drain(&node)
            finished += drained.finished
            let queries = drained.datagrams
            let turns = queries.count == 3 ? order : Array(queries.indices)
            for query in turns.map({ queries[$0] }) {
                if query.endpoint == holder {
                    try reply(&node, to: query, at: time, as: holderID) {
                        $0.values([Endpoint(8, 8, 8, 8, port: 80)])
                    }
                } else {
                    let named = query.endpoint == makeEndpoint(0) ? lie : holderID
                    try reply(&node, to: query, at: time) { $0.nodes([(named, holder)]) }
                }
            }
        }
        return finished.first
    }

    @Test(arguments: [[0, 1, 2], [1, 0, 2], [2, 1, 0]])
    func aFalseIDDoesNotHideAnAddress(order: [Int]) throws {
        let near = NodeID(high: 0x1234 << 48, middle: 0, low: 1)
        let far = NodeID(high: .max, middle: 0, low: 0)
        for lie in [near, far] {
            #expect(try lookUp(lie: lie, order: order)?.verdict == .found, "\(lie)")
        }
    }
}

extension LookupTests {
    /// All that eight nodes name, in an order of answers: liars invent 200 each, in the name of
    /// both where `agree`; the others know 20 each.
    private func collect(_ order: [Int], liars: Int, agree: Bool = false) throws -> Lookup {
        var lookup = makeLookup(.peers(hash, .init(providers: .max)), contacts: 8) { $0.alpha = 8 }
        let sent = send(&lookup, at: 0)
        for number in order {
            let next = sent[number]
            try answer(&lookup, next, at: 1)
            let network = UInt8(number < liars && agree ? 0 : number)
            let count = number < liars ? 200 : 20
            let peers = (0..<count).map { Endpoint(12, network, UInt8($0), 1, port: 9) }
            lookup.found(peers, from: next.place, at: makeTime(1))
        }
        return lookup
    }

    @Test(arguments: [true, false])
    func liarsLeaveRoomForWhatOthersName(agree: Bool) throws {
        for order in [Array(0..<8), (0..<8).reversed(), [0, 4, 1, 5, 2, 6, 3, 7]] {
            let lookup = try collect(order, liars: 2, agree: agree)
            #expect(lookup.providers.count == 256)
            let honest = lookup.providers.count { $0.endpoint.addressBytes[1] >= 2 }
            #expect(honest == 6 * 20, "\(order)")
        }
    }

    @Test func theProvidersKeptDoNotDependOnTheOrder() throws {
        func kept(_ order: [Int]) throws -> Set<FoundPeer> {
            Set(try collect(order, liars: 1).providers)
        }
        let reference = try kept(Array(0..<8))
        #expect(try kept((0..<8).reversed()) == reference)
        #expect(try kept([3, 0, 7, 1, 6, 2, 5, 4]) == reference)
    }

    @Test func oneNodeIsOneSightingHoweverOftenItSaysSo() throws {
        var lookup = makeLookup(.peers(hash, .init(providers: 2)))
        let next = try #require(send(&lookup, at: 0).first)
        try answer(&lookup, next, at: 1)
        let peer = makeEndpoint(500)
        lookup.found([peer, peer, peer], from: next.place, at: makeTime(1))
        #expect(lookup.providers == [FoundPeer(endpoint: peer, sightings: 1)])
    }
}

extension ShortlistTests {
    @Test func theCloserOfTwoIDsOfAnAddressCounts() {
        for distances in [[5, 900], [900, 5]] as [[UInt64]] {
            var list = makeShortlist()
            #expect(offer(&list, 100, makeEndpoint(1)) == .added)
            #expect(offer(&list, distances[0], makeEndpoint(2)) == .added)
            #expect(offer(&list, distances[1], makeEndpoint(2)) == .known)
            #expect(list.candidates.map(\.endpoint) == [makeEndpoint(2), makeEndpoint(1)])
            #expect(
                list.candidates.first?.distance
                    == NodeID(high: 5, middle: 0, low: 0)
                    .distance(to: .zero)
            )
        }
    }

    @Test func aFailedCandidateGivesUpItsNetworkAFewTimes() {
        var list = makeShortlist()
        let outcomes = (1...5).map { host in
            let outcome = offer(&list, UInt64(host), Endpoint(11, 0, 0, UInt8(host), port: 1))
            for place in list.order { list[place].state = .failed(.timeout) }
            return outcome
        }
        #expect(outcomes == [.added, .added, .added, .sharedNetwork, .sharedNetwork])
    }
}
