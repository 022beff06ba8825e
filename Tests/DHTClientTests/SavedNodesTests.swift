import DHTClient
import DHTCore
import Foundation
import Testing

@Suite struct SavedNodesTests {
    private let directory = FileManager.default.temporaryDirectory
        .appendingPathComponent("saved-nodes-\(UUID())")
    private var path: String { directory.appendingPathComponent("nodes").path }

    init() throws {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    @Test func whatIsWrittenIsReadBack() throws {
        defer { try? FileManager.default.removeItem(at: directory) }
        let saved = makeSaved(count: 3)
        try saved.write(to: path)
        #expect(try SavedNodes.read(from: path) == saved)
        try makeSaved(count: 1).write(to: path)
        #expect(try SavedNodes.read(from: path)?.contacts.count == 1)
        let files = try FileManager.default.contentsOfDirectory(atPath: directory.path)
        #expect(files == ["nodes"])
    }

    @Test func noMoreThanTheLimitIsWritten() throws {
        defer { try? FileManager.default.removeItem(at: directory) }
        try makeSaved(count: SavedNodes.limit + 10).write(to: path)
        #expect(try SavedNodes.read(from: path)?.contacts.count == SavedNodes.limit)
    }

    @Test func aMissingFileIsNoError() throws {
        defer { try? FileManager.default.removeItem(at: directory) }
        #expect(try SavedNodes.read(from: path) == nil)
    }

    @Test(arguments: [
        "", "something else\n", "svc-index-dht-nodes 1\n",
        "svc-index-dht-nodes 1\nnetwork x\nid 12\n",
        "svc-index-dht-nodes 1\nnetwork x\nid \(makeID(1))\n\(makeID(2)) 7f00\n",
        "svc-index-dht-nodes 1\nnetwork x\nid \(makeID(1))\n\(makeID(2)) 7f0000011ae1",
        "svc-index-dht-nodes 1\nnetwork x\nid \(makeID(1))\n\(makeID(2))\n",
        String(repeating: "a", count: 200_000),
    ])
    func aDamagedFileIsMalformed(text: String) throws {
        defer { try? FileManager.default.removeItem(at: directory) }
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        #expect(throws: SavedNodesError.malformed(path: path)) { try SavedNodes.read(from: path) }
    }

    @Test func whatIsWrongWithTheFileIsSaidInOneSentence() throws {
        defer { try? FileManager.default.removeItem(at: directory) }
        let folder = directory.path
        let reading = #expect(throws: SavedNodesError.self) { try SavedNodes.read(from: folder) }
        let expected = "the saved DHT nodes in \(folder) cannot be read (Is a directory): "
        #expect(reading?.description.hasPrefix(expected) == true)
        let writing = #expect(throws: SavedNodesError.self) {
            try makeSaved(count: 1).write(to: folder)
        }
        #expect(writing?.description.contains("cannot be saved in \(folder) (") == true)
        #expect(SavedNodesError.malformed(path: "/x").description.contains("in /x are damaged"))
    }

    @Test func aFileThatCannotBeWrittenIsAnError() {
        #expect(throws: SavedNodesError.self) {
            try makeSaved(count: 1).write(to: directory.path + "/missing/nodes")
        }
    }

    @Test func aClientComesBackWithItsContactsAndItsID() async throws {
        defer { try? FileManager.default.removeItem(at: directory) }
        let network = try await LoopbackNetwork.start(count: 24, settings: openSettings)
        var configuration = makeConfiguration(joiningBy: network.bootstrap)
        configuration.savedNodesPath = path
        let first = try await MainlineClient.start(configuration)
        #expect(await first.hasContacts(8, by: soon))
        let id = await first.status().node.id
        await first.stop()
        let saved = try #require(try SavedNodes.read(from: path))
        #expect(saved.contacts.count >= 8)
        #expect(saved.network == SavedNodes.network(of: network.bootstrap))

        let second = try await MainlineClient.start(configuration)
        #expect(await second.status().node.id == id)
        await second.stop()

        // On another network nothing of it is used.
        configuration.bootstrap = []
        let third = try await MainlineClient.start(configuration)
        #expect(await third.status().node.id != id)
        await third.stop()
        await network.stop()
    }

    private func makeSaved(count: Int) -> SavedNodes {
        let contacts = (0..<count).map { number in
            let endpoint =
                number.isMultiple(of: 2)
                ? Endpoint(192, 0, 2, UInt8(truncatingIfNeeded: number), port: 6881)
                : Endpoint(v6: 0x2001_0DB8_0000_0000, UInt64(number), port: 6882)
            let id = NodeID(high: UInt64(number), middle: 0, low: 1)
            return SavedNodes.SavedContact(id: id, endpoint: endpoint)
        }
        return SavedNodes(network: "a:1,b:2", id: makeID(1), contacts: contacts)
    }
}
