internal import DHTClient
internal import DHTCore
internal import Glibc
internal import IndexService

/// The file that holds the secret of a key name: the 64 hex digits of an Ed25519 seed.
enum KeyFile {
    private static let seedCount = 32

    /// Makes a new key in a new file of mode 0600; an existing file is never written over.
    static func create(_ path: String) throws(Failure) -> ItemSigner {
        var random = SystemRandomNumberGenerator()
        let seed = (0..<seedCount).map { _ in UInt8.random(in: 0...255, using: &random) }
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
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw Failure(.usage, "--key-file \(path): \(SystemError.reason(errno))")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw Failure(.usage, "--key-file \(path) is not a file")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw Failure(.usage, "--key-file \(path) is open to others; run: chmod 600 \(path)")
        }
        // One byte more than a key and its line end, to see that the file is longer.
        var buffer = [UInt8](repeating: 0, count: 2 * seedCount + 2)
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        guard count >= 0 else {
            throw Failure(.usage, "--key-file \(path): \(SystemError.reason(errno))")
        }
        var digits = buffer.prefix(count)
        if digits.last == UInt8(ascii: "\n") { digits.removeLast() }
        guard let seed = [UInt8](hex: String(decoding: digits, as: UTF8.self)),
            let signer = ItemSigner(seed: seed)
        else {
            throw Failure(
                .usage,
                "--key-file \(path) must hold 64 hex digits; make one with: svc-index keygen"
            )
        }
        return signer
    }
}
