internal import ArgumentParser
internal import IndexService

/// Writes a store back as import lines.
struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Prints a store as the NDJSON that import takes.",
        discussion: "Example: svc-index export --db-path ./index > names.ndjson"
    )

    @Option(help: "The directory of the store, which no running service may hold.")
    var dbPath: String

    @Flag(help: "Accepted for uniformity: the output is JSON lines anyway.")
    var json = false

    func run() async throws {
        do {
            let store = try IndexStore(path: dbPath, configuration: .init())
            let summary = try Exporter(store: store).run { StandardStreams.write($0) }
            try await store.close()
            if summary.unembeddable > 0 {
                StandardStreams.complain(
                    "\(summary.unembeddable) manifests are no canonical JSON; their names were "
                        + "exported with manifest_cid only"
                )
            }
        } catch let error as StoreError {
            throw Failure(.unavailable, error.operatorMessage(path: dbPath))
        }
    }
}
