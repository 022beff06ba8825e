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
            let digest: Digest
            do {
                digest = try Self.digest(of: file)
            } catch {
                StandardStreams.complain(error.message)
                failures += 1
                continue
            }
            try StandardStreams.write(line: line(digest, file))
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

    private static func digest(of file: String) throws(Failure) -> Digest {
        guard !isRepaired(file) else {
            throw Failure(
                .failed,
                "\(file): the file's name is not UTF-8; rename it, or give its bytes on standard "
                    + "input with 'svc-index b3sum - < FILE'"
            )
        }
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

    /// Whether a word of the command line lost its bytes on the way: what is no UTF-8 comes as
    /// U+FFFD, and may then be the name of another file.
    private static func isRepaired(_ file: String) -> Bool {
        guard file.unicodeScalars.contains("\u{FFFD}") else { return false }
        return UnsafeBufferPointer(
            start: CommandLine.unsafeArgv,
            count: Int(CommandLine.argc)
        ).contains { word in
            guard let word else { return false }
            return String(validatingCString: word) == nil && String(cString: word) == file
        }
    }

    private static func failure(_ file: String) -> Failure {
        Failure(.failed, "\(file): \(SystemError.reason(errno))")
    }
}
