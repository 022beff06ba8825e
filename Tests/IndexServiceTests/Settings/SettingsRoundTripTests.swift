import Randomness
import Foundation
import Testing

@testable import IndexService

@Suite struct SettingsRoundTripTests {
    @Test("every key reads from every source what it prints", arguments: [1, 2, 3] as [UInt64])
    func everyKeyRoundTrips(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for row in SettingsSchema.current.rows {
            let text = try sample(of: row, &random)
            let companions = settingCompanions(of: row.key)
            let read: ([String], [String: String], String?) throws -> EffectiveSettings = {
                arguments,
                environment,
                path in
                try SettingsReader.read(
                    arguments: arguments + companions,
                    environment: environment,
                    filePath: path,
                    profile: nil
                )
            }
            let spaced = text.isEmpty ? ["\(row.flag)="] : [row.flag, text]
            let first = try read(spaced, [:], nil)
            let toml = "\(row.key) = \(literal(row.value(first.settings)))\n"
            let others = [
                try read(["\(row.flag)=\(text)"], [:], nil),
                try read([], [row.variable: text], nil),
                try withSettingsFile(toml.utf8) { try read([], [:], $0) },
            ]
            #expect(row.shownText(in: first.settings) == text, "seed \(seed), \(row.key)")
            for other in others {
                #expect(other.settings == first.settings, "seed \(seed), \(row.key) = \(text)")
                #expect(other.origin(of: row.key).isExplicit, "seed \(seed), \(row.key)")
            }
        }
    }

    /// A random allowed value, written as it would be printed.
    private func sample(of row: SettingRow, _ random: inout SeededRandom) throws -> String {
        if let bounds = row.bounds {
            let number = Int.random(in: bounds, using: &random)
            return row.unit == "bytes" ? ByteSize.text(number) : String(number)
        }
        let samples = try #require(
            settingSamples[row.key],
            "\(row.key) needs a row in settingSamples"
        )
        return try #require(samples.randomElement(using: &random))
    }

    private func literal(_ value: RawSetting) -> String {
        func quoted(_ text: String) -> String {
            let escaped = text.replacingOccurrences(of: "\\", with: "\\\\")
            return "\"\(escaped.replacingOccurrences(of: "\"", with: "\\\""))\""
        }
        switch value {
        case .integer(let number): return String(number)
        case .boolean(let flag): return String(flag)
        case .list(let items): return "[\(items.map(quoted).joined(separator: ", "))]"
        case .text(let text), .string(let text), .unsupported(let text): return quoted(text)
        }
    }

    @Test("flags and variables follow from the key, dots and underscores alike")
    func names() throws {
        let row = try #require(SettingsSchema.current.row(key: "http.max_connections_per_address"))
        #expect(row.flag == "--http-max-connections-per-address")
        #expect(row.variable == "SVC_INDEX_HTTP_MAX_CONNECTIONS_PER_ADDRESS")
    }

    @Test("sizes may have a unit, also in the file")
    func sizes() throws {
        #expect(try readSettings("--cache-max-bytes", "128MiB").settings.cache.maxBytes == 1 << 27)
        #expect(try readSettings("--cache-max-bytes=2GiB").settings.cache.maxBytes == 2 << 30)
        #expect(try readSettings("--cache-max-bytes=2048KiB").settings.cache.maxBytes == 2 << 20)
        #expect(
            try readSettings(file: "cache.max_bytes = \"3MiB\"").settings.cache.maxBytes
                == 3 << 20
        )
        #expect(
            try readSettings(file: "cache.max_bytes = 0x20_0000").settings.cache.maxBytes
                == 2 << 20
        )
    }

    @Test("a boolean's flag alone means true")
    func bareFlag() throws {
        let effective = try readSettings(
            "--log-requests",
            "--cache-entries",
            "7",
            environment: ["SVC_INDEX_LOG_REQUESTS": "false"]
        )
        #expect(effective.settings.log.requests)
        #expect(effective.settings.cache.entries == 7)
        #expect(try !readSettings("--log-requests", "false").settings.log.requests)
    }

    @Test("lists are cut at commas, and arrays in the file")
    func lists() throws {
        let deny = try readSettings("--rank-deny", "a.example , 10.0.0.0/8").settings.rank.deny
        #expect(deny.map(\.description) == ["a.example", "10.0.0.0/8"])
        #expect(
            try readSettings(file: "[rank]\ndeny = [\"a.example\", \"10.0.0.0/8\"]")
                .settings.rank.deny == deny
        )
    }
}
