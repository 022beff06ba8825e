import DHTClient
import Foundation
import Glibc
import Testing

@testable import IndexService

/// The file that holds the secret of a key name.
@Suite struct KeyFileTests {
    private let directory = try? TemporaryDirectory()

    private func makeFile(
        _ text: String = String(repeating: "0a", count: 32) + "\n",
        mode: Int = 0o600
    ) throws -> String {
        let path = try #require(directory).path + "/key-\(UUID())"
        try Data(text.utf8).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        return path
    }

    private func refusal(of path: String) -> String? {
        do throws(KeyFileError) {
            _ = try ItemSigner(keyFile: path)
            return nil
        } catch {
            return error.description
        }
    }

    @Test func theKeyIsTheOneOfItsDigits() throws {
        let signer = try #require(ItemSigner(seed: [UInt8](repeating: 10, count: 32)))
        #expect(try ItemSigner(keyFile: makeFile()).publicKey == signer.publicKey)
        let bare = try makeFile(String(repeating: "0A", count: 32))
        #expect(try ItemSigner(keyFile: bare).publicKey == signer.publicKey)
    }

    @Test(arguments: [0o640, 0o604, 0o620, 0o601])
    func aFileThatOthersMayOpenIsRefused(mode: Int) throws {
        let reason = try #require(refusal(of: makeFile(mode: mode)))
        #expect(reason.contains("chmod 600"))
        #expect(!reason.contains("0a0a"))
    }

    @Test(arguments: ["", "0a", String(repeating: "0a", count: 32) + "\n\n"])
    func whatIsNoKeyIsRefused(text: String) throws {
        let reason = try #require(refusal(of: makeFile(text)))
        #expect(reason.contains("64 hex digits"))
    }

    @Test func whatIsNoFileIsRefusedAtOnce() throws {
        let path = try #require(directory).path
        #expect(refusal(of: path) != nil)
        #expect(refusal(of: path + "/absent") != nil)
        #expect(mkfifo(path + "/pipe", 0o600) == 0)
        #expect(refusal(of: path + "/pipe")?.contains("pipe") == true)
    }
}
