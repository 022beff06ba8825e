#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension EffectiveSettings {
    /// A table for people: key, value, origin; secrets are redacted.
    package var table: String {
        let lines = schema.rows.map { row in
            let shown = row.shownText(in: settings)
            return [row.key, shown.isEmpty ? "\"\"" : shown, origin(of: row.key).description]
        }
        let keyWidth = lines.map(\.[0].count).max() ?? 0
        let valueWidth = min(lines.map(\.[1].count).max() ?? 0, 40)
        return lines.map { line in
            [line[0].padded(to: keyWidth), line[1].padded(to: valueWidth), line[2]]
                .joined(separator: "  ")
        }.joined(separator: "\n")
    }

    /// The same for programs, with typed values; secrets are redacted.
    package func json() throws -> String {
        try SettingsJSON.text(
            Printout(
                profile: profile.rawValue,
                file: filePath,
                settings: schema.rows.map { row in
                    PrintedSetting(
                        key: row.key,
                        value: row.shownValue(in: settings),
                        unit: row.unit,
                        origin: origin(of: row.key).description,
                        reload: row.canReload
                    )
                }
            )
        )
    }
}

extension SettingsErrors {
    /// The problems for programs.
    package func json() throws -> String {
        try SettingsJSON.text(["problems": problems])
    }
}

private struct Printout: Encodable {
    let profile: String
    let file: String?
    let settings: [PrintedSetting]
}

private struct PrintedSetting: Encodable {
    let key: String
    let value: RawSetting
    let unit: String?
    let origin: String
    let reload: Bool
}

private enum SettingsJSON {
    static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
