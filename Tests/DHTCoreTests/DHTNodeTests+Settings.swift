@testable import DHTCore
import Testing

extension DHTNodeTests {
    @Test func lookupsRunByTheSettingsOfTheirStart() throws {
        var node = makeClient { $0.lookup.alpha = 2 }
        try start(&node)
        #expect(drain(&node).queries(.getPeers).count == 2)
        var settings = LookupSettings()
        settings.alpha = 5
        settings.beta = 0
        node.change(settings)
        // Nothing more for the lookup under way, also when it has stalled, but its hedges.
        node.advance(to: makeTime(200))
        #expect(drain(&node).queries(.getPeers).count <= 2)
        try start(&node, .peers(makeID(prefix: 0x1235), .init()), at: 200)
        #expect(drain(&node).queries(.getPeers).count == 5)
        node.advance(to: makeTime(600))
        #expect(node.brokenInvariant(at: makeTime(600)) == nil)
    }
}
