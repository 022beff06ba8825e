import Cache
import DHTClient
import DHTCore
import Testing

@testable import IndexService

/// Askers of one thing at one time cause one lookup, whatever they ask it for.
@Suite(.serialized, .timeLimit(.minutes(1))) struct JoinedLookupTests {
    private let id = makeContentID("wanted by many")
    private let deadline = MonotonicInstant.now().advanced(bySeconds: 30)

    /// Lookups that began and have ended.
    private func count(of client: MainlineClient) async -> Int {
        let tally = await client.status().tally
        return LookupEnd.allCases.reduce(0) { $0 + tally[$1] }
    }

    private func makeDiscovery(_ client: MainlineClient) -> Discovery {
        Discovery(client: client, budget: 5_000_000_000, lookupsPerSecond: 2)
    }

    @Test func equalEffortsForOneContentIDAreOneLookup() async throws {
        try await withDHTClient { client in
            let discovery = makeDiscovery(client)
            let before = await count(of: client)
            let verdicts = await withTaskGroup(of: Discovered.Verdict.self) { group in
                for number in 0..<33 {
                    group.addTask {
                        let effort: Discovery.Effort = number < 30 ? .first : .thorough
                        return await discovery.providers(of: id, effort: effort, by: deadline)
                            .verdict
                    }
                }
                await becomesTrue { discovery.load == (2, 33) }
                let runner = discovery.start()
                defer { runner.cancel() }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(verdicts == Array(repeating: .absent, count: 33))
            #expect(await count(of: client) - before == 2)
            #expect(discovery.load == (0, 0))
        }
    }

    @Test func namesOfOneKeyAreOneLookup() async throws {
        try await withDHTClient { client in
            let discovery = makeDiscovery(client)
            let before = await count(of: client)
            let names = try ["", "a", "b.c"].map { try makeKeyName($0) }
            await withTaskGroup(of: Void.self) { group in
                for name in names {
                    group.addTask {
                        let record = await discovery.record(of: name, by: deadline)
                        guard case .absent = record else {
                            Issue.record("a record that nobody has published")
                            return
                        }
                    }
                }
                await becomesTrue { discovery.load == (1, 3) }
                let runner = discovery.start()
                await group.waitForAll()
                runner.cancel()
            }
            #expect(await count(of: client) - before == 1)
        }
    }

    @Test func whoHasLittleTimeLeftDoesNotLeadThoseWhoHaveMore() async throws {
        try await withDHTClient { client in
            let discovery = makeDiscovery(client)
            let late = Task { [id] in
                await discovery.providers(of: id, effort: .first, by: .now()).verdict
            }
            await becomesTrue { discovery.load == (1, 1) }
            let patient = Task { [id, deadline] in
                await discovery.providers(of: id, effort: .first, by: deadline).verdict
            }
            await becomesTrue { discovery.load == (2, 2) }
            await discovery.running { _ in
                #expect(await late.value == .unknown(.deadline))
                #expect(await patient.value == .absent)
            }
        }
    }

    @Test func afterTheEndOfTheServiceNobodyWaits() async throws {
        try await withDHTClient { client in
            let discovery = makeDiscovery(client)
            let runner = discovery.start()
            runner.cancel()
            await runner.value
            let found = await discovery.providers(of: id, effort: .first, by: deadline)
            #expect(found.verdict == .unknown(.unreachable))
        }
    }
}
