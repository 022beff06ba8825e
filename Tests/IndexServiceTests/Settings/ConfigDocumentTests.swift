import Foundation
import Testing

@testable import IndexService

/// CONFIG.md and the table of settings say the same.
@Suite struct ConfigDocumentTests {
    @Test("CONFIG.md has every key with its defaults, range, unit, reload and meaning")
    func rowsAgree() throws {
        let written = try documentRows()
        for row in SettingsSchema.current.rows {
            let expected = documentRow(row)
            #expect(written[row.key] == expected, "CONFIG.md should have this line:\n\(expected)")
        }
    }

    @Test("CONFIG.md has no key that does not exist")
    func noOtherKeys() throws {
        let keys = Set(SettingsSchema.current.rows.map(\.key))
        #expect(try Set(documentRows().keys).subtracting(keys).isEmpty)
    }

    @Test("the example file in CONFIG.md is accepted")
    func exampleIsValid() throws {
        let parts = try document().components(separatedBy: "```toml\n")
        let example = try #require(parts.dropFirst().first?.components(separatedBy: "```").first)
        #expect(settingsProblems(file: example).isEmpty)
    }

    private func documentRow(_ row: SettingRow) -> String {
        func cell(_ profile: Profile) -> String {
            let text = row.shownText(in: SettingsSchema.current.defaults(for: profile))
            return text.isEmpty ? "empty" : "`\(text)`"
        }
        let cells = [
            "`\(row.key)`", cell(.micronode), cell(.macronode), row.allowed, row.unit ?? "–",
            row.canReload ? "yes" : "no", row.meaning,
        ]
        return "| \(cells.joined(separator: " | ")) |"
    }

    /// The lines of the table, by key.
    private func documentRows() throws -> [String: String] {
        let lines = try document().split(separator: "\n").filter { $0.hasPrefix("| `") }
        let pairs = lines.compactMap { line -> (String, String)? in
            let key = line.split(separator: "`").dropFirst().first.map(String.init) ?? ""
            return line.split(separator: "|").count == 7 ? (key, String(line)) : nil
        }
        return try Dictionary(pairs) { first, _ in
            throw SettingsProblem(first, .file("is twice in CONFIG.md"))
        }
    }

    private func document() throws -> String {
        let root = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return try String(contentsOf: root.appendingPathComponent("CONFIG.md"), encoding: .utf8)
    }
}
