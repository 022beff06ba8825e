import Foundation
import GRDB
import Testing

@testable import IndexService

/// What amnesia leaves of an index in memory: shown on a file, whose pages are the same.
@Suite struct ErasureTests {
    @Test func noPageHoldsWhatWasErased() async throws {
        try await withTemporaryDirectory { path in
            let file = path + "/index.sqlite"
            let queue = try DatabaseQueue(path: file)
            try IndexSchema.migrator.migrate(queue)
            try await queue.write { database in
                for number in 0..<300 {
                    for statement in [
                        "names VALUES ('secret-\(number)', randomblob(32), 1, 1, 1)",
                        "providers VALUES (randomblob(32), 'secret', 'x:1', NULL, 1, 1)",
                        "manifests VALUES (NULL, randomblob(32), 'secret', x'736563726574')",
                        "pins VALUES ('secret-\(number)')",
                    ] { try database.execute(sql: "INSERT INTO " + statement) }
                }
                // A manifest over many pages.
                let long = String(repeating: "secret", count: 9000)
                try database.execute(
                    sql: "INSERT INTO manifests VALUES (NULL, randomblob(32), 'x', ?)",
                    arguments: [Data(long.utf8)]
                )
            }
            let secret = Data("secret".utf8)
            #expect(try Data(contentsOf: URL(filePath: file)).range(of: secret) != nil)
            try await queue.writeWithoutTransaction { try IndexSchema.erase($0) }
            try queue.close()
            #expect(try Data(contentsOf: URL(filePath: file)).range(of: secret) == nil)
            #expect(try FileManager.default.contentsOfDirectory(atPath: path) == ["index.sqlite"])
        }
    }
}
