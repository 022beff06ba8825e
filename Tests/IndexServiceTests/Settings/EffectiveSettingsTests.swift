import Foundation
import Testing

@testable import IndexService

@Suite struct EffectiveSettingsTests {
    private struct Printout: Decodable {
        struct Setting: Decodable {
            let key, origin: String
            let reload: Bool
            let unit: String?
        }
        let profile: String
        let settings: [Setting]
    }

    @Test("the table has one line for each key, with its value and its origin")
    func table() throws {
        let effective = try readSettings(
            "--cache-max-bytes",
            "96MiB",
            environment: ["SVC_INDEX_LOG_LEVEL": "debug"]
        )
        let rows = effective.table.split(separator: "\n").map {
            $0.split(separator: " ", maxSplits: 2).map { $0.drop { $0 == " " } }
        }
        #expect(rows.map { String($0[0]) } == SettingsSchema.current.rows.map(\.key))
        #expect(rows.contains(["cache.max_bytes", "96MiB", "--cache-max-bytes"]))
        #expect(rows.contains(["log.level", "debug", "SVC_INDEX_LOG_LEVEL"]))
        #expect(rows.contains(["log.format", "auto", "built-in"]))
        #expect(rows.contains(["metrics.bind", "\"\"", "built-in"]))
        #expect(rows.contains(["cache.entries", "20000", "profile micronode"]))
    }

    @Test("JSON has every key with a typed value")
    func json() throws {
        let effective = try readSettings("--rank-deny", "a.example", profile: "macronode")
        let text = try effective.json()
        let printout = try JSONDecoder().decode(Printout.self, from: Data(text.utf8))
        #expect(printout.profile == "macronode")
        #expect(printout.settings.map(\.key) == SettingsSchema.current.rows.map(\.key))
        let compact = text.filter { !$0.isWhitespace }
        #expect(compact.contains("\"value\":1073741824"))
        #expect(compact.contains("\"value\":[\"a.example\"]"))
        #expect(compact.contains("\"value\":false"))
    }

    @Test("problems in JSON have key, value, origin, allowed and the sentence")
    func problemsInJSON() throws {
        let errors = SettingsErrors(problems: settingsProblems("--db-readers", "0"))
        let object = try JSONDecoder().decode(
            [String: [[String: String]]].self,
            from: Data(errors.json().utf8)
        )
        #expect(
            object == [
                "problems": [
                    [
                        "key": "db.readers", "value": "\"0\"", "origin": "--db-readers",
                        "allowed": "1 to 64", "message": errors.description,
                    ]
                ]
            ]
        )
    }

    @Test("a reload takes what it may and names what needs a restart")
    func reload() throws {
        let old = try readSettings("--cache-shards", "5", "--log-level", "info")
        let fresh = try readSettings(
            "--cache-shards",
            "6",
            "--log-level",
            "debug",
            "--db-path",
            "/srv"
        )
        let reload = old.reloaded(from: fresh)
        #expect(reload.changed == ["log.level"])
        #expect(reload.needRestart == ["db.path", "cache.shards", "amnesia.enabled"])
        #expect(reload.effective.settings.log.level == .debug)
        #expect(reload.effective.settings.cache.shards == 5)
        #expect(reload.effective.origin(of: "db.path") == .profile(.micronode))
    }

    @Test("a reload without a difference changes nothing")
    func idleReload() throws {
        let old = try readSettings()
        let reload = old.reloaded(from: try readSettings("--log-level", "info"))
        #expect(reload.changed.isEmpty && reload.needRestart.isEmpty)
        #expect(reload.effective.settings == old.settings)
        #expect(reload.effective.origin(of: "log.level") == .commandLine(flag: "--log-level"))
    }

    @Test(
        "misspellings are measured in changed bytes",
        arguments: [
            ("", "abc", 3), ("abc", "abc", 0), ("kitten", "sitting", 3), ("flaw", "lawn", 2),
        ]
    )
    func spelling(left: String, right: String, expected: Int) {
        #expect(Spelling.distance(left, right) == expected)
        #expect(Spelling.distance(right, left) == expected)
    }
}
