import Testing

@testable import IndexService

@Suite struct SettingsRangeTests {
    @Test(
        "a number may be the first and the last of its range, and nothing beyond",
        arguments: SettingsSchema.current.rows.filter { $0.bounds != nil }.map(\.key)
    )
    func boundaries(key: String) throws {
        let row = try #require(SettingsSchema.current.row(key: key))
        let bounds = try #require(row.bounds)
        func problems(_ number: Int) -> [SettingsProblem.Reason] {
            do {
                _ = try SettingsReader.read(
                    arguments: settingCompanions(of: key),
                    environment: [row.variable: "\(number)"],
                    filePath: nil,
                    profile: nil
                )
                return []
            } catch {
                return error.problems.map(\.reason)
            }
        }
        #expect(problems(bounds.lowerBound).isEmpty)
        #expect(problems(bounds.upperBound).isEmpty)
        #expect(problems(bounds.lowerBound - 1) == [.outOfRange])
        #expect(problems(bounds.upperBound + 1) == [.outOfRange])
    }

    @Test(
        "the ranges are the promised ones",
        arguments: [
            ("http.event_loops", 0, 256), ("http.max_connections", 1, 1_048_576),
            ("http.idle_timeout_s", 1, 3600), ("http.header_timeout_s", 1, 300),
            ("http.request_timeout_ms", 10, 60_000), ("http.max_body_bytes", 1024, 1_048_576),
            ("http.max_decompression_ratio", 1, 10), ("http.max_header_bytes", 1024, 65_536),
            ("http.max_target_bytes", 512, 65_536), ("http.drain_timeout_s", 0, 300),
            ("db.page_cache_bytes", 1_048_576, 17_179_869_184), ("db.readers", 1, 64),
            ("cache.entries", 1, 100_000_000), ("cache.negative_percent", 1, 50),
            ("cache.negative_ttl_s", 1, 3600), ("cache.default_ttl_s", 1, 86_400),
            ("cache.shards", 0, 1024), ("index.max_providers_per_cid", 1, 100_000),
        ]
    )
    func promisedRanges(key: String, first: Int, last: Int) throws {
        let row = try #require(SettingsSchema.current.row(key: key))
        #expect(row.bounds == first...last)
    }

    @Test("the hard limits have the defaults of the contract")
    func promisedDefaults() {
        let settings = Settings()
        #expect(settings.http.maxBodyBytes == 1_048_576)
        #expect(settings.http.maxDecompressionRatio == 10)
        #expect(settings.http.maxHeaderBytes == 16_384)
        #expect(settings.http.maxTargetBytes == 8192)
        #expect(settings.http.requestTimeout == .seconds(5))
        #expect(settings.http.maxConnections == 1024)
        #expect(settings.http.maxConnectionsPerAddress == 256)
        #expect(settings.http.idleTimeout == .seconds(60))
        #expect(settings.http.headerTimeout == .seconds(10))
        #expect(settings.http.bind.description == "127.0.0.1:5304")
        #expect(settings.cache.entries == 20_000)
        #expect(settings.cache.maxBytes == 67_108_864)
        #expect(settings.database.isInMemory && settings.amnesia.enabled)
    }

    @Test("every profile's defaults are allowed by their own rows", arguments: Profile.allCases)
    func defaultsAreAllowed(profile: Profile) throws {
        let schema = SettingsSchema.current
        let defaults = schema.defaults(for: profile)
        for row in schema.rows {
            var settings = Settings()
            try row.assign(.text(row.shownText(in: defaults)))(&settings)
            #expect(row.value(settings) == row.value(defaults), "\(row.key)")
        }
    }

    @Test("a number says its unit at the end of its key, and every row says what it is for")
    func rowsAreComplete() {
        let endings = ["s": "_s", "ms": "_ms", "bytes": "_bytes", "%": "_percent"]
        for row in SettingsSchema.current.rows {
            if let unit = row.unit {
                #expect(row.key.hasSuffix(endings[unit] ?? "?"), "\(row.key)")
            }
            #expect(!row.meaning.isEmpty && !row.meaning.contains("|"), "\(row.key)")
        }
    }
}
