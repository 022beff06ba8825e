import Randomness
import Testing

@testable import DHTCore

extension DHTNodeTests {
    /// A node with full tables, the far buckets of which hold hundreds.
    private func makeFullNode() -> TestNode {
        var node = makeNode(id: .zero) { $0.allowsSharedNetworks = true }
        var generator = SeededRandom(seed: 4)
        for bucket in 0..<12 {
            for number in 0..<600 {
                let random = NodeID.random(using: &generator)
                let high = (random.high | 1 << 63) >> UInt64(bucket)
                let id = NodeID(high: high, middle: random.middle, low: random.low)
                let place = bucket * 600 + number
                for endpoint in [
                    makeEndpoint(place), Endpoint(v6: 0x2002 << 48, UInt64(place), port: 1),
                ] {
                    let contact = Contact(id: id, endpoint: endpoint, lastAnswered: makeTime(0))
                    _ = node.seed(contact, at: makeTime(0))
                }
            }
        }
        return node
    }

    @Test func theFirstGoodContactsAreAFairChoice() {
        let node = makeFullNode()
        let all = node.goodContacts(at: makeTime(0))
        #expect(Set(all.map(\.endpoint)).count == all.count)
        let status = node.status(at: makeTime(0))
        #expect(all.count == status.v4.good + status.v6.good)
        let saved = all.prefix(500)
        for family in AddressFamily.allCases {
            let ofFamily = saved.filter { $0.endpoint.family == family }
            #expect(ofFamily.count == 250)
            let buckets = Dictionary(grouping: ofFamily) { node.id.commonPrefixLength(with: $0.id) }
            #expect(Set(buckets.keys) == Set(0..<12))
            // The neighbours are all there, whatever the far buckets hold.
            for bucket in 6..<12 { #expect(buckets[bucket]?.count == 8) }
        }
    }

    @Test func aFamilyLeavesTheRestOfItsShareToTheOther() {
        var node = makeFullNode()
        let four = node.goodContacts(at: makeTime(0)).filter { $0.endpoint.family == .v4 }
        node = makeNode(id: .zero) { $0.allowsSharedNetworks = true }
        for contact in four { _ = node.seed(contact, at: makeTime(0)) }
        #expect(node.goodContacts(at: makeTime(0)).map(\.endpoint) == four.map(\.endpoint))
    }
}
