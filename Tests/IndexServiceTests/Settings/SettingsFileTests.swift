import Foundation
import Testing

@testable import IndexService

@Suite struct SettingsFileTests {
    @Test("a file that cannot be used is one clear mistake, beside those of other sources")
    func unusableFiles() throws {
        let folder = FileManager.default.temporaryDirectory.path
        for (path, why) in [
            ("/nonexistent/svc-index.toml", "cannot be read: no such file or directory"),
            (folder, "cannot be read: is a directory"),
            ("/dev/zero", "is larger than 1MiB"),
        ] {
            #expect(throws: SettingsErrors.self) {
                try SettingsReader.read(
                    arguments: ["--db-readers=0"],
                    environment: [:],
                    filePath: path,
                    profile: nil
                )
            }
            do {
                _ = try SettingsFile.contents(of: path)
            } catch {
                #expect(error.description == "\(path): \(why)")
            }
        }
    }

    @Test("a pipe in place of a file is refused at once", .timeLimit(.minutes(1)))
    func pipes() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/pipe"
        #expect(mkfifo(path, 0o600) == 0)
        let problem = #expect(throws: SettingsProblem.self) {
            try SettingsFile.contents(of: path)
        }
        #expect(problem?.description.hasPrefix("\(path): is a pipe or the like; ") == true)
        let error = #expect(throws: AdminAccess.TokenFileError.self) {
            try AdminAccess(tokenFile: path)
        }
        #expect(error?.description.hasPrefix("auth.token_file \(path) is a pipe") == true)
    }

    @Test("/dev/null is how no file is written")
    func emptyDevice() throws {
        #expect(try SettingsFile.contents(of: "/dev/null").isEmpty)
    }

    @Test("a file may have 1 MiB and not a byte more")
    func sizeLimit() throws {
        for (count, isAllowed) in [(1 << 20, true), ((1 << 20) + 1, false)] {
            try withSettingsFile(repeatElement(0x0A, count: count)) { path in
                let text = try? SettingsFile.contents(of: path)
                #expect((text != nil) == isAllowed)
            }
        }
    }

    @Test("text that is not UTF-8 is refused, and so is a path with a NUL")
    func badText() throws {
        try withSettingsFile([0x61, 0xFF]) { path in
            #expect(throws: SettingsProblem.self) { try SettingsFile.contents(of: path) }
        }
        let problems = settingsProblems(file: "db.path = \"a\\u0000b\"")
        #expect(problems.map(\.reason) == [.malformed("has a NUL byte")])
    }

    @Test("all mistakes in the syntax are told, with their lines, beside the others")
    func syntaxErrors() {
        let problems = settingsProblems(
            file: "[log]\nlevel = \nformat = json\n[cache\n[db]\nreaders = 0\nreaders = 1\n"
        )
        let lines = problems.map { problem in
            if case .file(_, let line) = problem.origin { line ?? 0 } else { 0 }
        }
        #expect(lines == [2, 3, 4, 7, 6])
        #expect(problems.last?.subject == "db.readers")
        #expect(problems[1].description.hasSuffix("svc-index.toml:3)"))
    }

    @Test("an unknown table is told once, not with each of its keys")
    func unknownTable() {
        let problems = settingsProblems(file: "[foo]\na = 1\nb = { c = 1 }\n[foo.bar]\nd = 1")
        #expect(problems.map(\.subject) == ["foo"])
    }
}
