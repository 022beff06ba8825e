import Cache
import DHTClient
import DHTCore
import Testing

@testable import IndexService

/// What goes on where the socket of one address family is lost, and the other one works.
@Suite(.serialized, .timeLimit(.minutes(1))) struct LostFamilyTests {
    /// A client of an IPv4 and of an IPv6 network, on which a lost socket is not soon reopened.
    private func withTwoFamilies(
        change: (inout MainlineConfiguration) -> Void = { _ in },
        _ body: (MainlineClient) async throws -> Void
    ) async throws {
        let other = try await LoopbackNetwork.start(count: 8, family: .v6)
        try await withDHTClient(
            // More than one family has.
            contacts: 26,
            change: { configuration in
                configuration.binds.append(DHTCore.Endpoint(v6: 0, 1, port: 0))
                configuration.bootstrap += other.bootstrap
                configuration.retry.rebindPause = .minutes(5)
                configuration.retry.rebindPauseLimit = .minutes(5)
                change(&configuration)
            },
            body
        )
        await other.stop()
    }

    private func lose(_ families: Set<AddressFamily>, of client: MainlineClient) async {
        client.reopenSockets(of: families)
        while await client.status().tally.socketsLost < families.count { await Task.yield() }
    }

    private func lookForNothing(_ client: MainlineClient) async -> Discovered {
        let discovery = Discovery(client: client, budget: 1_200_000_000)
        return await discovery.running { discovery in
            await discovery.providers(
                of: makeContentID("nowhere"),
                effort: .first,
                by: .now().advanced(bySeconds: 5)
            )
        }
    }

    @Test func whileASocketIsBeingReopenedNothingIsSaidToBeAbsent() async throws {
        try await withTwoFamilies { client in
            await lose([.v6], of: client)
            #expect(await lookForNothing(client).verdict == .unknown(.unreachable))
        }
    }

    /// As where there are no nodes of a family: it has nobody whom we could ask, now or later.
    @Test func aFamilyThatIsGoneKeepsNothingFromBeingAbsent() async throws {
        try await withTwoFamilies(
            change: { $0.node.familyPatience = .zero },
            { client in
                await lose([.v6], of: client)
                let found = await lookForNothing(client)
                #expect(found.verdict == .absent && found.isComplete)
                #expect(await client.status().canLookUp())
            }
        )
    }

    @Test func whereAllFamiliesAreGoneNothingIsSaidToBeAbsent() async throws {
        try await withTwoFamilies(
            change: { $0.node.familyPatience = .zero },
            { client in
                await lose([.v4, .v6], of: client)
                guard case .unknown = await lookForNothing(client).verdict else {
                    Issue.record("said to be absent")
                    return
                }
                #expect(await !client.status().canLookUp())
            }
        )
    }

    // MARK: Silent families

    /// A client whose IPv6 network has fallen silent, which it notices soon.
    private func withSilentIPv6(
        patience: TimeSpan,
        _ body: (MainlineClient) async throws -> Void
    ) async throws {
        try await IndexServiceTests.withSilentIPv6(
            change: { configuration in
                configuration.node.canaryInterval = .milliseconds(500)
                configuration.node.familyPatience = patience
            },
            prepare: { _ in },
            body
        )
    }

    private func awaitLossOfIPv6(_ client: MainlineClient) async {
        while await client.status().node.v6.known > 0, !Task.isCancelled { await Task.yield() }
    }

    @Test func aFamilyInWhichNobodyAnswersForLongKeepsNothingFromBeingAbsent() async throws {
        try await withSilentIPv6(patience: .zero) { client in
            await awaitLossOfIPv6(client)
            let found = await lookForNothing(client)
            #expect(found.verdict == .absent && found.isComplete)
            let status = await client.status()
            #expect(status.canLookUp() && status.node.good > 0)
        }
    }

    @Test func whileAFamilyIsSilentForAMomentNothingIsSaidToBeAbsent() async throws {
        try await withSilentIPv6(patience: .minutes(1)) { client in
            #expect(await lookForNothing(client).verdict == .unknown(.unreachable))
        }
    }

    // MARK: Publishing

    @Test func namesArePublishedInTheFamilyThatAnswers() async throws {
        try await withSilentIPv6(patience: .zero) { client in
            await awaitLossOfIPv6(client)
            let written = try await write(by: client)
            #expect(written.isNew && written.stored == 8)
            #expect(written.leftOut == [.familyGone(.v6)])
        }
    }

    /// Somebody else's records of the key may be with the nodes that are silent for a moment.
    @Test func nothingNewIsSignedWhileAFamilyIsSilentForAMoment() async throws {
        try await withSilentIPv6(patience: .minutes(1)) { client in
            let error = await #expect(throws: KeyNameWriteError.self) {
                try await write(by: client)
            }
            guard case .client(.unanswered(.v6)) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    private func write(
        by client: MainlineClient,
        keepsAlive: Bool = false
    ) async throws -> KeyNameWriter.Written {
        let signer = try #require(ItemSigner.random())
        let writer = KeyNameWriter(client: client, signer: signer, keepsAlive: keepsAlive)
        let link = ContentLink(target: makeContentID("published"))
        return try await writer.write([(KeyName(signer.publicKey), link)])
    }

    @Test func namesArePublishedInTheFamilyThatIsLeft() async throws {
        try await withTwoFamilies(
            change: { $0.node.familyPatience = .zero },
            { client in
                await lose([.v6], of: client)
                let written = try await write(by: client)
                #expect(written.isNew && written.stored == 8)
                #expect(written.results.map(\.family) == [.v4])
                #expect(written.leftOut == [.familyGone(.v6)])
            }
        )
    }

    /// Somebody else's records of the key may be there, and a newer item would end them.
    @Test func nothingNewIsSignedWhileASocketIsBeingReopened() async throws {
        try await withTwoFamilies { client in
            await lose([.v6], of: client)
            let error = await #expect(throws: KeyNameWriteError.self) {
                try await write(by: client)
            }
            guard case .client(.notConnected(.v6)) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func whatOneFamilyHasStoredIsPublishedThoughTheOtherTakesNothing() async throws {
        try await withTwoFamilies(
            change: { $0.node.maintenance.publicationsLimit = 1 },
            { client in
                let written = try await write(by: client, keepsAlive: true)
                #expect(written.stored > 0 && written.results.count == 1)
                #expect(written.leftOut == [.refused(.tooManyPublications)])
            }
        )
    }

    @Test func whereNoFamilyIsLeftNothingIsPublished() async throws {
        try await withTwoFamilies { client in
            await lose([.v4, .v6], of: client)
            let error = await #expect(throws: KeyNameWriteError.self) {
                try await write(by: client)
            }
            guard case .client(.notConnected) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }
}
