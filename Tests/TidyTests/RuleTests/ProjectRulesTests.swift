import Testing

@Suite struct ProjectRulesTests {
    @Test func largeFileIsRefusedOutsideFixtures() {
        let sizes = ["a.bin": 524_289, "b.bin": 524_288, "Tests/Fixtures/c.bin": 9_000_000]
        #expect(checkFileSizes(sizes).map(\.path) == ["a.bin"])
    }

    // Put together here, so that this file passes the rule.
    @Test(arguments: [
        "wo" + "rk/main", "opt/swift" + "-packages/a", "ro" + "ot/.b", "tmp/" + "h-c",
    ])
    func pathOfOneMachineIsRefused(path: String) {
        #expect(lines(of: checkMachinePaths(makeFile("a\ncd /\(path)\n"))) == [2])
        #expect(lines(of: checkMachinePaths(makeFile("a=\"/\(path)\""))) == [1])
        #expect(checkMachinePaths(makeFile("cd ./\(path) $HOME/\(path)")) == [])
    }

    @Test func readmeOf100LinesIsRefused() {
        let path = "README.md"
        let line = "a\n"
        #expect(checkReadmeLength(makeFile(String(repeating: line, count: 99), path: path)) == [])
        let long = makeFile(String(repeating: line, count: 100), path: path)
        #expect(checkReadmeLength(long).count == 1)
    }

    private let makefile = makeFile(
        """
        .PHONY: test run-all
        VERSION := 1
        CI ?= a:b
        test run-all: build
        \techo lint: a
        build: ; b
        """,
        path: "Makefile"
    )

    @Test(arguments: [
        "run `make lint`", "```sh\nmake test && make lint\n```", "`make -j2 VERSION=2 lint`",
        "`CI=1 make lint # all`", "`make test lint`", "```\n$ make echo\n```", "`make VERSION`",
    ])
    func commandThatDoesNotExistIsRefused(text: String) {
        #expect(checkMakeTargets(makeFile(text, path: "README.md"), makefile: makefile).count == 1)
    }

    @Test(arguments: [
        "make sure", "`make test SEED=1`", "`make`", "```sh\nmake run-all  # make lint\n```",
        "`make build test | tee log`", "a ` alone, then make lint",
    ])
    func otherCommandsAreFine(text: String) {
        #expect(checkMakeTargets(makeFile(text, path: "README.md"), makefile: makefile) == [])
    }

    @Test func decisionThatNoPageNamesIsRefused() {
        let paths: Set = [
            "docs/adr/README.md", "docs/adr/0001-a.md", "docs/adr/0002-b.md", "docs/c.md",
        ]
        let index = makeFile("- [A](0001-a.md)\n", path: "docs/adr/README.md")
        let found = checkDecisionsAreListed(paths: paths, indexes: [index])
        #expect(found.map(\.path) == ["docs/adr/0002-b.md"])
    }

    @Test func formatSettingsSayWhatTheRulesSay() {
        func settings(_ text: String) -> SourceFile { makeFile(text, path: ".swift-format") }
        let good = settings("{\"lineLength\":100,\"indentation\":{\"spaces\":4}}")
        #expect(checkFormatSettings(good) == [])
        #expect(checkFormatSettings(nil).count == 1)
        #expect(checkFormatSettings(settings("{\"lineLength\":120}")).count == 1)
        #expect(checkFormatSettings(settings("not JSON")).count == 1)
    }
}

@Suite struct IgnorePatternsTests {
    private let patterns = IgnorePatterns("# builds\n.build-*/\n*.profraw\n/index/\na/*.txt\n")

    @Test func patternsMatchAsGitMatchesThem() {
        #expect(patterns.match(".build-release", isFolder: true))
        #expect(patterns.match("testing/performance/.build-x", isFolder: true))
        #expect(patterns.match("deep/down/default.profraw", isFolder: false))
        #expect(patterns.match("index", isFolder: true))
        #expect(patterns.match("a/b.txt", isFolder: false))
    }

    @Test func otherPathsAreKept() {
        #expect(!patterns.match(".build-notes", isFolder: false))
        #expect(!patterns.match("docs/index", isFolder: true))
        #expect(!patterns.match("b.txt", isFolder: false))
        #expect(!patterns.match("a/b/c.txt", isFolder: false))
    }
}
