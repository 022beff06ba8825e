import Testing

/// The rules of `Rules/`, over the files of this package.
@Suite struct RepositoryTests {
    let repository = Repository.shared

    private func check(_ rule: (SourceFile) -> [Violation]) {
        expectNone(repository.styled.flatMap(rule))
    }

    /// The file, or an error: `#require` would print the whole repository.
    private func page(_ path: String) throws(MissingPage) -> SourceFile {
        guard let file = repository.file(path) else { throw MissingPage(path: path) }
        return file
    }

    private struct MissingPage: Error, CustomStringConvertible {
        let path: String
        var description: String { "\(path) is missing: write it" }
    }

    @Test func packageIsFound() throws {
        _ = try page("Package.swift")
        _ = try page("Tests/TidyTests/RepositoryTests.swift")
        let sources = repository.files.count { $0.isInSources }
        #expect(sources > 0, "no Swift file was found under Sources")
    }

    // Lengths

    @Test func filesAreShort() { check(checkFileLength) }
    @Test func linesAreShort() { check(checkLineLength) }
    @Test func functionsAreShort() { check(checkFunctionLength) }
    @Test func filesAreSmall() { expectNone(checkFileSizes(repository.sizes)) }

    // Safety

    @Test func nothingIsForced() { check(checkForcedOperations) }
    @Test func librariesDoNotPrint() { check(checkPrints) }
    @Test func fatalErrorsAreNotUsed() { check(checkFatalErrors) }

    @Test func uncheckedSendableIsExplained() {
        let (files, allowed) = (repository.styled, Allowed.unchecked)
        expectNone(unexcused(in: files, allowing: allowed, by: checkUncheckedSendable))
    }

    @Test func tasksBelongToGroups() {
        let (files, allowed) = (repository.styled, Allowed.tasks)
        expectNone(unexcused(in: files, allowing: allowed, by: checkBareTasks))
    }

    @Test func testsDoNotSleep() {
        let (files, allowed) = (repository.styled, Allowed.sleeps)
        expectNone(unexcused(in: files, allowing: allowed, by: checkSleeps))
    }

    // Names and structure

    @Test func typesAreNamedByWhatTheyAre() { check(checkTypeNames) }
    @Test func filesAreNamedByWhatTheyHold() { check(checkFileNames) }
    @Test func importsFollowTheArrows() { check(checkImports) }
    @Test func everyFileDeclaresSomething() { check(checkDeadFiles) }
    @Test func workIsNotPutOff() { check(checkPutOffWork) }
    @Test func pathsOfOneMachineAreNotWritten() {
        expectNone(repository.files.flatMap(checkMachinePaths))
    }

    // Pages

    @Test func everyPageHasOneTitle() { check(checkHeading) }

    @Test func linksLeadSomewhere() {
        check { checkLinks($0, paths: repository.paths) }
    }

    @Test func readmeIsShort() throws {
        expectNone(checkReadmeLength(try page("README.md")))
    }

    @Test func commandsOfThePagesExist() throws {
        let makefile = try page("Makefile")
        let pages = repository.styled.filter { $0.isMarkdown && !isHistory($0.path) }
        expectNone(pages.flatMap { checkMakeTargets($0, makefile: makefile) })
    }

    /// Pages that tell of the past may name targets that are gone.
    private func isHistory(_ path: String) -> Bool {
        path == "CHANGELOG.md" || path.hasPrefix("docs/adr/")
    }

    @Test func changelogIsKept() throws {
        expectNone(checkChangelog(try page("CHANGELOG.md")))
    }

    @Test func decisionsAreListed() {
        let paths = ["ARCHITECTURE.md", "docs/ARCHITECTURE.md", "docs/adr/README.md"]
        let indexes = paths.compactMap(repository.file)
        expectNone(checkDecisionsAreListed(paths: repository.paths, indexes: indexes))
    }

    @Test func formatterIsConfigured() {
        expectNone(checkFormatSettings(repository.file(".swift-format")))
    }
}
