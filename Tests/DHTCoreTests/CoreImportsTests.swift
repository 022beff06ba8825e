import Foundation
import Testing

/// The core depends on the standard library and on nothing else.
struct CoreImportsTests {
    @Test func coreImportsNothing() throws {
        let core = URL(filePath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Sources/DHTClient/Core")
        let files = try #require(FileManager.default.enumerator(atPath: core.path()))
        var count = 0
        for case let file as String in files where file.hasSuffix(".swift") {
            count += 1
            let text = try String(contentsOf: core.appending(path: file), encoding: .utf8)
            for line in text.split(separator: "\n") {
                let words = line.split(separator: " ")
                #expect(!words.prefix(3).contains("import"), "\(file): \(line)")
            }
        }
        #expect(count > 20)
    }
}
