import DHTClient
import DHTCore
import Testing

@Suite struct TraceTextTests {
    @Test func everyQueryOfATracedLookupHasItsLine() async throws {
        try await withClient { _, client in
            _ = try await client.publish(.peer(infoHash: makeID(4), port: 4004), deadline: soon)
            let result = try await client.lookup(
                .anyPeer(of: makeID(4)),
                options: LookupOptions(isTraced: true),
                deadline: soon
            )
            let lines = TraceText(result).queries
            #expect(lines.count == result.report.queried + 1)
            #expect(lines.first?.hasPrefix("#  sent") == true)
            #expect(lines.dropFirst().allSatisfy { $0.contains("alpha") || $0.contains("beta") })
            #expect(lines.contains { $0.contains("1 values") })
            #expect(TraceText(result).summary.hasPrefix("1 providers in "))
            #expect(TraceText(result).write == nil)
        }
    }

    @Test func aWriteSaysHowManyNodesStoredIt() async throws {
        try await withClient { _, client in
            let result = try await client.publish(
                .peer(infoHash: makeID(4), port: 4004),
                deadline: soon
            )
            let write = try #require(result.write)
            let text = "stored at \(write.stored) of \(write.attempted) nodes"
            #expect(TraceText(result).write?.hasPrefix(text) == true)
            #expect(TraceText(result).queries.isEmpty)
        }
    }
}
