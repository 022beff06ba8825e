@testable import DHTCore
import Testing

/// Publications are repeated before the nodes that hold them forget them.
extension DHTNodeTests {
    private func answer(
        _ node: inout TestNode,
        _ query: (endpoint: Endpoint, bytes: [UInt8]),
        at time: Int
    ) throws -> Message {
        let message = try decode(query.bytes)
        let bytes = try makeResponse(to: query.bytes, from: contactID(0)) { writer in
            guard message.kind == .query(.getPeers) else { return }
            writer.token()
        }
        node.receive(bytes.span, from: query.endpoint, at: makeTime(time))
        return message
    }

    @Test func allOfManyAnnouncesAreRepeatedInTime() throws {
        let total = 1_500
        var node = makeClient(contacts: 1) {
            $0.pacing.queriesPerSecondToOneNode = 100_000
            $0.pacing.queryBurstToOneNode = 100_000
        }
        var last: [NodeID: Int] = [:]
        var begun = 0
        var now = 0
        while now < 90 * 60_000 {
            while begun < total, begun < now / 10 + 1 {
                _ = try node.publish(
                    .peer(
                        infoHash: NodeID(high: UInt64(begun + 1) << 40, middle: 7, low: 7),
                        port: nil
                    ),
                    keepsAlive: true,
                    deadline: makeTime(now + 5_000),
                    at: makeTime(now)
                )
                begun += 1
            }
            let queries = drain(&node).datagrams
            for query in queries {
                let message = try answer(&node, query, at: now)
                guard message.kind == .query(.announcePeer) else { continue }
                if let target = message.arguments.target { last[target] = now }
            }
            guard queries.isEmpty else { continue }
            let next = Int(node.nextDeadline.nanoseconds / 1_000_000)
            now = begun < total ? now + 10 : max(now + 1, next)
            node.advance(to: makeTime(now))
        }
        #expect(last.count == total)
        #expect(last.values.allSatisfy { now - $0 < 40 * 60_000 })
    }

    /// The milliseconds at which an announce that is kept alive goes out within 70 minutes; the
    /// only other node answers when `isAnswering` says so.
    private func announceTimes(
        _ node: inout TestNode,
        where isAnswering: (Int) -> Bool = { _ in true }
    ) throws -> [Int] {
        _ = try node.publish(
            .peer(infoHash: hash, port: nil),
            keepsAlive: true,
            deadline: makeTime(5_000),
            at: makeTime(0)
        )
        var announces: [Int] = []
        var now = 0
        while now < 70 * 60_000 {
            let queries = drain(&node).datagrams
            for query in queries where isAnswering(now) {
                let message = try answer(&node, query, at: now)
                if message.kind == .query(.announcePeer) { announces.append(now) }
            }
            #expect(node.brokenInvariant(at: makeTime(now)) == nil)
            // Answers may bring further queries, which are to be answered in time.
            guard queries.isEmpty else { continue }
            now = max(now + 1, Int(node.nextDeadline.nanoseconds / 1_000_000))
            node.advance(to: makeTime(now))
        }
        return announces
    }

    @Test func anAnnounceIsRepeatedWithinHalfAnHour() throws {
        var node = makeClient(contacts: 1)
        let announces = try announceTimes(&node)
        #expect(announces.count >= 3)
        for (earlier, later) in zip(announces, announces.dropFirst()) {
            #expect((15 * 60_000...30 * 60_000).contains(later - earlier))
        }
        node.withdraw(.peer(infoHash: hash, port: nil))
        #expect(node.status(at: makeTime(70 * 60_000)).publications == 0)
    }

    @Test func aFailedRenewalIsTriedAgainSoon() throws {
        var node = makeClient(contacts: 1)
        let announces = try announceTimes(&node) { !(10 * 60_000..<26 * 60_000).contains($0) }
        let pauses = zip(announces, announces.dropFirst()).map { $1 - $0 }
        #expect(announces.count >= 3)
        #expect(pauses.allSatisfy { $0 < 36 * 60_000 }, "\(pauses)")
    }
}
