/// What the spill keeps for a key: opaque bytes and their life, in milliseconds since 1970.
///
/// Wall-clock time, because the entry may outlive the process; the RAM cache's monotonic instants
/// do not.
package struct SpilledEntry: Equatable, Sendable {
    package var value: [UInt8]
    /// Until then the value is as good as new.
    package var freshUntil: Int64
    /// From then on the entry is a miss.
    package var staleUntil: Int64

    package init(value: [UInt8], freshUntil: Int64, staleUntil: Int64) {
        self.value = value
        self.freshUntil = freshUntil
        self.staleUntil = staleUntil
    }

    package func isExpired(at now: Int64) -> Bool { staleUntil <= now }
}

/// Hashes what must not change on disk; the same bytes always give the same hash.
package typealias SpillChecksum = @Sendable ([UInt8]) -> [UInt8]

extension SpilledEntry {
    /// What the checksum covers: key, instants and value, so that no part of an entry is ever taken
    /// for a part of another one.
    func sealedBytes(for key: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(24 + key.count + value.count)
        for number in [Int64(key.count), freshUntil, staleUntil] {
            withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
        }
        bytes.append(contentsOf: key)
        bytes.append(contentsOf: value)
        return bytes
    }
}

/// FNV-1a, 64 bits: the checksum where the caller has no better hash at hand.
///
/// It finds every change of a single byte, since each step is a bijection, and other damage but for
/// one time in 2^64. It is no protection against people.
@Sendable
package func makeFNVChecksum(_ bytes: [UInt8]) -> [UInt8] {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    return withUnsafeBytes(of: hash.littleEndian) { [UInt8]($0) }
}
