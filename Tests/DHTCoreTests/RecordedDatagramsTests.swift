import Randomness
import DHTCore
import Foundation
import Testing

/// Datagrams recorded from real implementations: every one of them is understood or refused with a
/// name, and nothing of it is lost.
struct RecordedDatagramsTests {
    static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/Datagrams")

    static let names: [String] =
        (try? FileManager.default.contentsOfDirectory(atPath: folder.path()))?.sorted() ?? []

    static func load(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appending(path: name)))
    }

    @Test func thereAreRecordings() {
        #expect(Self.names.count > 100)
    }

    @Test func wellFormedRecordingsDecode() throws {
        for name in Self.names where !name.hasPrefix("bad-") {
            let message = try decode(Self.load(name))
            let isReply = name.contains("-r-")
            if isReply {
                if case .query = message.kind { Issue.record("\(name) is no reply") }
            } else if case .query = message.kind {
                #expect(message.sender != nil, "\(name)")
            } else {
                Issue.record("\(name) is no query")
            }
        }
    }

    @Test func contactsInRecordingsAreWhole() throws {
        for name in Self.names where name.hasPrefix("find-node") || name.hasPrefix("get-") {
            let bytes = try Self.load(name)
            let arguments = try decode(bytes).arguments
            for (range, family) in [(arguments.nodes, AddressFamily.v4), (arguments.nodes6, .v6)] {
                guard let range else { continue }
                #expect(CompactNodes(range, family: family) != nil, "\(name)")
            }
        }
    }

    @Test func mutatedRecordingsNeverTrap() throws {
        var generator = SeededRandom(seed: 11)
        var node = makeNode(answersQueries: true)
        let peer = Endpoint(8, 8, 8, 8, port: 6881)
        for name in Self.names {
            let original = try Self.load(name)
            guard !original.isEmpty else { continue }
            for _ in 0..<20 {
                var bytes = original
                for _ in 0...generator.next() % 3 {
                    let index = Int(generator.next() % UInt64(bytes.count))
                    bytes[index] = UInt8(truncatingIfNeeded: generator.next())
                }
                node.receive(bytes.span, from: peer, at: DHTInstant(nanoseconds: 0))
                while node.nextAction() != nil {}
            }
        }
        #expect(node.brokenInvariant(at: DHTInstant(nanoseconds: 0)) == nil)
    }
}
