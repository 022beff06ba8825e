import Randomness
import Testing

@testable import DHTCore

/// The node as a whole: lookups over raw datagrams, matching, limits, maintenance.
struct DHTNodeTests {
    let hash = makeID(prefix: 0x1234)

    /// A client that knows contacts 0 to count - 1, contact 0 being closest to `hash`.
    func makeClient(
        contacts: Int = 8,
        seed: UInt64 = 1,
        _ change: (inout DHTSettings) -> Void = { _ in }
    ) -> TestNode {
        var node = makeNode(id: makeID(prefix: 0xF000), seed: seed, change)
        for number in 0..<contacts {
            let contact = Contact(
                id: contactID(number),
                endpoint: makeEndpoint(number),
                lastAnswered: makeTime(0)
            )
            #expect(node.seed(contact, at: makeTime(0)) == true)
        }
        return node
    }

    func contactID(_ number: Int) -> NodeID {
        NodeID(high: 0x1234 << 48 | UInt64(number + 1) << 24, middle: 0, low: 0)
    }

    @discardableResult
    func start(
        _ node: inout TestNode,
        _ goal: LookupGoal? = nil,
        options: LookupOptions = LookupOptions(),
        deadline: Int = 1_200,
        at time: Int = 0
    ) throws -> LookupID {
        try node.start(
            goal ?? .peers(hash, .init()),
            options: options,
            deadline: makeTime(deadline),
            at: makeTime(time)
        )
    }

    func reply(
        _ node: inout TestNode,
        to query: (endpoint: Endpoint, bytes: [UInt8]),
        at time: Int,
        as sender: NodeID? = nil,
        from peer: Endpoint? = nil,
        _ body: (inout BencodeWriter) -> Void = { _ in }
    ) throws {
        let number = Int(query.endpoint.addressBytes[1]) << 8 | Int(query.endpoint.addressBytes[2])
        let bytes = try makeResponse(to: query.bytes, from: sender ?? contactID(number), body)
        node.receive(bytes.span, from: peer ?? query.endpoint, at: makeTime(time))
        #expect(node.brokenInvariant(at: makeTime(time)) == nil)
    }

    @Test func aProviderLookupDelivers() throws {
        var node = makeClient()
        let id = try start(&node, options: LookupOptions(isTraced: true))
        let queries = drain(&node).queries(.getPeers)
        #expect(queries.map(\.endpoint) == (0..<3).map { makeEndpoint($0) })
        let decoded = try decode(queries[0].bytes)
        #expect(decoded.isReadOnly)
        #expect(decoded.arguments.target == hash)
        try reply(&node, to: queries[1], at: 20) {
            $0.nodes([(contactID(40), makeEndpoint(40))])
        }
        let second = try #require(drain(&node).queries(.getPeers).first)
        try reply(&node, to: queries[0], at: 50) { $0.values([Endpoint(9, 9, 9, 9, port: 80)]) }
        let result = try #require(drain(&node).finished.first)
        #expect(result.id == id)
        #expect(result.verdict == .found)
        #expect(result.report.end == .satisfied)
        #expect(result.report.hops == 1)
        #expect(result.report.queried == 4)
        #expect(result.report.responded == 2)
        #expect(result.report.winner == .alpha)
        #expect(result.providers.map(\.endpoint) == [Endpoint(9, 9, 9, 9, port: 80)])
        #expect(result.trace.count == 4)
        #expect(result.trace[0].took == .milliseconds(50))
        #expect(result.trace[3].endpoint == second.endpoint)
        #expect(result.trace[3].took == nil)
    }

    @Test func aHedgeLeavesAtTheHedgeDelay() throws {
        var node = makeClient()
        try start(&node)
        #expect(drain(&node).datagrams.count == 3)
        #expect(node.nextDeadline == makeTime(150))
        node.advance(to: makeTime(150))
        #expect(drain(&node).queries(.getPeers).count == 2)
        node.advance(to: makeTime(150))
        #expect(drain(&node).datagrams.isEmpty)
    }

    @Test func theDeadlineEndsALookupAsUnknown() throws {
        var node = makeClient()
        try start(&node, deadline: 300)
        node.advance(to: makeTime(300))
        let result = try #require(drain(&node).finished.first)
        #expect(result.report.end == .deadline)
        #expect(result.verdict == .unknown)
        #expect(node.status(at: makeTime(300)).activeLookups == 0)
    }

    @Test func aNodeWithoutContactsCannotLook() throws {
        var node = makeNode()
        try start(&node)
        let result = try #require(drain(&node).finished.first)
        #expect(result.report.end == .noContacts)
        #expect(result.verdict == .unknown)
    }

    @Test func askingEverybodyInVainIsAbsent() throws {
        var node = makeClient(contacts: 4)
        try start(&node)
        var finished: [LookupResult] = []
        for time in 1...4 {
            let drained = drain(&node)
            finished += drained.finished
            for query in drained.datagrams { try reply(&node, to: query, at: time) }
        }
        #expect(finished.first?.report.end == .complete)
        #expect(finished.first?.verdict == .absent)
    }

    // MARK: Matching

    @Test func aReplyFromAnotherAddressOrPortIsDropped() throws {
        var node = makeClient()
        try start(&node)
        let query = try #require(drain(&node).datagrams.first)
        try reply(&node, to: query, at: 1, from: makeEndpoint(77))
        try reply(&node, to: query, at: 1, from: query.endpoint.with(port: 1))
        #expect(node.counters[.wrongAddress] == 2)
        try reply(&node, to: query, at: 2)
        try reply(&node, to: query, at: 3)
        #expect(node.counters[.unsolicited] == 1)
        #expect(node.counters.queriesAnswered == 1)
    }

    @Test func aFloodOfForgedRepliesChangesNothing() throws {
        var node = makeClient(contacts: 1)
        try start(&node)
        let query = try #require(drain(&node).datagrams.first)
        var generator = SeededRandom(seed: 8)
        var forged = try makeResponse(to: query.bytes, from: contactID(0)) {
            $0.values([Endpoint(6, 6, 6, 6, port: 66)])
        }
        let transaction = try decode(forged).transaction
        let truth = try #require(slice(forged, transaction))
        for _ in 0..<5_000 {
            for index in 0..<6 {
                forged[transaction.start + index] = UInt8(truncatingIfNeeded: generator.next())
            }
            // Even with the slot guessed, the nonce is not.
            forged[transaction.start] = truth[0]
            forged[transaction.start + 1] = truth[1]
            node.receive(forged.span, from: query.endpoint, at: makeTime(1))
        }
        #expect(node.counters[.unsolicited] == 5_000)
        #expect(drain(&node).datagrams.isEmpty)
        try reply(&node, to: query, at: 2) { $0.values([Endpoint(9, 9, 9, 9, port: 80)]) }
        let result = try #require(drain(&node).finished.first)
        #expect(result.providers.map(\.endpoint) == [Endpoint(9, 9, 9, 9, port: 80)])
        #expect(node.status(at: makeTime(2)).good == 1)
    }

    @Test func aReplyUnderAnotherIDCountsForTheLookupNotForTheTable() throws {
        var node = makeClient(contacts: 1)
        try start(&node)
        let query = try #require(drain(&node).datagrams.first)
        try reply(&node, to: query, at: 1, as: contactID(99)) {
            $0.values([Endpoint(9, 9, 9, 9, port: 80)])
        }
        #expect(node.counters[.misnamedContact] == 1)
        let result = try #require(drain(&node).finished.first)
        #expect(result.verdict == .found)
        #expect(result.closest.map(\.id) == [contactID(99)])
        #expect(node.status(at: makeTime(1)).good == 0)
    }

    @Test func aReplyUnderAnInsecureIDIsNoAnswerWhereSecureOnesAreRequired() throws {
        var node = makeClient(contacts: 1)
        try start(&node)
        let query = try #require(drain(&node).datagrams.first)
        node.settings.requiresSecureIDs = true
        try reply(&node, to: query, at: 1, as: contactID(99)) {
            $0.values([Endpoint(9, 9, 9, 9, port: 80)])
        }
        let result = try #require(drain(&node).finished.first)
        #expect(result.providers.isEmpty)
        #expect(result.report.end == .unreachable)
        #expect(node.counters[.wrongID] == 1)
    }

    @Test func garbageIsCountedByReason() {
        var node = makeClient()
        for text in ["", "x", "d1:t1:a1:y1:xe", "d1:rd2:id3:abce1:t1:a1:y1:re"] {
            node.receive(ascii(text).span, from: makeEndpoint(1), at: makeTime(0))
        }
        #expect(node.counters[.badBencode] == 2)
        #expect(node.counters[.badMessage] == 1)
        #expect(node.counters[.unsolicited] == 1)
        #expect(drain(&node).datagrams.isEmpty)
    }

    @Test func anErrorReplyEndsTheQuery() throws {
        var node = makeClient(contacts: 1)
        try start(&node)
        let query = try #require(drain(&node).datagrams.first)
        var writer = BencodeWriter()
        let transaction = try decode(query.bytes).transaction
        writer.error(.generic, to: query.bytes.span, transaction: transaction)
        node.receive(writer.bytes.span, from: query.endpoint, at: makeTime(5))
        let result = try #require(drain(&node).finished.first)
        #expect(result.report.failed == 1)
        #expect(node.counters.queriesRefused == 1)
    }

    @Test func addressesThatNoStrangerMayNameAreDropped() throws {
        var node = makeClient(contacts: 1)
        try start(&node)
        let query = try #require(drain(&node).datagrams.first)
        let bad = [
            Endpoint(127, 0, 0, 1, port: 80), Endpoint(10, 0, 0, 1, port: 80),
            Endpoint(224, 0, 0, 1, port: 80), Endpoint(9, 9, 9, 9, port: 0),
        ]
        try reply(&node, to: query, at: 1) { writer in
            writer.nodes(bad.enumerated().map { (contactID(50 + $0.offset), $0.element) })
            writer.values(bad)
        }
        let result = try #require(drain(&node).finished.first)
        #expect(result.providers.isEmpty)
        #expect(node.counters[.forbiddenAddress] == 8)
        #expect(result.report.queried == 1)
    }

    @Test func nodesOfAnOddLengthAreRejected() throws {
        var node = makeClient(contacts: 1)
        try start(&node)
        let query = try #require(drain(&node).datagrams.first)
        try reply(&node, to: query, at: 1) { writer in
            writer.text("nodes")
            writer.string([UInt8](repeating: 1, count: 27))
        }
        #expect(node.counters[.badContact] == 1)
    }

    @Test func atMostTwentyNodesOfAReplyAreTaken() throws {
        var node = makeClient(contacts: 1)
        try start(&node)
        let query = try #require(drain(&node).datagrams.first)
        try reply(&node, to: query, at: 1) { writer in
            writer.nodes((0..<40).map { (contactID(100 + $0), makeEndpoint(100 + $0)) })
        }
        #expect(node.counters[.surplusContact] == 20)
    }

    // MARK: Health

    @Test func onlyNodesThatAnsweredEnterTheTable() throws {
        var node = makeClient(contacts: 1)
        try start(&node)
        let query = try #require(drain(&node).datagrams.first)
        try reply(&node, to: query, at: 1) { writer in
            writer.nodes([(contactID(40), makeEndpoint(40)), (contactID(41), makeEndpoint(41))])
        }
        #expect(node.status(at: makeTime(1)).good == 1)
        let next = drain(&node).queries(.getPeers)
        try reply(&node, to: next[0], at: 30)
        #expect(node.status(at: makeTime(30)).good == 2)
    }

    @Test func aTimeoutLowersAContactsStanding() throws {
        var node = makeClient(contacts: 1)
        try start(&node, deadline: 5_000)
        node.advance(to: makeTime(1_000))
        let status = node.status(at: makeTime(1_000))
        #expect(status.good == 0 && status.questionable == 1)
        #expect(drain(&node).finished.first?.report.end == .unreachable)
    }

    @Test func silenceToBEP44SaysNothingAboutHealth() throws {
        var node = makeClient(contacts: 1)
        try start(&node, .immutable(hash), deadline: 5_000)
        #expect(drain(&node).queries(.get).count == 1)
        node.advance(to: makeTime(1_000))
        #expect(node.status(at: makeTime(1_000)).good == 1)
        #expect(drain(&node).queries(.ping).count == 1)
    }

    @Test func theResponseRatioFollowsTheAnswers() throws {
        var node = makeClient()
        #expect(node.status(at: makeTime(0)).responseRatio == nil)
        try start(&node)
        for query in drain(&node).datagrams { try reply(&node, to: query, at: 5) }
        #expect(node.status(at: makeTime(5)).responseRatio == 1)
        #expect(node.status(at: makeTime(5)).lastAnswer == makeTime(5))
    }

    @Test func theOwnIDFollowsTheAddressThatManySee() throws {
        var node = makeClient(contacts: 8) { $0.adoptsSecureID = true }
        let own = Endpoint(93, 184, 216, 34, port: 6_881)
        try start(&node, .nodes(hash))
        var identities: [NodeID] = []
        for time in 1...4 {
            let drained = drain(&node)
            identities += drained.identities
            for query in drained.datagrams {
                let number = Int(query.endpoint.addressBytes[2])
                let bytes = try makeResponse(
                    to: query.bytes,
                    from: contactID(number),
                    requester: own
                )
                node.receive(bytes.span, from: query.endpoint, at: makeTime(time))
            }
        }
        identities += drain(&node).identities
        #expect(identities == [node.id])
        #expect(SecureID.isValid(node.id, for: own))
        #expect(node.status(at: makeTime(9)).good == 8)
    }

    @Test func eachFamilyHasItsOwnTableAndLookup() throws {
        var node = makeNode { $0.families = [.v4, .v6] }
        let far = Endpoint(v6: 0x2001_0DB8 << 32, 1, port: 6_881)
        let near = Endpoint(v6: 0x2001_0DB9 << 32, 1, port: 6_881)
        for endpoint in [makeEndpoint(1), far] {
            let contact = Contact(
                id: contactID(1),
                endpoint: endpoint,
                lastAnswered: makeTime(0)
            )
            #expect(node.seed(contact, at: makeTime(0)) == true)
        }
        try start(&node, options: LookupOptions(family: .v6))
        let query = try #require(drain(&node).datagrams.first)
        #expect(query.endpoint == far)
        #expect(try decode(query.bytes).arguments.want == [.v4, .v6])
        let response = try makeResponse(to: query.bytes, from: contactID(1)) { writer in
            writer.nodes([(contactID(3), makeEndpoint(3))])
            writer.text("nodes6")
            writer.stringHeader(count: 38)
            contactID(2).append(to: &writer.bytes)
            near.appendCompact(to: &writer.bytes)
        }
        node.receive(response.span, from: far, at: makeTime(5))
        let drained = drain(&node)
        #expect(drained.queries(.getPeers).map(\.endpoint) == [near])
        // The other family's table is all but empty, so its nodes are met as well.
        #expect(drained.queries(.ping).map(\.endpoint) == [makeEndpoint(3)])
    }

    // MARK: Limits

    @Test func lookupsAreBounded() throws {
        var node = makeClient { $0.lookup.activeLimit = 2 }
        try start(&node)
        try start(&node)
        #expect(throws: DHTRefusal.tooManyLookups) { try start(&node) }
        #expect(throws: DHTRefusal.deadlinePassed) { try start(&node, deadline: 0) }
        #expect(throws: DHTRefusal.familyNotAvailable) {
            try start(&node, options: LookupOptions(family: .v6))
        }
    }

    /// A client that has sent the 4 packets of its burst; its two lookups want to send more, and
    /// may send one every 10 ms.
    func makeClientBeyondItsRate() throws -> TestNode {
        var node = makeClient {
            $0.pacing.queriesPerSecond = 100
            $0.pacing.queryBurst = 4
        }
        try start(&node)
        try start(&node, .peers(makeID(prefix: 0x1235), .init()))
        #expect(drain(&node).datagrams.count == 4)
        return node
    }

    @Test func lookupsBeyondTheOverallRateWaitTheirTurn() throws {
        var node = try makeClientBeyondItsRate()
        #expect(node.nextDeadline == makeTime(10))
        node.advance(to: makeTime(10))
        #expect(drain(&node).datagrams.count == 1)
        node.advance(to: makeTime(20))
        #expect(drain(&node).datagrams.count == 1)
        node.advance(to: makeTime(100))
        #expect(drain(&node).datagrams.isEmpty)
        #expect(node.brokenInvariant(at: makeTime(100)) == nil)
    }

    @Test func oneNodeIsSpared() throws {
        var node = makeClient(contacts: 1)
        for number in 0..<30 {
            try start(&node, .peers(makeID(prefix: 0x1200 + UInt16(number)), .init()))
        }
        #expect(drain(&node).datagrams.count == 20)
        var sent = 20
        for time in stride(from: 50, through: 1_000, by: 50) {
            node.advance(to: makeTime(time))
            sent += drain(&node).datagrams.count
        }
        #expect(sent == 22)
    }

    @Test func queriesUnderWayAreBounded() throws {
        var node = makeClient { $0.pacing.queriesInFlight = 5 }
        for number in 0..<3 {
            try start(&node, .peers(makeID(prefix: 0x1200 + UInt16(number)), .init()))
        }
        let first = drain(&node).datagrams
        #expect(first.count == 5)
        try reply(&node, to: first[0], at: 10)
        #expect(drain(&node).datagrams.count == 1)
    }

    // MARK: Harvest

    @Test func answersUnderWayAreHarvested() throws {
        var node = makeClient()
        let options = LookupOptions(harvestTime: .milliseconds(200))
        let id = try start(&node, options: options)
        let queries = drain(&node).datagrams
        try reply(&node, to: queries[0], at: 20) { $0.values([Endpoint(9, 9, 9, 9, port: 80)]) }
        let finished = try #require(drain(&node).finished.first)
        #expect(finished.isHarvesting)
        try reply(&node, to: queries[1], at: 40) { $0.values([Endpoint(9, 9, 9, 8, port: 80)]) }
        #expect(drain(&node).datagrams.isEmpty)
        node.advance(to: makeTime(220))
        let harvested = try #require(drain(&node).harvested.first)
        #expect(harvested.id == id)
        #expect(harvested.providers.count == 2)
        #expect(node.status(at: makeTime(220)).activeLookups == 0)
    }

    @Test func aCancelledLookupSaysSo() throws {
        var node = makeClient()
        let id = try start(&node)
        node.cancel(id, at: makeTime(5))
        #expect(drain(&node).finished.first?.report.end == .cancelled)
        node.cancel(id, at: makeTime(6))
        #expect(drain(&node).finished.isEmpty)
    }
}
