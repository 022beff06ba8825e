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
    }

    /// Hands over every line, line breaks included, in the order of the names.
    ///
    /// Blocks.
    package func run(_ write: ([UInt8]) throws -> Void) throws -> Summary {
        var summary = Summary()
        var cursor: String?
        while true {
            let page = try store.names(prefix: "", after: cursor, limit: Self.pageSize)
            guard let last = page.last else { return summary }
            cursor = last.name.text
            for record in page {
                try write(try line(record, &summary))
                summary.names += 1
            }
        }
    }

    private func line(_ record: NameRecord, _ summary: inout Summary) throws -> [UInt8] {
        let manifest = try store.manifest(record.manifestID)
        let entry = try store.lookUp(
            .contentID(record.manifestID),
            withManifest: false,
            at: .now()
        )
        var json = JSONWriter(reserving: 1024)
        json.beginObject()
        json.field("name", record.name.text)
        if let manifest, manifest.isCanonicalJSON {
            json.key("manifest")
            json.raw(manifest.bytes.span)
            if manifest.mediaType != .json {
                json.field("media_type", manifest.mediaType.description)
            }
        } else {
            json.field("manifest_cid", record.manifestID.description)
            if manifest != nil { summary.unembeddable += 1 }
        }
        if let ttl = record.ttl { json.field("ttl_s", ttl) }
        write(entry.providers, to: &json)
        json.endObject()
        return json.bytes + [UInt8(ascii: "\n")]
    }

    private func write(_ providers: [Provider], to json: inout JSONWriter) {
        guard !providers.isEmpty else { return }
        json.key("providers")
        json.beginArray()
        for provider in providers.sorted(by: { $0.id < $1.id }) {
            json.beginObject()
            json.field("id", provider.id.description)
            json.field("addr", provider.address.description)
            if let region = provider.region { json.field("region", region.description) }
            json.endObject()
        }
        json.endArray()
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
