package import DHTClient
internal import DHTCore
internal import StoreFiles

/// Why a key file cannot be used, as the end of a sentence that names the option.
package struct KeyFileError: Error, CustomStringConvertible {
    package let description: String
}

extension ItemSigner {
    /// The bytes of an Ed25519 seed.
    package static let seedCount = 32

    /// Reads the key in a file: the 64 hex digits of a seed.
    ///
    /// Refuses a file that others than its owner may open. No error tells of the file's content.
    package init(keyFile path: String) throws(KeyFileError) {
        let bytes: [UInt8]
        do throws(SmallFile.Failure) {
            // A key and its line end.
            bytes = try SmallFile.bytes(of: path, limit: 2 * Self.seedCount + 1, isSecret: true)
        } catch {
            throw KeyFileError(description: "\(path) \(error.reason)")
        }
        var digits = bytes[...]
        if digits.last == UInt8(ascii: "\n") { digits.removeLast() }
        guard let seed = [UInt8](hex: String(decoding: digits, as: UTF8.self)),
            let signer = ItemSigner(seed: seed)
        else {
            throw KeyFileError(
                description:
                    "\(path) must hold 64 hex digits; make one with: svc-index keygen"
            )
        }
        self = signer
    }
}
