import Glibc
import Testing

@testable import IndexService

/// Open files: known before the service listens, and enough of them.
@Suite struct DescriptorLimitTests {
    @Test func everyConnectionOfEveryListenerCounts() {
        let one = DescriptorLimit(connections: 1000, listeners: 1, eventLoops: 2)
        let two = DescriptorLimit(connections: 1000, listeners: 2, eventLoops: 2)
        #expect(two.needed - one.needed >= 1000)
        #expect(one.needed > 1000)
    }

    @Test func moreThanTheSystemAllowsIsRefusedByName() throws {
        var limit = rlimit()
        #expect(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        // A system without a limit allows everything.
        guard limit.rlim_max < rlim_t(Int32.max) else { return }
        let over = DescriptorLimit(
            connections: Int(limit.rlim_max),
            listeners: 1,
            eventLoops: 1
        )
        let error = #expect(throws: StartError.self) { try over.claim() }
        #expect(error?.description.contains("http.max_connections") == true)
        #expect(error?.isConfigurationError == true)
    }
}
