#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

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
    /// The file's text; reads at most one byte more than is allowed, so endless files end.
    static func contents(of path: String) throws(SettingsProblem) -> String {
        guard let file = fopen(path, "rb") else { throw unreadable(path, errno) }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: maxBytes + 1)
        let count = fread(&bytes, 1, bytes.count, file)
        guard ferror(file) == 0 else { throw unreadable(path, errno) }
        guard count <= maxBytes else {
            throw SettingsProblem(path, .file("is larger than \(ByteSize.text(maxBytes))"))
        }
        guard let text = String(validating: bytes[..<count], as: UTF8.self) else {
            throw SettingsProblem(path, .file("is not UTF-8 text"))
        }
        return text
    }

    private static func unreadable(_ path: String, _ code: Int32) -> SettingsProblem {
        SettingsProblem(path, .file("cannot be read: \(SystemError.reason(code))"))
    }
}
