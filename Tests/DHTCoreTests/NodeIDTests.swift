import Randomness
import DHTCore
import Testing

struct NodeIDTests {
    @Test func hexAndBytesRoundTrip() throws {
        var generator = SeededRandom(seed: 1)
        for _ in 0..<100 {
            let id = NodeID.random(using: &generator)
            #expect(NodeID(hex: id.description) == id)
            #expect(NodeID(id.bytes) == id)
        }
        #expect(NodeID(hex: "abc") == nil)
        #expect(NodeID([UInt8](repeating: 0, count: 21)) == nil)
    }

    @Test func distanceOrdersLikeTheBytesOfTheXOR() {
        var generator = SeededRandom(seed: 2)
        for _ in 0..<200 {
            let target = NodeID.random(using: &generator)
            let a = NodeID.random(using: &generator)
            let b = a.randomNeighbour(sharing: Int(generator.next() % 160), using: &generator)
            let xorA = zip(a.bytes, target.bytes).map(^)
            let xorB = zip(b.bytes, target.bytes).map(^)
            #expect(
                (a.distance(to: target) < b.distance(to: target))
                    == xorA.lexicographicallyPrecedes(xorB)
            )
        }
    }

    @Test(arguments: [0, 1, 7, 8, 63, 64, 65, 127, 128, 129, 158, 159])
    func neighbourSharesExactlyThePrefixAskedFor(length: Int) {
        var generator = SeededRandom(seed: 3)
        for _ in 0..<20 {
            let id = NodeID.random(using: &generator)
            let neighbour = id.randomNeighbour(sharing: length, using: &generator)
            #expect(id.commonPrefixLength(with: neighbour) == length)
        }
    }

    @Test(arguments: [0, 1, 7, 61, 62, 63, 64, 100, 159])
    func neighbourAtAPlaceSharesThePrefixAndLiesThere(length: Int) {
        var generator = SeededRandom(seed: 5)
        for place in [0, 1 << 63, .max, generator.next()] as [UInt64] {
            let id = NodeID.random(using: &generator)
            let neighbour = id.randomNeighbour(sharing: length, at: place, using: &generator)
            #expect(id.commonPrefixLength(with: neighbour) == length)
            guard length < 63 else { continue }
            // What follows the bit that differs, as far as it fits.
            let bits = neighbour.bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
            let fitting = 63 - length
            let there = (bits << (length + 1)) >> (64 - fitting)
            #expect(there == place >> (64 - fitting))
        }
    }

    @Test func idIsItsOwnNeighbourAtFullLength() {
        var generator = SeededRandom(seed: 4)
        let id = NodeID.random(using: &generator)
        #expect(id.commonPrefixLength(with: id) == NodeID.bitCount)
    }
}

/// The vectors of BEP 42.
struct SecureIDTests {
    @Test(arguments: [
        (Endpoint(124, 31, 75, 21, port: 1), "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401"),
        (Endpoint(21, 75, 31, 124, port: 1), "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256"),
        (Endpoint(65, 23, 51, 170, port: 1), "a5d43220bc8f112a3d426c84764f8c2a1150e616"),
        (Endpoint(84, 124, 73, 14, port: 1), "1b0321dd1bb1fe518101ceef99462b947a01ff41"),
        (Endpoint(43, 213, 53, 83, port: 1), "e56f6cbf5b7c4be0237986d5243b87aa6d51305a"),
    ])
    func publishedVectorsHold(endpoint: Endpoint, hex: String) throws {
        let id = try makeID(hex)
        #expect(SecureID.isValid(id, for: endpoint))
        let elsewhere = Endpoint(93, 184, 216, 34, port: 1)
        #expect(!SecureID.isValid(id, for: elsewhere))
    }

    @Test func checksumOfAnIPv6NetworkIsTheComputedOne() {
        // r = 1 for 2001:db8:85a3:8d3::; the id's first 21 bits are those of 8113ddef.
        let endpoint = Endpoint(v6: 0x2001_0DB8_85A3_08D3, 1, port: 1)
        let id = NodeID(high: 0x8113_DDEF_0000_0000, middle: 0, low: 1)
        #expect(SecureID.isValid(id, for: endpoint))
        let other = NodeID(high: 0x8113_D5EF_0000_0000, middle: 0, low: 1)
        #expect(!SecureID.isValid(other, for: endpoint))
    }

    @Test func madeIDsAreValidForTheirAddress() {
        var generator = SeededRandom(seed: 5)
        for _ in 0..<100 {
            let address = UInt32(truncatingIfNeeded: generator.next())
            let v4 = Endpoint(v4: address, port: 1)
            #expect(SecureID.isValid(SecureID.make(for: v4, using: &generator), for: v4))
            let v6 = Endpoint(v6: generator.next(), generator.next(), port: 1)
            #expect(SecureID.isValid(SecureID.make(for: v6, using: &generator), for: v6))
        }
    }

    @Test func localAddressesAreExempt() {
        #expect(SecureID.isValid(.zero, for: Endpoint(127, 0, 0, 1, port: 1)))
        #expect(SecureID.isValid(.zero, for: Endpoint(192, 168, 1, 1, port: 1)))
        #expect(!SecureID.isValid(.zero, for: Endpoint(8, 8, 8, 8, port: 1)))
    }
}

struct EndpointTests {
    @Test(arguments: [
        (Endpoint(0, 1, 2, 3, port: 1), Endpoint.Scope.martian),
        (Endpoint(224, 0, 0, 1, port: 1), .martian),
        (Endpoint(255, 255, 255, 255, port: 1), .martian),
        (Endpoint(10, 1, 2, 3, port: 1), .local),
        (Endpoint(127, 0, 0, 1, port: 1), .local),
        (Endpoint(169, 254, 9, 9, port: 1), .local),
        (Endpoint(172, 16, 0, 1, port: 1), .local),
        (Endpoint(172, 32, 0, 1, port: 1), .global),
        (Endpoint(192, 168, 0, 1, port: 1), .local),
        (Endpoint(100, 64, 0, 1, port: 1), .local),
        (Endpoint(198, 18, 0, 1, port: 1), .global),
        (Endpoint(8, 8, 8, 8, port: 1), .global),
        (Endpoint(v6: 0, 0, port: 1), .martian),
        (Endpoint(v6: 0, 1, port: 1), .local),
        (Endpoint(v6: 0, 0xFFFF_0102_0304, port: 1), .martian),
        (Endpoint(v6: 0xFE80 << 48, 1, port: 1), .local),
        (Endpoint(v6: 0xFC00 << 48, 1, port: 1), .local),
        (Endpoint(v6: 0xFF02 << 48, 1, port: 1), .martian),
        (Endpoint(v6: 0x2001_0DB8 << 32, 1, port: 1), .global),
    ])
    func scopeSeparatesWhatStrangersMayName(endpoint: Endpoint, scope: Endpoint.Scope) {
        #expect(endpoint.scope == scope, "\(endpoint)")
    }

    @Test func compactFormRoundTrips() {
        var generator = SeededRandom(seed: 6)
        for _ in 0..<50 {
            let port = UInt16(truncatingIfNeeded: generator.next())
            let v4 = Endpoint(v4: UInt32(truncatingIfNeeded: generator.next()), port: port)
            let v6 = Endpoint(v6: generator.next(), generator.next(), port: port)
            for endpoint in [v4, v6] {
                var bytes: [UInt8] = []
                endpoint.appendCompact(to: &bytes)
                #expect(bytes.count == endpoint.family.compactPeerCount)
                #expect(Endpoint(compact: bytes.span, family: endpoint.family) == endpoint)
                bytes.removeLast()
                #expect(Endpoint(compact: bytes.span, family: endpoint.family) == nil)
            }
        }
    }

    @Test func descriptionIsTheUsualText() {
        #expect(Endpoint(192, 0, 2, 1, port: 6881).description == "192.0.2.1:6881")
        for (high, low, text) in [
            (0x2001_0DB8 << 32, 1, "2001:db8::1"), (0, 1, "::1"), (0, 0, "::"), (1 << 48, 0, "1::"),
            (0x2001_0DB8 << 32, 1 << 48 | 1, "2001:db8::1:0:0:1"),
            (0x1_0000_0002_0003, 0x4_0000_0000_0005, "1:0:2:3:4::5"),
            (0x1_0002_0003_0004, 0x5_0006_0000_0008, "1:2:3:4:5:6:0:8"),
        ] as [(UInt64, UInt64, String)] {
            #expect(Endpoint(v6: high, low, port: 80).description == "[\(text)]:80")
        }
    }

    @Test func networkIsThe24OrThe64() {
        let a = Endpoint(203, 0, 113, 1, port: 1)
        #expect(a.network == Endpoint(203, 0, 113, 250, port: 9).network)
        #expect(a.network != Endpoint(203, 0, 114, 1, port: 1).network)
        let b = Endpoint(v6: 7, 1, port: 1)
        #expect(b.network == Endpoint(v6: 7, 2, port: 1).network)
        #expect(b.network != Endpoint(v6: 8, 1, port: 1).network)
    }
}
