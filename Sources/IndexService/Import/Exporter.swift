/// Writes the index back as import lines: what an import of them stores again.
package struct Exporter {
    /// Names read from the store at a time.
    private static let pageSize = 500

    private let store: IndexStore

    package init(store: IndexStore) {
        self.store = store
    }

    /// What an export came to.
    package struct Summary: Sendable, Equatable {
        package var names = 0
        /// Manifests that are no canonical JSON, which an import line cannot carry: their names
        /// were written with `manifest_cid` only.
        package var unembeddable = 0
        /// Names whose manifest is not that of its content id any more: they were written with
        /// `manifest_cid` only.
        package var damaged = 0
    }

    /// Hands over every line, line breaks included, in the order of the names.
    ///
    /// Blocks. A damaged manifest costs only itself: `onDamage` is told, and the rest goes on.
    package func run(
        _ write: ([UInt8]) throws -> Void,
        onDamage: (NameRecord) -> Void = { _ in }
    ) throws -> Summary {
        var summary = Summary()
        var cursor: String?
        while true {
            let page = try store.names(prefix: "", after: cursor, limit: Self.pageSize)
            guard let last = page.last else { return summary }
            cursor = last.name.text
            for record in page {
                let damaged = summary.damaged
                try write(try line(record, &summary))
                if summary.damaged > damaged { onDamage(record) }
                summary.names += 1
            }
        }
    }

    private func line(_ record: NameRecord, _ summary: inout Summary) throws -> [UInt8] {
        let now = UnixTime.now()
        let manifest = try embeddableManifest(record.manifestID, &summary)
        let key = ResolveKey.contentID(record.manifestID)
        let providers = try store.lookUp(key, withManifest: false, at: now).providers
        let entry = ImportEntry(
            name: record.name,
            manifestID: record.manifestID,
            manifest: manifest,
            ttl: record.ttl,
            providers: providers.sorted { $0.id < $1.id }
        )
        return entry.line(at: now)
    }

    /// The manifest if a line can carry it; counts the reason when one is held and no line can.
    private func embeddableManifest(_ id: ContentID, _ summary: inout Summary) throws -> Manifest? {
        do throws(StoreError) {
            guard let manifest = try store.manifest(id) else { return nil }
            if manifest.isCanonicalJSON { return manifest }
            summary.unembeddable += 1
        } catch {
            guard case .integrity = error else { throw error }
            summary.damaged += 1
        }
        return nil
    }
}

extension Manifest {
    /// Whether the bytes are exactly what an import of the same document would store.
    fileprivate var isCanonicalJSON: Bool {
        var parser = JSONParser(limits: JSONParser.Limits(bytes: Manifest.maximumSize))
        guard let value = try? parser.parse(bytes.span) else { return false }
        return value.canonicalBytes() == bytes
    }
}
