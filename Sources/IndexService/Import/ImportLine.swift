/// One line of an import file, taken apart but not yet judged.
///
/// `{"name", "manifest" | "manifest_cid", "media_type"?, "ttl_s"?, "providers"?}`, a provider being
/// `{"id"?, "addr", "region"?, "ttl_s"?}`: names, content ids and addresses are still the sender's
/// text; what they mean is for the model types to say.
package struct ImportLine: Hashable, Sendable {
    /// What the name is to stand for.
    package enum Manifest: Hashable, Sendable {
        /// The manifest itself, as its canonical JSON (RFC 8785).
        case canonical([UInt8])
        /// The content id of a manifest that may or may not be held.
        case contentID(String)
    }

    /// One place where the bytes can be had.
    package struct Provider: Hashable, Sendable {
        package let id: String?
        package let address: String
        package let region: String?
        /// Seconds from the import until the provider is to be forgotten; nil: never.
        package let ttlSeconds: Int?
    }

    package let name: String
    package let manifest: Manifest
    package let mediaType: String?
    package let ttlSeconds: Int?
    package let providers: [Provider]
}

/// Reads import lines one after the other, keeping its memory between them.
package struct ImportLineReader {
    /// What one line may hold.
    package struct Limits: Hashable, Sendable {
        /// The longest line, in bytes, its line break not counted.
        package var lineBytes: Int
        /// The longest manifest, in bytes of canonical JSON.
        package var manifestBytes: Int
        /// The most providers of one line.
        package var providers: Int
        /// The shortest and the longest life of a name or a provider, in seconds.
        package var ttlSeconds: ClosedRange<Int>

        package init(
            lineBytes: Int = 2 << 20,
            manifestBytes: Int = 1 << 20,
            providers: Int = 1024,
            ttlSeconds: ClosedRange<Int> = 1...ImportLineReader.longestTTL
        ) {
            self.lineBytes = lineBytes
            self.manifestBytes = manifestBytes
            self.providers = providers
            self.ttlSeconds = ttlSeconds
        }
    }

    /// A year, in seconds.
    package static let longestTTL = 31_536_000

    private static let fields: [StaticString] = [
        "name", "manifest", "manifest_cid", "media_type", "ttl_s", "providers",
    ]
    private static let providerFields: [StaticString] = ["id", "addr", "region", "ttl_s"]

    private let limits: Limits
    private var parser: JSONParser

    package init(limits: Limits = Limits()) {
        self.limits = limits
        parser = JSONParser(limits: JSONParser.Limits(bytes: limits.lineBytes))
    }

    /// Reads one line, given without its line break.
    package mutating func read(_ line: Span<UInt8>) throws(JSONError) -> ImportLine {
        let object = try JSONObjectReader(
            try parser.parse(line),
            fields: Self.fields,
            subject: "the line"
        )
        return ImportLine(
            name: try object.requiredString("name"),
            manifest: try manifest(of: object, lineBytes: line.count),
            mediaType: try object.string("media_type", bytes: 1...255),
            ttlSeconds: try object.integer("ttl_s", in: limits.ttlSeconds),
            providers: try providers(of: object)
        )
    }

    private func manifest(
        of object: JSONObjectReader,
        lineBytes: Int
    ) throws(JSONError) -> ImportLine.Manifest {
        switch (object.value("manifest"), try object.string("manifest_cid")) {
        case (let document?, nil):
            let bytes = document.canonicalBytes(reserving: lineBytes)
            guard bytes.count <= limits.manifestBytes else {
                throw object.refusal(
                    "manifest",
                    "is over \(limits.manifestBytes) bytes as canonical JSON"
                )
            }
            // Without the room to spare: many lines wait at once.
            return .canonical(bytes.withUnsafeBufferPointer { Array($0) })
        case (nil, let contentID?): return .contentID(contentID)
        default:
            throw .field(#"the line must have either "manifest" or "manifest_cid""#)
        }
    }

    private func providers(
        of object: JSONObjectReader
    ) throws(JSONError) -> [ImportLine.Provider] {
        let entries = try object.objects(
            "providers",
            count: 0...limits.providers,
            fields: Self.providerFields
        )
        var providers: [ImportLine.Provider] = []
        providers.reserveCapacity(entries?.count ?? 0)
        for entry in entries ?? [] {
            providers.append(
                ImportLine.Provider(
                    id: try entry.string("id"),
                    address: try entry.requiredString("addr"),
                    region: try entry.string("region", bytes: 1...255),
                    ttlSeconds: try entry.integer("ttl_s", in: limits.ttlSeconds)
                )
            )
        }
        return providers
    }
}
