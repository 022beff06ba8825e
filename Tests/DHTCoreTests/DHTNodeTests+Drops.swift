@testable import DHTCore
import DHTSimulator
import Testing

/// Every entry of a reply that is not taken is counted under its reason.
extension DHTNodeTests {
    @Test func aNetworkThatHasItsShareOfALookupIsCounted() throws {
        var node = makeClient(contacts: 1)
        try start(&node)
        let query = try #require(drain(&node).datagrams.first)
        try reply(&node, to: query, at: 1) { writer in
            writer.nodes((10..<15).map { (contactID($0), Endpoint(12, 0, 0, UInt8($0), port: 1)) })
        }
        #expect(node.counters[.crowdedNetwork] == 4)
        #expect(drain(&node).queries(.getPeers).count == 1)
    }

    @Test func providersBeyondTheLimitAreCounted() throws {
        var node = makeClient(contacts: 1) { $0.lookup.providersLimit = 8 }
        try start(&node)
        let query = try #require(drain(&node).datagrams.first)
        let peers = (0..<20).map { Endpoint(12, 0, 0, UInt8($0), port: 9) }
        try reply(&node, to: query, at: 1) { $0.values(peers) }
        #expect(node.counters[.surplusProvider] == 12)
        let result = try #require(drain(&node).finished.first)
        #expect(result.providers.count == 8)
        #expect(result.report.discarded == 12)
    }

    @Test func itemsThatProveNothingAreCounted() throws {
        let key = SimulatedCryptography.makeKey(1)
        let good = try #require(SimulatedCryptography.makeItem(key, sequence: 5).mutable)
        var bad = good
        bad.signature[0] ^= 1
        for (mutable, reason) in [(bad, DropReason.forgedItem), (nil, .badItem)] {
            var node = makeClient(contacts: 1)
            try start(&node, .mutable(key, salt: []))
            let query = try #require(drain(&node).datagrams.first)
            try reply(&node, to: query, at: 1) { writer in
                if let mutable {
                    writer.text("k")
                    writer.string(mutable.publicKey.bytes)
                    writer.text("seq")
                    writer.integer(mutable.sequence)
                    writer.text("sig")
                    writer.string(mutable.signature)
                }
                writer.text("v")
                writer.text("i5e")
            }
            #expect(node.counters[reason] == 1, "\(reason)")
            #expect(drain(&node).finished.first?.verdict != .found)
        }
    }
}
