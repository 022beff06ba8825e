internal import ArgumentParser
internal import Glibc
internal import IndexService

/// Loads import lines into a store, or through a running service.
struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Loads names, manifests and providers from NDJSON.",
        discussion: """
            A line: {"name": "libc6", "manifest": {…} | "manifest_cid": "b3:…",
              "media_type"?: "…", "ttl_s"?: 300,
              "providers"?: [{"id"?: "…", "addr": "…", "region"?: "…", "ttl_s"?: 60}]}
            A bad line is reported with its number, nothing of it is stored, the
            others go on, and the exit code is 1. Importing the same again changes
            nothing, so run it again when it was cut off.

            Examples:
              svc-index import names.ndjson --db-path ./index
              zcat names.ndjson.gz | svc-index import - --url http://127.0.0.1:5304 \\
                  --auth-token-file ./token
            """
    )

    /// Refusals that are spelled out; the rest is only counted.
    private static let shownRefusals = 20

    @Argument(help: "A file; - is standard input.")
    var file: String

    @Option(help: "The directory of the store, which no running service may hold.")
    var dbPath: String?

    @Option(help: "Where a running service listens.")
    var url: String?

    @Option(help: "The file with the admin token, for --url.")
    var authTokenFile: String?

    @Flag(help: "Print a JSON object a stored batch, and one at the end.")
    var json = false

    func validate() throws {
        guard (dbPath == nil) != (url == nil) else {
            throw ValidationError("give either --db-path or --url")
        }
        guard dbPath != Settings.Database.memory else {
            throw ValidationError(
                "--db-path :memory: would end with this command; give a directory, or go through "
                    + "a running service with --url"
            )
        }
    }

    func run() async throws {
        let input = try InputFile(path: file)
        var reporter = ImportReporter(
            total: input.size,
            printsJSON: json,
            shownRefusals: Self.shownRefusals
        )
        let progress = try await withDestination { store in
            try await Importer(capacity: capacity, storing: store).run(
                read: { try input.next(upTo: Importer.chunkBytes) },
                observer: Importer.Observer(
                    refused: { reporter.refused($0) },
                    progressed: { reporter.progressed($0) },
                    paused: { reporter.paused() }
                )
            )
        }
        try reporter.finished(progress)
        if progress.refused > 0 { throw ExitCode(Failure.Code.failed.rawValue) }
    }

    /// A store of one's own takes many lines at once quickly; a service is to be seen to take them.
    private var capacity: Importer.Capacity {
        url == nil ? Importer.Capacity(batches: 512, bytes: 96 << 20) : Importer.Capacity()
    }

    private func withDestination(
        _ body: (@escaping Importer.Store) async throws -> Importer.Progress
    ) async throws -> Importer.Progress {
        if let url {
            let client = try ServiceClient(url: url, tokenFile: authTokenFile)
            try await client.checkImport()
            return try await body { try await client.store($0) }
        }
        let path = dbPath ?? ""
        do {
            let store = try IndexStore(path: path, configuration: .forImport)
            let progress = try await body { try await store.storeBatch($0) }
            try await store.close()
            return progress
        } catch let error as StoreError {
            throw StorePath.failure(error, at: path)
        }
    }
}

extension IndexStore.Configuration {
    /// For a store that nobody reads meanwhile.
    fileprivate static var forImport: Self {
        var configuration = Self()
        configuration.readers = 1
        // Half of it is the reader's, which reads nothing. The rest holds the inner pages; leaves
        // come in the order of their keys, once a transaction, and are not worth keeping.
        configuration.pageCacheBytes = 128 << 20
        // 64 MiB: a page that many small transactions change is folded into the database once.
        configuration.checkpointPages = 16_384
        // To write over what is there is cheaper than to make it anew.
        configuration.keptLogBytes = 1 << 30
        return configuration
    }
}

/// A file or standard input, read in chunks.
struct InputFile: Sendable {
    private let descriptor: Int32
    private let name: String
    /// Bytes in all; nil where the input does not say.
    let size: Int?

    init(path: String) throws {
        name = path == "-" ? "standard input" : path
        descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        var status = stat()
        guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
            throw Failure(.failed, "\(path): \(SystemError.reason(errno))")
        }
        guard status.st_mode & S_IFMT != S_IFDIR else {
            throw Failure(.failed, "\(path): is a directory")
        }
        size = status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
    }

    /// The next bytes; waits for them no longer than a batch does.
    func next(upTo count: Int) throws -> Importer.Input {
        var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let milliseconds = Importer.batchDuration / .milliseconds(1)
        // Whatever else is to say about the input, reading it says.
        guard poll(&ready, 1, Int32(milliseconds)) != 0 else { return .pause }
        let bytes = try read(upTo: count)
        return bytes.isEmpty ? .end : .bytes(bytes)
    }

    private func read(upTo count: Int) throws -> [UInt8] {
        while true {
            var received = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                received = Glibc.read(descriptor, buffer.baseAddress, count)
                initialized = max(0, received)
            }
            if received >= 0 { return bytes }
            guard errno == EINTR else {
                throw Failure(.failed, "\(name): \(SystemError.reason(errno))")
            }
        }
    }
}
