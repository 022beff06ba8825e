package import BLAKE3

/// The BLAKE3-256 of some bytes: what the bytes are, whoever holds them.
///
/// Text form: `b3:` and 64 lowercase hex digits (contract, section 1). Parsing is the only way to
/// make one from text; `description` prints what parses back to the same value.
package struct ContentID: Hashable, Sendable, CustomStringConvertible {
    package static let prefix = "b3:"

    package let digest: Digest

    package init(digest: Digest) {
        self.digest = digest
    }

    /// The content id of `bytes`.
    package init(of bytes: [UInt8]) {
        digest = Digest(hashing: bytes)
    }

    package init(parsing text: some StringProtocol) throws(KeyError) {
        guard text.hasPrefix(Self.prefix) else { throw .contentIDPrefix }
        let hex = text.dropFirst(Self.prefix.count)
        guard hex.utf8.count == Digest.hexCount else { throw .contentIDLength(hex.utf8.count) }
        guard let digest = Digest(hex: hex) else { throw .contentIDDigits }
        self.digest = digest
    }

    /// A content id as the store keeps it: exactly 32 bytes.
    package init?(bytes: some Sequence<UInt8>) {
        guard let digest = Digest(bytes: Array(bytes)) else { return nil }
        self.digest = digest
    }

    package var bytes: [UInt8] {
        digest.withUnsafeBytes { Array($0) }
    }

    package var description: String { Self.prefix + digest.hex }
}
