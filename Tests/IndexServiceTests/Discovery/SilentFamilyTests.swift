import Cache
import DHTClient
import DHTCore
import Testing

@testable import IndexService

/// Key names where the nodes of one address family have fallen silent.
@Suite(.serialized, .timeLimit(.minutes(1))) struct SilentFamilyTests {
    private let signer: ItemSigner
    private var name: KeyName { KeyName(signer.publicKey) }

    init() throws {
        signer = try #require(ItemSigner(seed: [UInt8](repeating: 9, count: 32)))
    }

    private func makeSigned(_ text: String, in label: String = "") throws -> StoredItem {
        let sequence: Int64 = text == "first" ? 1 : 2
        return try makeSignedItem(text, in: label, sequence: sequence, by: signer)
    }

    private func withSilentIPv6(
        having item: StoredItem,
        change: (inout MainlineConfiguration) -> Void = { _ in },
        _ body: (MainlineClient) async throws -> Void
    ) async throws {
        try await IndexServiceTests.withSilentIPv6(
            change: change,
            prepare: { client in
                let deadline = DHTInstant.now + .seconds(5)
                _ = try await client.publish(.item(item), deadline: deadline)
            },
            body
        )
    }

    private func find(
        _ client: MainlineClient,
        newest: NewestRecords = NewestRecords(),
        effort: Discovery.Effort = .first
    ) async -> FoundRecord {
        let discovery = Discovery(client: client, budget: 1_000_000_000, newest: newest)
        return await discovery.running { discovery in
            await discovery.record(of: name, effort, by: .now().advanced(bySeconds: 1))
        }
    }

    @Test func whoWaitsDoesNotWaitForThem() async throws {
        try await withSilentIPv6(having: makeSigned("first")) { client in
            guard case .found(let record, isCurrent: true, isEarly: true) = await find(client)
            else {
                Issue.record("not found, or waited for")
                return
            }
            #expect(record.manifestID == makeLink("first").target)
        }
    }

    @Test func aThoroughLookAsksThemToTheEnd() async throws {
        try await withSilentIPv6(having: makeSigned("first")) { client in
            let found = await find(client, effort: .thorough)
            guard case .found(_, isCurrent: false, isEarly: false) = found else {
                Issue.record("\(found)")
                return
            }
        }
    }

    /// They may have the newer one still.
    @Test func anItemOlderThanOneThatIsKnownIsNotEnough() async throws {
        try await withSilentIPv6(having: makeSigned("first")) { client in
            let newest = NewestRecords()
            _ = newest.take(try makeSigned("second"), of: name.publicKey, at: .now())
            let found = await find(client, newest: newest)
            guard case .found(let record, isCurrent: false, isEarly: false) = found else {
                Issue.record("\(found)")
                return
            }
            #expect(record.manifestID == makeLink("second").target)
        }
    }

    /// Where one family's item says nothing of a name, another's may.
    @Test func anItemWithoutTheNameIsNoProofThatItIsAbsent() async throws {
        try await withSilentIPv6(having: makeSigned("first", in: "other")) { client in
            guard case .unknown = await find(client) else {
                Issue.record("it was said to be absent")
                return
            }
        }
    }

    /// Lookups that nobody waits for stand still here: all places are kept for those of callers.
    @Test func whoWaitsForASecondLookGivesWayToNobody() async throws {
        try await withSilentIPv6(
            having: makeSigned("first", in: "other"),
            change: {
                $0.node.pacing.burstShareOfCallers = 1
                $0.node.pacing.queryBurstToOneNode = 100
                $0.node.pacing.queriesPerSecondToOneNode = 1
            },
            { client in
                guard case .unknown(.unreachable, newest: _) = await find(client) else {
                    Issue.record("the network was not asked")
                    return
                }
            }
        )
    }
}
