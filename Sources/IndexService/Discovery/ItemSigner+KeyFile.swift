package import DHTClient
internal import DHTCore
internal import Glibc
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
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw KeyFileError(description: "\(path): \(SystemError.reason(errno))")
        }
        defer { close(descriptor) }
        guard let permissions = FilePermissions(descriptor: descriptor) else {
            throw KeyFileError(description: "\(path) is not a file")
        }
        guard !permissions.areOpenToOthers else {
            throw KeyFileError(description: "\(path) is open to others; run: chmod 600 \(path)")
        }
        // One byte more than a key and its line end, to see that the file is longer.
        var buffer = [UInt8](repeating: 0, count: 2 * Self.seedCount + 2)
        let count = read(descriptor, &buffer, buffer.count)
        guard count >= 0 else {
            throw KeyFileError(description: "\(path): \(SystemError.reason(errno))")
        }
        var digits = buffer.prefix(count)
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
