/// A BEP 44 item: a bencoded value and, when it is mutable, what proves who wrote it.
package struct StoredItem: Hashable, Sendable {
    /// The bencoded value, byte for byte as it was signed or hashed.
    package var value: [UInt8]
    /// Nil for an immutable item.
    package var mutable: Mutable?

    package init(value: [UInt8], mutable: Mutable? = nil) {
        self.value = value
        self.mutable = mutable
    }

    /// What a mutable item has beside its value.
    package struct Mutable: Hashable, Sendable {
        package var publicKey: PublicKey
        /// At most 64 bytes; empty means none.
        package var salt: [UInt8]
        package var sequence: Int64
        /// The 64 bytes of the Ed25519 signature over `signedBytes`.
        package var signature: [UInt8]

        package init(publicKey: PublicKey, salt: [UInt8] = [], sequence: Int64, signature: [UInt8])
        {
            self.publicKey = publicKey
            self.salt = salt
            self.sequence = sequence
            self.signature = signature
        }
    }

    /// The largest bencoded value that nodes store (BEP 44).
    package static let maximumValueCount = 1000
    /// The largest byte string that fits into it with its length and colon.
    package static let maximumStringCount = 996
    /// The longest salt that nodes accept (BEP 44).
    package static let maximumSaltCount = 64

    /// The buffer that a mutable item's signature covers (BEP 44).
    package static func signedBytes(salt: [UInt8], sequence: Int64, value: [UInt8]) -> [UInt8] {
        var writer = BencodeWriter()
        writer.bytes.reserveCapacity(value.count + salt.count + 48)
        if !salt.isEmpty {
            writer.text("salt")
            writer.string(salt)
        }
        writer.text("seq")
        writer.integer(sequence)
        writer.text("v")
        writer.bytes.append(contentsOf: value)
        return writer.bytes
    }

    /// The key that the item is stored under: SHA-1 of the value, or of public key and salt.
    package func target(_ cryptography: ItemCryptography) -> NodeID {
        guard let mutable else { return cryptography.sha1(value) }
        return cryptography.target(publicKey: mutable.publicKey, salt: mutable.salt)
    }

    /// Whether the signature is right; always so for an immutable item, whose target proves it.
    package func isAuthentic(_ cryptography: ItemCryptography) -> Bool {
        guard let mutable else { return true }
        let message = StoredItem.signedBytes(
            salt: mutable.salt,
            sequence: mutable.sequence,
            value: value
        )
        return mutable.signature.count == 64
            && cryptography.isValidSignature(mutable.signature, message, mutable.publicKey)
    }

    /// Whether this item supersedes another: by its sequence number, on a tie by the larger value.
    package func supersedes(_ other: StoredItem) -> Bool {
        guard let mine = mutable?.sequence, let theirs = other.mutable?.sequence else {
            return false
        }
        if mine != theirs { return mine > theirs }
        return other.value.lexicographicallyPrecedes(value)
    }
}

/// An Ed25519 public key: 32 bytes.
package struct PublicKey: Hashable, Sendable {
    package let bytes: [UInt8]

    /// Nil unless there are exactly 32 bytes.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self.bytes = bytes
    }
}

/// The two algorithms that BEP 44 needs and the standard library has not; the driver hands them in.
package struct ItemCryptography: Sendable {
    /// SHA-1 of the bytes.
    package var sha1: @Sendable (_ bytes: [UInt8]) -> NodeID
    /// Whether a 64-byte Ed25519 signature of a message by a key is valid.
    package var isValidSignature:
        @Sendable (_ signature: [UInt8], _ message: [UInt8], _ key: PublicKey) -> Bool

    package init(
        sha1: @escaping @Sendable ([UInt8]) -> NodeID,
        isValidSignature: @escaping @Sendable ([UInt8], [UInt8], PublicKey) -> Bool
    ) {
        self.sha1 = sha1
        self.isValidSignature = isValidSignature
    }

    /// The target of a mutable item (BEP 44).
    package func target(publicKey: PublicKey, salt: [UInt8]) -> NodeID {
        sha1(publicKey.bytes + salt)
    }
}
