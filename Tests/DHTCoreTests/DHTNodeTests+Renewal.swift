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
            writer.text("token")
            writer.string(ascii("tok"))
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

    @Test func aFailedRenewalIsTriedAgainSoon() throws {
        var node = makeClient(contacts: 1)
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
            // Nobody answers from minute 10 to 26.
            if !(10 * 60_000..<26 * 60_000).contains(now) {
                for query in queries {
                    let message = try answer(&node, query, at: now)
                    if message.kind == .query(.announcePeer) { announces.append(now) }
                }
            }
            guard queries.isEmpty else { continue }
            now = max(now + 1, Int(node.nextDeadline.nanoseconds / 1_000_000))
            node.advance(to: makeTime(now))
        }
        let pauses = zip(announces, announces.dropFirst()).map { $1 - $0 }
        #expect(announces.count >= 3)
        #expect(pauses.allSatisfy { $0 < 36 * 60_000 }, "\(pauses)")
    }
}
