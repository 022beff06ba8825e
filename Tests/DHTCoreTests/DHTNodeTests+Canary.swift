import Testing

@testable import DHTCore

/// Telling a network that is gone from contacts that are.
extension DHTNodeTests {
    func makeWatchingClient(contacts: Int = 8) -> TestNode {
        makeClient(contacts: contacts) { $0.canaryInterval = .milliseconds(500) }
    }

    /// The pings of a while in which nobody answers, with their times in milliseconds.
    private func pings(_ node: inout TestNode, from start: Int, to end: Int) -> [(Int, Endpoint)] {
        var pings: [(Int, Endpoint)] = []
        var now = start
        while now < end {
            node.advance(to: makeTime(now))
            pings += drain(&node).queries(.ping).map { (now, $0.endpoint) }
            now = max(now + 1, Int(node.nextDeadline.nanoseconds / 1_000_000))
        }
        return pings
    }

    /// Lets every contact answer a lookup, or all but some of them.
    private func lookUp(_ node: inout TestNode, at time: Int, without dead: [Endpoint]) throws {
        try start(&node, .nodes(hash), deadline: time + 5_000, at: time)
        var now = time
        while now < time + 3_000 {
            node.advance(to: makeTime(now))
            for query in drain(&node).datagrams where !dead.contains(query.endpoint) {
                try reply(&node, to: query, at: now)
            }
            now += 20
        }
    }

    @Test func withoutACanaryNobodyIsPingedInASilence() {
        var node = makeClient()
        #expect(pings(&node, from: 0, to: 9_000).isEmpty)
    }

    @Test func aSilentNetworkIsAskedOftenAndNoNodeMoreThanTwiceASecond() {
        var node = makeWatchingClient()
        let asked = pings(&node, from: 0, to: 30_000)
        #expect(asked.prefix(4).map(\.0) == [500, 700, 700, 700])
        #expect((80...200).contains(asked.count))
        #expect(Set(asked.map(\.1)).count == 8)
        for (endpoint, times) in Dictionary(grouping: asked, by: \.1) {
            for (earlier, later) in zip(times, times.dropFirst()) {
                #expect(later.0 - earlier.0 >= 500, "\(endpoint)")
            }
        }
    }

    @Test func answersToOtherQueriesSpareTheCanary() throws {
        var node = makeWatchingClient()
        for time in stride(from: 0, to: 20_000, by: 400) {
            node.advance(to: makeTime(time))
            #expect(drain(&node).queries(.ping).isEmpty)
            try start(&node, deadline: time + 300, at: time)
            for query in drain(&node).datagrams { try reply(&node, to: query, at: time) }
            // All contacts are asked again when the first has answered; then there is peace.
            for query in drain(&node).datagrams { try reply(&node, to: query, at: time) }
            _ = drain(&node)
        }
    }

    @Test func theSilenceOfAllIsHeldAgainstNobody() throws {
        var node = makeWatchingClient()
        try lookUp(&node, at: 0, without: [])
        let all = (0..<8).map { makeEndpoint($0) }
        for round in 1...10 { try lookUp(&node, at: round * 3_000, without: all) }
        let status = node.status(at: makeTime(33_000))
        #expect(status.good == 8)
        #expect(status.responseRatio ?? 0 > 0.9)
        #expect(status.counters.queriesTimedOut > 50)
    }

    @Test(arguments: [false, true])
    func theSilenceOfOneIsItsOwn(isWatching: Bool) throws {
        var node = isWatching ? makeWatchingClient() : makeClient()
        try lookUp(&node, at: 0, without: [])
        try lookUp(&node, at: 3_000, without: [makeEndpoint(0)])
        #expect(node.status(at: makeTime(6_000)).good == 7)
    }

    @Test func aNodeStartedAnewTakesItsOwnPlace() throws {
        var node = makeWatchingClient(contacts: 1)
        node.advance(to: makeTime(500))
        let ping = try #require(drain(&node).queries(.ping).first)
        try reply(&node, to: ping, at: 510, as: contactID(99))
        #expect(node.counters[.misnamedContact] == 1)
        #expect(node.goodContacts(at: makeTime(510)).map(\.id) == [contactID(99)])
        #expect(node.status(at: makeTime(510)).lastAnswer == makeTime(510))
    }

    // MARK: Families

    /// Two families, of four nodes each.
    private func makeClientOfTwoFamilies(isWatching: Bool = true) -> TestNode {
        var node = makeNode {
            $0.families = [.v4, .v6]
            if isWatching { $0.canaryInterval = .milliseconds(500) }
        }
        for (endpoint, id) in contactsOfTwoFamilies {
            let contact = Contact(id: id, endpoint: endpoint, lastAnswered: makeTime(0))
            #expect(node.seed(contact, at: makeTime(0)) == true)
        }
        return node
    }

    private var contactsOfTwoFamilies: [Endpoint: NodeID] {
        let contacts = (0..<8).map { number in
            let prefix = (0x2001_0DB8 + UInt64(number)) << 32
            let far = Endpoint(v6: prefix, 1, port: 6_881)
            return (number < 4 ? makeEndpoint(number) : far, contactID(number))
        }
        return Dictionary(uniqueKeysWithValues: contacts)
    }

    /// Lets time pass in which the nodes of some families answer; the changes that are told.
    private func pass(
        _ node: inout TestNode,
        from start: Int,
        to end: Int,
        answering families: Set<AddressFamily>
    ) throws -> [Bool] {
        let ids = contactsOfTwoFamilies
        var gone: [Bool] = []
        var now = start
        while now < end {
            node.advance(to: makeTime(now))
            var drained = drain(&node)
            while !drained.datagrams.isEmpty || !drained.gone.isEmpty {
                gone += drained.gone
                for query in drained.datagrams where families.contains(query.endpoint.family) {
                    let id = try #require(ids[query.endpoint])
                    let bytes = try makeResponse(to: query.bytes, from: id) { _ in }
                    node.receive(bytes.span, from: query.endpoint, at: makeTime(now))
                }
                drained = drain(&node)
            }
            now = max(now + 1, Int(node.nextDeadline.nanoseconds / 1_000_000))
        }
        return gone
    }

    @Test func aFamilyThatIsSilentAloneForAMinuteIsGoneUntilItAnswers() throws {
        var node = makeClientOfTwoFamilies()
        #expect(try pass(&node, from: 0, to: 10_000, answering: [.v4, .v6]).isEmpty)
        #expect(try pass(&node, from: 10_000, to: 69_000, answering: [.v4]).isEmpty)
        #expect(node.status(at: makeTime(69_000)).good == 8)
        #expect(try pass(&node, from: 69_000, to: 400_000, answering: [.v4]) == [true])
        #expect(node.isGone(.v6) && !node.isGone(.v4))
        let status = node.status(at: makeTime(400_000))
        #expect(status.good == 4 && status.v6 == ContactCount())
        #expect(try pass(&node, from: 400_000, to: 402_000, answering: [.v4, .v6]) == [false])
        #expect(node.status(at: makeTime(402_000)).good == 8)
        #expect(try pass(&node, from: 402_000, to: 500_000, answering: [.v4, .v6]).isEmpty)
    }

    @Test func noFamilyIsGoneWhileAllAreSilent() throws {
        var node = makeClientOfTwoFamilies()
        #expect(try pass(&node, from: 0, to: 10_000, answering: [.v4, .v6]).isEmpty)
        #expect(try pass(&node, from: 10_000, to: 50_000, answering: [.v4]).isEmpty)
        #expect(try pass(&node, from: 50_000, to: 200_000, answering: []).isEmpty)
        // The minute begins anew: after a silence of all, each has yet to answer.
        #expect(try pass(&node, from: 200_000, to: 258_000, answering: [.v4]).isEmpty)
        #expect(try pass(&node, from: 258_000, to: 264_000, answering: [.v4]) == [true])
        // What is gone stays so when the other falls silent, too, and that one is never gone.
        #expect(try pass(&node, from: 264_000, to: 400_000, answering: []).isEmpty)
        #expect(node.isGone(.v6) && !node.isGone(.v4))
    }

    @Test func withoutACanaryNoFamilyIsGone() throws {
        var node = makeClientOfTwoFamilies(isWatching: false)
        #expect(try pass(&node, from: 0, to: 300_000, answering: [.v4]).isEmpty)
    }

    @Test func anAnswerUnderTheOwnIDIsNoSignOfLife() throws {
        var node = makeWatchingClient(contacts: 1)
        node.advance(to: makeTime(500))
        let ping = try #require(drain(&node).queries(.ping).first)
        try reply(&node, to: ping, at: 510, as: node.id)
        #expect(node.status(at: makeTime(510)).lastAnswer == nil)
    }
}
