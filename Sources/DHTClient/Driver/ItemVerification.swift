internal import Crypto
package import DHTCore
internal import Foundation

extension ItemCryptography {
    /// SHA-1 and Ed25519 of swift-crypto, for BEP 44.
    package static let swiftCrypto = ItemCryptography(
        sha1: { bytes in
            let digest = Insecure.SHA1.hash(data: bytes)
            return digest.withUnsafeBytes { NodeID(Array($0)) } ?? .zero
        },
        isValidSignature: { signature, message, key in
            guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: key.bytes) else {
                return false
            }
            return key.isValidSignature(signature, for: message)
        }
    )
}

/// An Ed25519 key that signs mutable items (BEP 44).
package struct ItemSigner: Sendable {
    private let key: Curve25519.Signing.PrivateKey
    package let publicKey: PublicKey

    /// Takes the 32 bytes of the seed; nil for any other count.
    package init?(seed: [UInt8]) {
        guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed) else {
            return nil
        }
        self.init(key)
    }

    /// Makes a new key.
    package static func random() -> ItemSigner? {
        ItemSigner(Curve25519.Signing.PrivateKey())
    }

    private init?(_ key: Curve25519.Signing.PrivateKey) {
        guard let publicKey = PublicKey(Array(key.publicKey.rawRepresentation)) else { return nil }
        self.key = key
        self.publicKey = publicKey
    }

    /// Signs a bencoded value; nil only when the system's random source fails.
    package func item(value: [UInt8], salt: [UInt8] = [], sequence: Int64) -> StoredItem? {
        let message = StoredItem.signedBytes(salt: salt, sequence: sequence, value: value)
        guard let signature = try? key.signature(for: message) else { return nil }
        return StoredItem(
            value: value,
            mutable: StoredItem.Mutable(
                publicKey: publicKey,
                salt: salt,
                sequence: sequence,
                signature: Array(signature)
            )
        )
    }
}
