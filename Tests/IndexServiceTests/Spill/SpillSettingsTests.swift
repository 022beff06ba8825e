import Testing

@testable import IndexService

@Suite struct SpillSettingsTests {
    @Test("the macronode spills, beside its index")
    func macronode() throws {
        let effective = try readSettings(profile: "macronode")
        #expect(effective.settings.spillDirectory == "./index/spill")
        #expect(effective.origin(of: "spill.enabled") == .profile(.macronode))
        let elsewhere = try readSettings("--spill-path", "/fast", profile: "macronode")
        #expect(elsewhere.settings.spillDirectory == "/fast")
    }

    @Test("the micronode does not, unless it is asked to and has a disk")
    func micronode() throws {
        #expect(try readSettings().settings.spillDirectory == nil)
        #expect(try readSettings("--spill-path", "/fast").settings.spillDirectory == nil)
        let asked = try readSettings("--spill-enabled", "--db-path", "/srv")
        #expect(asked.settings.spillDirectory == "/srv/spill")
    }

    @Test(
        "the profile's spill gives way where it has no place, and says to what",
        arguments: [
            (["--db-path=:memory:"], "db.path"),
            (["--db-path=:memory:", "--amnesia-enabled"], "amnesia.enabled"),
            (["--db-path=:memory:", "--amnesia-enabled", "--spill-path=/x"], "amnesia.enabled"),
        ]
    )
    func givesWay(arguments: [String], key: String) throws {
        let effective = try SettingsReader().read(
            arguments: arguments,
            environment: [:],
            filePath: nil,
            profile: "macronode"
        )
        #expect(!effective.settings.spill.enabled)
        #expect(effective.settings.spillDirectory == nil)
        #expect(effective.origin(of: "spill.enabled") == .derived(fromKey: key))
    }

    @Test("amnesia wins also where nobody checked the settings")
    func amnesiaWins() {
        var settings = Settings()
        settings.spill.enabled = true
        settings.spill.path = "/srv"
        #expect(settings.spillDirectory == nil)
    }
}
