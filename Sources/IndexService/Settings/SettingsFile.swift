internal import StoreFiles

/// Settings given in a TOML file.
enum SettingsFile {
    /// Largest file, in bytes: a full one has about 4 KiB.
    static let maxBytes = 1 << 20

    /// Reads and parses the file; its mistakes are in the source's problems.
    static func read(_ path: String, schema: SettingsSchema) -> SettingsSource {
        do {
            return parse(try contents(of: path), path: path, schema: schema)
        } catch {
            var source = SettingsSource()
            source.report(error)
            return source
        }
    }

    /// Takes the text of a file apart; `path` is for messages only.
    static func parse(_ text: String, path: String, schema: SettingsSchema) -> SettingsSource {
        var source = SettingsSource()
        let reader = TOMLReader(text)
        for fault in reader.faults {
            let origin = SettingOrigin.file(path: path, line: fault.line)
            source.report(SettingsProblem("file", .file(fault.text), origin: origin))
        }
        var unknownTables: Set<[String]> = []
        for item in reader.items {
            let isTold = (1...item.path.count).contains { count in
                unknownTables.contains(Array(item.path.prefix(count)))
            }
            guard !isTold else { continue }
            let name = TOMLReader.name(item.path)
            let origin = SettingOrigin.file(path: path, line: item.line)
            if let value = item.value {
                source.take(value, for: name, origin: origin, schema: schema)
            } else if !schema.hasKeys(in: name) {
                unknownTables.insert(item.path)
                source.take(.unsupported("table"), for: name, origin: origin, schema: schema)
            }
        }
        return source
    }
}

extension SettingsSource {
    fileprivate mutating func take(
        _ value: RawSetting,
        for name: String,
        origin: SettingOrigin,
        schema: SettingsSchema
    ) {
        if schema.row(key: name) != nil {
            values[name] = Given(raw: value, origin: origin)
        } else {
            reportUnknown(name, origin: origin, source: "the file") {
                SettingsFile.hint(for: name, schema: schema)
            }
        }
    }
}

extension SettingsFile {
    fileprivate static func hint(for name: String, schema: SettingsSchema) -> String? {
        if schema.hasKeys(in: name) { return "it is a table, written [\(name)]" }
        if name == "profile" {
            return "the profile is chosen by --profile or \(SettingsEnvironment.profile)"
        }
        return Spelling.hint(for: name, among: schema.rows.map(\.key))
    }
}

extension SettingsFile {
    /// The file's text; reads one byte more than is allowed at most, so that endless files end, and
    /// never waits.
    static func contents(of path: String) throws(SettingsProblem) -> String {
        let bytes: [UInt8]
        do throws(SmallFile.Failure) {
            bytes = try SmallFile.bytes(of: path, limit: maxBytes)
        } catch {
            throw SettingsProblem(path, .file(error.reason))
        }
        guard bytes.count <= maxBytes else {
            throw SettingsProblem(path, .file("is larger than \(ByteSize.text(maxBytes))"))
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw SettingsProblem(path, .file("is not UTF-8 text"))
        }
        return text
    }
}

extension SmallFile.Failure {
    /// The end of a sentence that names the file.
    var reason: String {
        switch self {
        case .system(let code): "cannot be read: \(SystemError.reason(code))"
        case .notAFile: "is a pipe or the like; a file is needed, which can be read again"
        case .openToOthers: "is open to others; take that from them with chmod 600"
        }
    }
}
