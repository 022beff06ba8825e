import Randomness
import BLAKE3
import Foundation
import Testing

/// Compares with the authors' own program, where it is installed.
@Suite struct ReferenceProgramTests {
    static let program = ["/usr/bin/b3sum", "/usr/local/bin/b3sum"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    @Test(.enabled(if: program != nil, "b3sum is not installed"), arguments: [1, 2, 3])
    func b3sumAgreesOnRandomFiles(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "blake3-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }

        var expected: [String] = []
        for index in 10..<18 {
            let input = random.bytes(count: Int.random(in: 0..<150_000, using: &random))
            try Data(input).write(to: folder.appending(path: "\(index)"))
            expected.append("\(Digest(hashing: input).hex)  \(index)")
        }
        let output = try b3sum(in: folder, files: (10..<18).map(String.init))
        #expect(output == expected, "seed \(seed)")
    }

    private func b3sum(in folder: URL, files: [String]) throws -> [String] {
        let process = Process()
        process.executableURL = URL(filePath: try #require(Self.program))
        process.arguments = files
        process.currentDirectoryURL = folder
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: output, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}
