/// A BLAKE3 hash of 32 bytes, held without allocation.
///
/// ```swift
/// let digest = Digest(hashing: Array("abc".utf8))
/// digest.hex      // "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"
/// ```
///
/// Digests are ordered as their hexadecimal forms are. `==` stops at the first difference: compare
/// secrets, such as keyed hashes, in another way.
public struct Digest: Hashable, Sendable {
    /// The number of bytes in a digest.
    public static let byteCount = 32

    /// The bytes in memory order, eight a word.
    private let word0, word1, word2, word3: UInt64

    /// Hashes bytes in one go.
    public init(hashing bytes: UnsafeRawBufferPointer) {
        self.init(.hash, hashing: bytes)
    }

    /// Hashes bytes in one go.
    public init(hashing bytes: RawSpan) {
        self = bytes.withUnsafeBytes { Digest(.hash, hashing: $0) }
    }

    /// Hashes bytes in one go.
    public init(hashing bytes: Span<UInt8>) {
        self.init(hashing: bytes.bytes)
    }

    /// Hashes bytes in one go.
    public init(hashing bytes: [UInt8]) {
        self = bytes.withUnsafeBytes { Digest(.hash, hashing: $0) }
    }

    /// Takes the bytes of a digest as they are; `nil` unless there are exactly 32.
    public init?(bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Self.byteCount else { return nil }
        word0 = bytes.loadUnaligned(as: UInt64.self)
        word1 = bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        word2 = bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
        word3 = bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
    }

    /// Takes the bytes of a digest as they are; `nil` unless there are exactly 32.
    public init?(bytes: Span<UInt8>) {
        guard let digest = bytes.withUnsafeBytes({ Digest(bytes: $0) }) else { return nil }
        self = digest
    }

    /// Takes the bytes of a digest as they are; `nil` unless there are exactly 32.
    public init?(bytes: [UInt8]) {
        self.init(bytes: bytes.span)
    }

    /// Calls `body` with the 32 bytes, valid until it returns.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try Swift.withUnsafeBytes(of: self, body)
    }

    private init(_ mode: Mode, hashing bytes: UnsafeRawBufferPointer) {
        if bytes.count <= Size.chunk {
            var chunk = Chunk(mode, number: 0)
            chunk.append(bytes)
            self.init(chunk.node.rootValue)
        } else {
            var hasher = ContentHasher(mode)
            hasher.update(bytes)
            self = hasher.finalize()
        }
    }

    init(_ value: ChainingValue) {
        (word0, word1, word2, word3) = unsafeBitCast(
            value,
            to: (UInt64, UInt64, UInt64, UInt64).self
        )
    }
}

extension Digest: Comparable {
    public static func < (left: Digest, right: Digest) -> Bool {
        if left.word0 != right.word0 { return left.word0.bigEndian < right.word0.bigEndian }
        if left.word1 != right.word1 { return left.word1.bigEndian < right.word1.bigEndian }
        if left.word2 != right.word2 { return left.word2.bigEndian < right.word2.bigEndian }
        return left.word3.bigEndian < right.word3.bigEndian
    }
}
