import Randomness
package import DHTCore

/// What the simulated network does to datagrams, and what its nodes are like.
package struct NetworkOptions: Sendable {
    package var seed: UInt64 = 1
    package var nodes = 100
    /// The family of all addresses.
    package var family = AddressFamily.v4
    /// The round trip of a query, which belongs to the node that answers it.
    package var roundTrip = 20...150
    /// The part of the nodes that answer late, and how many times later.
    package var tailFraction = 0.0
    package var tailFactor = 10.0
    /// The part of the nodes that have fallen silent but still stand in everybody's table.
    package var silentFraction = 0.0
    /// The part of the datagrams that is lost.
    package var loss = 0.0
    /// The part of the datagrams that arrives twice.
    package var duplication = 0.0
    /// A datagram takes up to this part of its delay longer; so they also overtake each other.
    package var jitter = 0.1
    /// Let tables have larger first buckets, as the default is for real nodes.
    package var extendsFirstBuckets = false
    /// Check the invariants of the node after every event; slow.
    package var checksInvariants = false
    package var settings = NetworkOptions.makeSettings()

    package init() {}

    /// The settings of a simulated node: the defaults, in server mode.
    package static func makeSettings() -> DHTSettings {
        var settings = DHTSettings()
        settings.answersQueries = true
        settings.adoptsSecureID = false
        return settings
    }
}

/// SHA-1 and Ed25519 as stand-ins that are fast and need no library: good against the simulated
/// liars, who do not compute, and against nobody else.
package enum SimulatedCryptography {
    package static let functions = ItemCryptography(
        sha1: { digest($0) },
        isValidSignature: { signature, message, key in sign(message, key) == signature }
    )

    /// What `isValidSignature` takes for the signature of a message by a key.
    package static func sign(_ message: [UInt8], _ key: PublicKey) -> [UInt8] {
        let hash = digest(key.bytes + message).bytes
        return Array((hash + hash + hash + hash).prefix(64))
    }

    /// A signed mutable item whose value is its sequence number.
    package static func makeItem(_ key: PublicKey, sequence: Int64) -> StoredItem {
        let value = Array("i\(sequence)e".utf8)
        let message = StoredItem.signedBytes(salt: [], sequence: sequence, value: value)
        return StoredItem(
            value: value,
            mutable: .init(publicKey: key, sequence: sequence, signature: sign(message, key))
        )
    }

    /// The public key of a number.
    package static func makeKey(_ number: UInt64) -> PublicKey {
        var random = SeededRandom(seed: number)
        guard let key = PublicKey(random.bytes(count: 32)) else {
            preconditionFailure("32 bytes are a key")
        }
        return key
    }

    private static func digest(_ bytes: [UInt8]) -> NodeID {
        var state: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { state = (state ^ UInt64(byte)) &* 0x100_0000_01B3 }
        var random = SeededRandom(seed: state)
        return NodeID.random(using: &random)
    }
}
