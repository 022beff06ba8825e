package import DHTCore

extension MainlineClient {
    /// Runs `body` with a client that is stopped afterwards: for commands that ask one thing.
    ///
    /// Waits until the client knows a node, for at most `patience`; after that `body` runs all the
    /// same, and its lookup says that there was nobody to ask.
    package static func withClient<Outcome: Sendable>(
        _ configuration: MainlineConfiguration,
        patience: TimeSpan = .seconds(5),
        observer: @escaping @Sendable (MainlineEvent) -> Void = { _ in },
        _ body: (MainlineClient) async throws(MainlineError) -> Outcome
    ) async throws(MainlineError) -> Outcome {
        let client = try await start(configuration, observer: observer)
        _ = await client.hasContacts(by: .now + patience)
        do throws(MainlineError) {
            let outcome = try await body(client)
            await client.stop()
            return outcome
        } catch {
            await client.stop()
            throw error
        }
    }
}
