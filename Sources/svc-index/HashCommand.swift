internal import ArgumentParser
internal import BLAKE3
internal import Glibc
internal import IndexService

/// Prints BLAKE3 digests in the format of `b3sum`.
struct HashCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "b3sum",
        abstract: "Prints the BLAKE3 of files, in the format of b3sum.",
        discussion: """
            Examples:
              svc-index b3sum Package.swift
              echo hello | svc-index b3sum -
            """
    )

    @Argument(help: "Files; - is standard input. None: standard input.")
    var files: [String] = []

    @Flag(help: "Print a JSON object a line: {\"file\", \"blake3\"}.")
    var json = false

    func run() throws {
        var failures = 0
        for file in files.isEmpty ? ["-"] : files {
            do {
                StandardStreams.write(line: line(try Self.digest(of: file), file))
            } catch let failure as Failure {
                StandardStreams.complain(failure.message)
                failures += 1
            }
        }
        if failures > 0 { throw ExitCode(Failure.Code.failed.rawValue) }
    }

    private func line(_ digest: Digest, _ file: String) -> String {
        guard json else { return Self.plainLine(digest, file) }
        var writer = JSONWriter()
        writer.beginObject()
        writer.field("file", file)
        writer.field("blake3", digest.hex)
        writer.endObject()
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// A name that would break the line is escaped, and a backslash in front of the line says so.
    private static func plainLine(_ digest: Digest, _ file: String) -> String {
        let escaped = file.unicodeScalars.map { scalar in
            switch scalar {
            case "\\": #"\\"#
            case "\n": #"\n"#
            default: String(scalar)
            }
        }.joined()
        return (escaped == file ? "" : "\\") + digest.hex + "  " + escaped
    }

    private static func digest(of file: String) throws -> Digest {
        let descriptor = file == "-" ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(file) }
        defer { if file != "-" { close(descriptor) } }
        var hasher = ContentHasher()
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure(file) }
            if count == 0 { return hasher.finalize() }
            buffer.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
    }

    private static func failure(_ file: String) -> Failure {
        Failure(.failed, "\(file): \(SystemError.reason(errno))")
    }
}
