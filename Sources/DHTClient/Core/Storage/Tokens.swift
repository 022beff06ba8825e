/// The write tokens of server mode: keyed hashes of the requester's address and the target (BEP 5).
///
/// Nothing is stored per requester. The secret changes every few minutes and the previous one stays
/// valid, so a token lives between one and two rotations.
package struct Tokens: Sendable {
    private var current: SipKey
    private var previous: SipKey
    private var nextRotation: DHTInstant
    private let rotation: TimeSpan

    package init(
        rotation: TimeSpan,
        at now: DHTInstant,
        using generator: inout some RandomNumberGenerator
    ) {
        current = SipKey(using: &generator)
        previous = current
        nextRotation = now + rotation
        self.rotation = rotation
    }

    /// Changes the secret when its time has come.
    package mutating func rotate(
        at now: DHTInstant,
        using generator: inout some RandomNumberGenerator
    ) {
        guard now >= nextRotation else { return }
        // After a long sleep even the current secret is too old to stay valid.
        let isFresh = now < nextRotation + rotation
        let next = SipKey(using: &generator)
        previous = isFresh ? current : next
        current = next
        nextRotation = now + rotation
    }

    /// The token that lets this address write to this target; eight bytes.
    package func token(for endpoint: Endpoint, target: NodeID) -> UInt64 {
        Self.hash(endpoint, target, current)
    }

    /// Whether a token is one of the current or the previous secret.
    package func isValid(_ token: UInt64, for endpoint: Endpoint, target: NodeID) -> Bool {
        token == Self.hash(endpoint, target, current)
            || token == Self.hash(endpoint, target, previous)
    }

    private static func hash(_ endpoint: Endpoint, _ target: NodeID, _ key: SipKey) -> UInt64 {
        var hash = SipHash(key)
        hash.append(endpoint.high)
        hash.append(endpoint.low)
        hash.append(target.high)
        hash.append(target.middle)
        hash.append(UInt64(target.low) << 8 | UInt64(endpoint.family.rawValue))
        return hash.finish(byteCount: 40)
    }
}

/// The 128-bit key of a SipHash.
struct SipKey: Sendable {
    var first: UInt64
    var second: UInt64

    init(_ first: UInt64, _ second: UInt64) {
        self.first = first
        self.second = second
    }

    init(using generator: inout some RandomNumberGenerator) {
        first = generator.next()
        second = generator.next()
    }
}

/// SipHash-2-4 over whole words (Aumasson and Bernstein, 2012): short input, secret key.
struct SipHash: Sendable {
    private var v0: UInt64
    private var v1: UInt64
    private var v2: UInt64
    private var v3: UInt64

    init(_ key: SipKey) {
        v0 = key.first ^ 0x736F_6D65_7073_6575
        v1 = key.second ^ 0x646F_7261_6E64_6F6D
        v2 = key.first ^ 0x6C79_6765_6E65_7261
        v3 = key.second ^ 0x7465_6462_7974_6573
    }

    mutating func append(_ word: UInt64) {
        v3 ^= word
        round()
        round()
        v0 ^= word
    }

    /// Ends a message whose length is a multiple of eight.
    mutating func finish(byteCount: Int) -> UInt64 {
        append(UInt64(byteCount & 0xFF) << 56)
        v2 ^= 0xFF
        for _ in 0..<4 { round() }
        return v0 ^ v1 ^ v2 ^ v3
    }

    private mutating func round() {
        v0 &+= v1
        v1 = v1 << 13 | v1 >> 51
        v1 ^= v0
        v0 = v0 << 32 | v0 >> 32
        v2 &+= v3
        v3 = v3 << 16 | v3 >> 48
        v3 ^= v2
        v0 &+= v3
        v3 = v3 << 21 | v3 >> 43
        v3 ^= v0
        v2 &+= v1
        v1 = v1 << 17 | v1 >> 47
        v1 ^= v2
        v2 = v2 << 32 | v2 >> 32
    }
}
