import Testing

@Suite struct MarkdownRulesTests {
    private func page(_ text: String, path: String = "docs/page.md") -> SourceFile {
        makeFile(text, path: path)
    }

    @Test func pageHasExactlyOneTitle() {
        #expect(checkHeading(page("# A\n\n## B\n```sh\n# a comment\n```\n")) == [])
        #expect(checkHeading(page("## B\n")).count == 1)
        #expect(lines(of: checkHeading(page("# A\n\n# B\n"))) == [3])
    }

    @Test(arguments: [
        "[a](gone.md)", "[a](../gone.md#part)", "![a](gone.png \"title\")", "[a]: gone.md",
        "see [a](adr/0001.md) and [b](gone.md)", "[a](../../outside.md)", "[a](/docs/page.md)",
    ])
    func linkThatLeadsNowhereIsRefused(line: String) {
        let violations = checkLinks(page("# A\n\(line)\n"), paths: ["docs/adr/0001.md"])
        #expect(lines(of: violations) == [2])
    }

    @Test(arguments: [
        "[a](adr/0001.md#part)", "[a](../README.md)", "[a](./adr)", "[a](<adr/0001.md>)",
        "[a](https://host.example/gone.md)", "[a](#part)", "`[a](gone.md)`", "[^1]: gone.md",
        "```\n[a](gone.md)\n```", "[a]: ../README.md", "let a = b[0](c",
    ])
    func otherLinksAreFine(line: String) {
        let paths: Set = ["docs/adr/0001.md", "docs/adr", "README.md", "docs/c"]
        #expect(checkLinks(page(line), paths: paths) == [])
    }
}

@Suite struct ChangelogRulesTests {
    private func check(_ text: String) -> [Int] {
        lines(of: checkChangelog(makeFile(text, path: "CHANGELOG.md")))
    }

    @Test func goodChangelogIsFine() {
        let text = """
            # Changelog

            ## [Unreleased]
            ### Added
            - a

            ## [0.10.0] - 2026-11-20
            ### Changed
            - b
              on two lines
            ### Fixed
            - c

            ## [0.9.1] - 2026-10-01
            ### Security
            - d

            [Unreleased]: https://host.example/compare
            """
        #expect(check(text) == [])
    }

    @Test(arguments: [
        ("# Changelog\n", 1),
        ("## [1.0.0] - 2026-01-01\n", 1),
        ("## [Unreleased]\n## 1.0.0 (2026-01-01)\n", 2),
        ("## [Unreleased]\n## [1.0] - 2026-01-01\n", 2),
        ("## [Unreleased]\n## [1.0.0] - 2026-13-01\n", 2),
        ("## [Unreleased]\n## [1.0.0] - 2026-01-01\n## [1.0.0] - 2025-01-01\n", 3),
        ("## [Unreleased]\n## [0.9.0] - 2026-01-01\n## [0.10.0] - 2025-01-01\n", 3),
        ("## [Unreleased]\n### New\n- a\n", 2),
        ("## [Unreleased]\n### Added\n\n### Fixed\n- a\n", 2),
        ("## [Unreleased]\n- a\n", 2),
    ])
    func badChangelogIsRefused(text: String, line: Int) {
        #expect(check(text) == [line])
    }
}
