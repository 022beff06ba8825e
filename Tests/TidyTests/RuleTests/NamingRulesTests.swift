import Testing

@Suite struct NamingRulesTests {
    @Test(arguments: [
        "final class CacheManager {", "enum Utils {", "struct ResolverImpl {", "actor TestHelper {",
        "protocol CacheManagers {", "typealias A = B; typealias StringUtility = C",
    ])
    func emptyNameIsRefused(line: String) {
        #expect(checkTypeNames(makeFile(line)).count == 1)
    }

    @Test func typeNamedLikeItsModuleIsRefused() {
        let inCore = "Sources/DHTClient/Core/DHTNode.swift"
        let inCache = "Sources/Cache/A.swift"
        #expect(checkTypeNames(makeFile("struct Cache {", path: inCache)).count == 1)
        #expect(checkTypeNames(makeFile("enum DHTCore {", path: inCore)).count == 1)
        #expect(checkTypeNames(makeFile("struct Cache {")) == [])
    }

    @Test func otherNamesAreFine() {
        let text = "// class CacheManager\nstruct Implementation {}\nclass func manager() {}\n"
        #expect(checkTypeNames(makeFile(text)) == [])
    }

    @Test(arguments: [
        "Sources/A/StringUtils.swift", "Sources/A/Name+Helpers.swift", "Tests/A/Helper.swift",
        "testing/data/utils.py", "testing/http_helper.sh",
    ])
    func emptyFileNameIsRefused(path: String) {
        #expect(checkFileNames(makeFile("", path: path)).count == 1)
    }

    @Test(arguments: ["Sources/A/Name+Parsing.swift", "testing/service.py", "docs/Helper.md"])
    func otherFileNamesAreFine(path: String) {
        #expect(checkFileNames(makeFile("", path: path)) == [])
    }

    @Test func fileWithoutContentIsRefused() {
        let comment = "// struct A {\n//   let b = 1\n// }\n"
        #expect(checkDeadFiles(makeFile(comment)).count == 1)
        #expect(checkDeadFiles(makeFile("import A\n\nstruct B {}\n")).count == 1)
        #expect(checkDeadFiles(makeFile("a()\nb()\nc()\n")).count == 1)
        #expect(checkDeadFiles(makeFile("struct A {\n    let b = 1\n}\n")) == [])
    }

    @Test func workPutOffIsRefused() {
        // Put together here, so that this file passes the rule.
        let word = "TO" + "DO"
        let text = "// \(word): later\nlet a = \"\(word)\"\n/// \(word)S\n/* FIX" + "ME */\n"
        #expect(lines(of: checkPutOffWork(makeFile(text))) == [1, 4])
        #expect(checkPutOffWork(makeFile("# \(word)\n", path: "Makefile")).count == 1)
        #expect(checkPutOffWork(makeFile("# \(word)\n", path: "docs/style.md")) == [])
    }
}

@Suite struct ImportRulesTests {
    private func modules(_ text: String, in folder: String) -> [Int] {
        lines(of: checkImports(makeFile(text, path: "Sources/\(folder)/A.swift")))
    }

    @Test func coreImportsNothing() {
        let text = "import Foundation\n// import NIO\npublic import struct NIOCore.ByteBuffer\n"
        #expect(modules(text, in: "DHTClient/Core") == [1, 3])
        #expect(modules(text, in: "DHTClient/Core/Wire") == [1, 3])
        #expect(modules(text, in: "DHTClient/Driver") == [])
    }

    @Test func bottomModulesImportWhatTheyMay() {
        let text = "import Synchronization\nimport Glibc\n@preconcurrency import CSQLite\n"
        #expect(modules(text, in: "Cache") == [2, 3])
        #expect(modules("import Synchronization\nimport GRDB\n", in: "Cache/Spill") == [])
        #expect(modules("import NIOCore\n", in: "Cache/Spill") == [1])
        #expect(modules(text, in: "BLAKE3") == [1, 2, 3])
    }
}
