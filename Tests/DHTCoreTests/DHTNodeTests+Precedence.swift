import Testing

@testable import DHTCore

/// Who goes first where a node may only be sent so many packets.
extension DHTNodeTests {
    private var background: LookupOptions { LookupOptions(priority: .background) }

    /// Starts lookups of as many targets, from a first one on.
    private func start(
        _ node: inout TestNode,
        count: Int,
        from first: UInt16 = 0x1200,
        _ options: LookupOptions
    ) throws {
        for number in 0..<count {
            let goal = LookupGoal.peers(makeID(prefix: first + UInt16(number)), .init())
            try start(&node, goal, options: options, deadline: 60_000)
        }
    }

    @Test func whatNobodyWaitsForLeavesEachNodeAPartOfItsBurst() throws {
        var node = makeClient(contacts: 1)
        try start(&node, count: 30, background)
        #expect(drain(&node).datagrams.count == 10)
        try start(&node, count: 30, LookupOptions())
        #expect(drain(&node).datagrams.count == 10)
        #expect(node.counters[heldBackBy: .node, .background] == 20)
        #expect(node.counters[heldBackBy: .node, .caller] == 20)
        #expect(node.counters[heldBackBy: .overall, .caller] == 0)
        #expect(node.counters.queriesHeldBack == 40)
    }

    /// Half a second brings one packet; a caller has it, and the others wait on.
    @Test func callersGoFirstWhereBothWait() throws {
        var node = makeClient(contacts: 1) { $0.lookup.queryTimeout = .seconds(60) }
        try start(&node, count: 12, background)
        try start(&node, count: 12, from: 0x1300, LookupOptions())
        #expect(drain(&node).datagrams.count == 20)
        var sent: [UInt16] = []
        for time in stride(from: 50, through: 1_000, by: 50) {
            node.advance(to: makeTime(time))
            for query in drain(&node).queries(.getPeers) {
                let target = try #require(try decode(query.bytes).arguments.target)
                sent.append(UInt16(target.high >> 48))
            }
        }
        #expect(!sent.isEmpty && sent.allSatisfy { $0 >= 0x1300 })
    }

    /// The end of a lookup in whose way `busy` of the closest nodes are, once it has heard all the
    /// others; nil while it goes on.
    private func end(
        busy: Int,
        _ options: LookupOptions,
        finds: Bool
    ) throws -> LookupEnd? {
        var node = makeClient(contacts: busy) { $0.pacing.queryBurstToOneNode = 1 }
        // What is left of their bursts goes to another lookup.
        try start(&node, .peers(hash, .init(providers: .max)))
        _ = drain(&node)
        node.advance(to: makeTime(400))
        _ = drain(&node)
        for number in busy..<8 {
            let contact = Contact(
                id: contactID(number),
                endpoint: makeEndpoint(number),
                lastAnswered: makeTime(0)
            )
            #expect(node.seed(contact, at: makeTime(400)) == true)
        }
        let goal = LookupGoal.peers(hash, .init(providers: .max))
        let id = try start(&node, goal, options: options, deadline: 60_000, at: 400)
        for _ in 0..<8 {
            let drained = drain(&node)
            if let result = drained.finished.first(where: { $0.id == id }) {
                return result.report.end
            }
            for query in drained.queries(.getPeers) {
                try reply(&node, to: query, at: 420) {
                    if finds { $0.values([Endpoint(9, 9, 9, 9, port: 80)]) }
                }
            }
        }
        return nil
    }

    @Test func whatNobodyWaitsForDoesWithoutAFewNodesOnceItHasFoundSomething() throws {
        #expect(try end(busy: 3, background, finds: true) == .complete)
        // More would be too many, and what has found nothing must ask everybody.
        #expect(try end(busy: 4, background, finds: true) == nil)
        #expect(try end(busy: 1, background, finds: false) == nil)
        #expect(try end(busy: 1, LookupOptions(), finds: true) == nil)
    }

    @Test func aLookupInTheBackgroundIsDoneWhereNobodyElseAsks() throws {
        var node = makeClient { $0.pacing.queryBurstToOneNode = 1 }
        try start(&node, options: background)
        let queries = drain(&node).datagrams
        #expect(queries.count == 3)
        for query in queries { try reply(&node, to: query, at: 20) }
        for query in drain(&node).datagrams { try reply(&node, to: query, at: 40) }
        for query in drain(&node).datagrams { try reply(&node, to: query, at: 60) }
        #expect(drain(&node).finished.first?.verdict == .absent)
    }

    @Test func waitsForTheOverallRateAreCountedOnce() throws {
        let node = try makeClientBeyondItsRate()
        #expect(node.counters[heldBackBy: .overall, .caller] == 1)
        #expect(node.counters[heldBackBy: .node, .caller] == 0)
    }
}
