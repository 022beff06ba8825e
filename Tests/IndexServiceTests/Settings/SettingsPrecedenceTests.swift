import Testing

@testable import IndexService

@Suite struct SettingsPrecedenceTests {
    @Test("the first source that has a value wins, whichever others have one", arguments: 0..<16)
    func firstSourceWins(mask: Int) throws {
        let hasFlag = mask & 1 != 0
        let hasVariable = mask & 2 != 0
        let hasFile = mask & 4 != 0
        let isMacronode = mask & 8 != 0
        let arguments = hasFlag ? ["--cache-entries", "1"] : []
        let environment = hasVariable ? ["SVC_INDEX_CACHE_ENTRIES": "2"] : [:]
        let content = hasFile ? "[cache]\nentries = 3\n" : "[log]\nlevel = \"info\"\n"

        let effective = try withSettingsFile(content.utf8) { path in
            try SettingsReader.read(
                arguments: arguments,
                environment: environment,
                filePath: path,
                profile: isMacronode ? "macronode" : nil
            )
        }

        let expected =
            hasFlag ? 1 : hasVariable ? 2 : hasFile ? 3 : isMacronode ? 150_000 : 20_000
        #expect(effective.settings.cache.entries == expected)
        switch effective.origin(of: "cache.entries") {
        case .commandLine(let flag): #expect(hasFlag && flag == "--cache-entries")
        case .environment(let name):
            #expect(!hasFlag && hasVariable && name == "SVC_INDEX_CACHE_ENTRIES")
        case .file(let path, let line):
            #expect(!hasFlag && !hasVariable && hasFile)
            #expect(path.hasSuffix("svc-index.toml") && line == 2)
        case .profile(let profile):
            #expect(!hasFlag && !hasVariable && !hasFile)
            #expect(profile == (isMacronode ? .macronode : .micronode))
        case let other: Issue.record("unexpected origin \(other)")
        }
    }

    @Test("a profile's default comes before the built-in one, and only where it has one")
    func profileBeforeBuiltIn() throws {
        let effective = try readSettings(profile: "macronode")
        #expect(effective.settings.http.bind.description == "0.0.0.0:5304")
        #expect(effective.settings.database.path == "./index")
        #expect(effective.settings.amnesia.enabled == false)
        #expect(effective.settings.cache.maxBytes == 1_073_741_824)
        #expect(effective.origin(of: "db.path") == .profile(.macronode))
        #expect(effective.settings.http.maxConnections == 1024)
        #expect(effective.origin(of: "http.max_connections") == .builtIn)
    }

    @Test("nothing given is the micronode")
    func nothingGiven() throws {
        let effective = try readSettings()
        #expect(effective.settings == Settings())
        #expect(effective.profile == .micronode)
        #expect(effective.filePath == nil)
    }

    @Test("profile and file can be named by the environment, and the argument wins")
    func chosenByEnvironment() throws {
        try withSettingsFile("db.readers = 9\n".utf8) { path in
            let environment = ["SVC_INDEX_PROFILE": "macronode", "SVC_INDEX_CONFIG": path]
            let effective = try readSettings(environment: environment)
            #expect(effective.profile == .macronode)
            #expect(effective.filePath == path)
            #expect(effective.settings.database.readers == 9)
            #expect(
                try readSettings(environment: environment, profile: "micronode").profile
                    == .micronode
            )
            #expect(
                try readSettings(environment: environment, file: "").settings.database.readers
                    == 4
            )
        }
    }

    @Test("an empty SVC_INDEX_PROFILE or SVC_INDEX_CONFIG is none")
    func emptyIsNone() throws {
        let environment = ["SVC_INDEX_PROFILE": "", "SVC_INDEX_CONFIG": ""]
        let effective = try readSettings(environment: environment)
        #expect(effective.profile == .micronode)
        #expect(effective.filePath == nil)
    }

    @Test("of an option given twice the last one counts")
    func lastOptionCounts() throws {
        let effective = try readSettings("--cache-entries", "5", "--cache-entries=6")
        #expect(effective.settings.cache.entries == 6)
    }

    @Test("a directory for the index ends the profile's amnesia, and says so")
    func amnesiaFollowsPath() throws {
        let given = [
            try readSettings("--db-path", "/srv/index"),
            try readSettings(environment: ["SVC_INDEX_DB_PATH": "/srv/index"]),
            try readSettings(file: "db.path = \"/srv/index\""),
        ]
        for effective in given {
            #expect(!effective.settings.amnesia.enabled)
            #expect(effective.origin(of: "amnesia.enabled") == .derived(fromKey: "db.path"))
            #expect(effective.table.contains("derived from db.path"))
        }
        let memory = try readSettings("--db-path", ":memory:")
        #expect(memory.settings.amnesia.enabled)
        #expect(memory.origin(of: "amnesia.enabled") == .profile(.micronode))
    }
}
