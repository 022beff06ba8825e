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

    /// Damaged manifests that are named; the rest is only counted.
    private static let shownDamages = 20

    func validate() throws {
        guard dbPath != Settings.Database.memory else {
            throw ValidationError(
                "--db-path \(dbPath) is the memory of a running service, which cannot be "
                    + "exported; give the directory of a store"
            )
        }
    }

    func run() async throws {
        do {
            let store = try IndexStore(path: dbPath, configuration: .init(), creating: false)
            var shown = 0
            let summary = try Exporter(store: store).run(
                { try StandardStreams.write($0, lostReader: .fails) },
                onDamage: { record in
                    shown += 1
                    if shown <= Self.shownDamages { complain(record) }
                }
            )
            try await store.close()
            try report(summary)
        } catch let error as StoreError {
            throw StorePath.failure(error, at: dbPath)
        }
    }

    private func complain(_ record: NameRecord) {
        StandardStreams.complain(
            "the manifest of \(record.name.text) is damaged: it was exported with manifest_cid "
                + "\(record.manifestID) only"
        )
    }

    private func report(_ summary: Exporter.Summary) throws {
        if summary.unembeddable > 0 {
            StandardStreams.complain(
                "\(summary.unembeddable) manifests are no canonical JSON; their names were "
                    + "exported with manifest_cid only"
            )
        }
        guard summary.damaged > 0 else { return }
        throw Failure(
            .failed,
            "\(summary.damaged) manifests are damaged; import them again to mend the store"
        )
    }
}
