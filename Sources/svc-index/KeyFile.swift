internal import DHTClient
internal import DHTCore
internal import Glibc
internal import IndexService

/// The file that holds the secret of a key name: the 64 hex digits of an Ed25519 seed.
enum KeyFile {
    /// Makes a new key in a new file of mode 0600; an existing file is never written over.
    static func create(_ path: String) throws(Failure) -> ItemSigner {
        var random = SystemRandomNumberGenerator()
        let seed = (0..<ItemSigner.seedCount).map { _ in UInt8.random(in: 0...255, using: &random) }
        guard let signer = ItemSigner(seed: seed) else {
            throw Failure(.failed, "no key could be made; try again")
        }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw Failure(
                .failed,
                errno == EEXIST
                    ? "\(path) exists and is left as it is; name another file with --out"
                    : "\(path): \(SystemError.reason(errno))"
            )
        }
        defer { close(descriptor) }
        let text = Array((seed.hex + "\n").utf8)
        // So few bytes are written at once or not at all.
        guard write(descriptor, text, text.count) == text.count, fsync(descriptor) == 0 else {
            let reason = SystemError.reason(errno)
            unlink(path)
            throw Failure(.failed, "\(path): \(reason)")
        }
        return signer
    }

    /// Reads a key; refuses a file that others than its owner may open, and anything but a seed.
    static func read(_ path: String) throws(Failure) -> ItemSigner {
        do {
            return try ItemSigner(keyFile: path)
        } catch {
            throw Failure(.usage, "--key-file \(error)")
        }
    }
}
