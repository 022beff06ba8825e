import Cache
import DHTClient
import DHTCore
import Testing

@testable import IndexService

/// Names of a key that the service keeps on a DHT: real nodes on loopback, real sockets.
@Suite(.serialized, .timeLimit(.minutes(1))) struct KeyNamePublisherTests {
    private func withWriter(
        _ body: (KeyNameWriter) async throws -> Void
    ) async throws {
        try await withDHTClient { client in
            let signer = try #require(ItemSigner.random())
            try await body(KeyNameWriter(client: client, signer: signer))
        }
    }

    private func links(
        _ names: [String: String],
        of writer: KeyNameWriter
    ) throws -> [KeyNameWriter.Link] {
        try names.sorted { $0.key < $1.key }.map { label, target in
            let id = makeContentID(target)
            let published = try PublishedName(parsing: "\(label)=\(id)")
            let name = try #require(published.name(under: writer.signer.publicKey))
            return (name, ContentLink(target: id))
        }
    }

    private func target(
        of label: String,
        _ writer: KeyNameWriter
    ) async throws -> ContentID? {
        let discovery = Discovery(client: writer.client, budget: 5_000_000_000)
        let published = try PublishedName(parsing: "\(label)=\(makeContentID("any"))")
        let name = try #require(published.name(under: writer.signer.publicKey))
        let end = MonotonicInstant.now().advanced(bySeconds: 5)
        let found = await discovery.running {
            // A lookup that nobody waits for would give way to the writes for seconds.
            await $0.record(of: name, .all, by: end)
        }
        guard case .found(let record, _, _) = found else { return nil }
        return record.manifestID
    }

    @Test func severalNamesAreOneItemThatNodesStore() async throws {
        try await withWriter { writer in
            let links = try links(["@": "apex", "blog": "one", "a.b": "two"], of: writer)
            let written = try await writer.write(links)
            #expect(written.isNew && written.stored == 8)
            #expect(try await target(of: "@", writer) == makeContentID("apex"))
            #expect(try await target(of: "blog", writer) == makeContentID("one"))
            #expect(try await target(of: "a.b", writer) == makeContentID("two"))
        }
    }

    @Test func whatIsThereAlreadyIsStoredAgainAsItIs() async throws {
        try await withWriter { writer in
            let first = try await writer.write(try links(["blog": "one"], of: writer))
            // Another name, say by another instance.
            let second = try await writer.write(try links(["other": "two"], of: writer))
            #expect(second.sequence > first.sequence)
            let again = try await writer.write(try links(["blog": "one"], of: writer))
            #expect(!again.isNew && again.sequence == second.sequence && again.stored == 8)
            #expect(try await target(of: "other", writer) == makeContentID("two"))
            let moved = try await writer.write(try links(["blog": "three"], of: writer))
            #expect(moved.isNew)
            #expect(try await target(of: "blog", writer) == makeContentID("three"))
            #expect(try await target(of: "other", writer) == makeContentID("two"))
        }
    }

    /// Two commands, or two instances, that begin under a new key at the same moment.
    @Test func whoPublishesFirstAtTheSameTimeLosesNothing() async throws {
        try await withWriter { writer in
            let labels = ["a", "b", "c"]
            let writes = try labels.map { try links([$0: "to \($0)"], of: writer) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for write in writes { group.addTask { _ = try await writer.write(write) } }
                try await group.waitForAll()
            }
            for label in labels {
                #expect(try await target(of: label, writer) == makeContentID("to \(label)"))
            }
        }
    }

    @Test func whereNobodyAnswersNothingIsWritten() async throws {
        let deaf = try DeafPeer()
        var configuration = MainlineConfiguration()
        configuration.node = LoopbackNetwork.nodeSettings
        configuration.binds = [DHTCore.Endpoint(127, 0, 0, 1, port: 0)]
        configuration.bootstrap = deaf.bootstrap
        let client = try await MainlineClient.start(configuration)
        let signer = try #require(ItemSigner.random())
        let writer = KeyNameWriter(client: client, signer: signer)
        await #expect(throws: KeyNameWriteError.self) {
            _ = try await writer.write(try links(["blog": "one"], of: writer))
        }
        await client.stop()
    }
}
