import Testing

@testable import DHTCore

/// What becomes of queries that the driver cannot send, and how many leave at once.
extension DHTNodeTests {
    /// Drains a node whose driver can send to some endpoints only; what it sent, and the results.
    private func drain(
        _ node: inout TestNode,
        at time: Int,
        canSend: (Endpoint) -> Bool
    ) -> (sent: [Endpoint], finished: [LookupResult]) {
        var sent: [Endpoint] = []
        var finished: [LookupResult] = []
        while let action = node.nextAction() {
            switch action {
            case .send(let datagram) where canSend(datagram.endpoint):
                sent.append(datagram.endpoint)
            case .send(let datagram): node.sendFailed(datagram, at: makeTime(time))
            case .finished(let result): finished.append(result)
            case .harvested, .renewed, .identityChanged, .familyChanged: break
            }
            #expect(node.brokenInvariant(at: makeTime(time)) == nil)
        }
        return (sent, finished)
    }

    @Test func aQueryThatCannotBeSentGivesItsSlotToTheNext() throws {
        var node = makeClient()
        try start(&node, options: LookupOptions(isTraced: true))
        let (sent, _) = drain(&node, at: 0) { $0 != makeEndpoint(1) }
        #expect(sent == [0, 2, 3].map { makeEndpoint($0) })
        #expect(node.counters.queriesUnsent == 1)
        #expect(node.status(at: makeTime(0)).queriesUnderWay == 3)
    }

    @Test func withoutAWayOutALookupEndsAtOnceAndSaysUnknown() throws {
        var node = makeClient()
        try start(&node)
        let (sent, finished) = drain(&node, at: 3) { _ in false }
        #expect(sent.isEmpty)
        let result = try #require(finished.first)
        #expect(result.report.end == .unreachable)
        #expect(result.verdict == .unknown)
        #expect(result.report.failed == 8)
        // No node is to blame for it.
        #expect(node.status(at: makeTime(3)).good == 8)
        #expect(node.status(at: makeTime(3)).responseRatio == nil)
    }

    @Test func aWriteThatCannotBeSentIsReportedAsSuch() throws {
        var node = makeClient(contacts: 1)
        _ = try node.publish(
            .peer(infoHash: hash, port: 80),
            deadline: makeTime(5_000),
            at: makeTime(0)
        )
        let query = try #require(DHTCoreTests.drain(&node).datagrams.first)
        try reply(&node, to: query, at: 20) { $0.token() }
        let (_, finished) = drain(&node, at: 20) { _ in false }
        let write = try #require(finished.first?.write)
        #expect(write.attempted == 1 && write.unsent == 1)
        #expect(write.stored == 0 && write.timedOut == 0 && write.refusals.isEmpty)
    }

    @Test func aReplyThatCannotBeSentEndsNothing() throws {
        var node = makeNode(answersQueries: true)
        var writer = BencodeWriter()
        let envelope = QueryEnvelope(
            transaction: TransactionID(ascii("xyz")),
            sender: makeID(prefix: 1),
            isReadOnly: true
        )
        writer.query(.ping, in: envelope)
        node.receive(writer.bytes.span, from: makeEndpoint(1), at: makeTime(0))
        #expect(drain(&node, at: 0) { _ in false }.sent.isEmpty)
        #expect(node.counters.queriesUnsent == 0)
    }

    @Test func aBurstOfLookupsLeavesAtOnceByDefault() throws {
        let limits = PacingSettings()
        // 250 lookups at once with some 18 queries each, and not more in flight than arrive well.
        #expect(limits.queryBurst >= 250 * 18)
        #expect(limits.queriesInFlight >= 250 * 5)
        var node = makeClient { $0.pacing.queryBurstToOneNode = 1_000 }
        for number in 0..<250 {
            try start(&node, .peers(makeID(prefix: UInt16(number)), .init()))
        }
        #expect(DHTCoreTests.drain(&node).datagrams.count == 250 * 3)
    }
}
