internal import ArgumentParser
internal import DHTClient
internal import DHTCore
internal import IndexService

/// How a command that asks the DHT by itself finds and meets it.
struct DHTOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Nodes to join the DHT by, separated by commas.",
            valueName: "host:port,…"
        )
    )
    var dhtBootstrap: String?

    @Option(
        help: ArgumentHelp("UDP addresses, one a family; 0.0.0.0:0 if none.", valueName: "ip:port")
    )
    var dhtBind: String?

    @Option(help: ArgumentHelp("The time the lookup has, in milliseconds.", valueName: "ms"))
    var dhtDeadlineMs: Int?

    @Option(help: ArgumentHelp("A TOML file with settings.", valueName: "file.toml"))
    var config: String?

    /// The settings from every source; the options above are those of `serve`.
    func read() throws -> Settings.DHT {
        var arguments: [String] = []
        if let dhtBootstrap { arguments.append("--dht-bootstrap=\(dhtBootstrap)") }
        if let dhtBind { arguments.append("--dht-bind=\(dhtBind)") }
        if let dhtDeadlineMs { arguments.append("--dht-deadline-ms=\(dhtDeadlineMs)") }
        let settings: Settings.DHT
        do {
            settings = try SettingsReader.read(
                arguments: arguments,
                environment: ProcessEnvironment.variables(),
                filePath: config,
                profile: nil
            ).settings.dht
        } catch {
            throw Failure(.configuration, error.advice)
        }
        guard !settings.bootstrap.isEmpty else {
            throw Failure(
                .usage,
                "no node to join the DHT by is named; give --dht-bootstrap host:port"
            )
        }
        return settings
    }

    /// Runs `body` with a client that has joined the network, as far as that could be done.
    ///
    /// - Parameter answersQueries: for clients that stay: others take whoever writes into their
    ///   tables, and expect answers.
    func withClient<Outcome: Sendable>(
        answersQueries: Bool = false,
        _ body: (MainlineClient, Settings.DHT) async throws(MainlineError) -> Outcome
    ) async throws -> Outcome {
        let settings = try read()
        do {
            var configuration = try MainlineConfiguration(settings: settings)
            configuration.node.answersQueries = answersQueries
            let outcome = try await MainlineClient.withClient(configuration) {
                client throws(MainlineError) -> Result<Outcome, Failure> in
                if let obstacle = await client.status().bootstrapObstacle {
                    return .failure(Failure(.unavailable, "\(obstacle); see --dht-bootstrap"))
                }
                return .success(try await body(client, settings))
            }
            return try outcome.get()
        } catch let error as MainlineError {
            throw Failure(.unavailable, error.description)
        } catch let error as StartError {
            throw Failure(.configuration, error.description)
        }
    }
}

extension MainlineClient {
    /// The families of the sockets: what there is to look in.
    var families: [AddressFamily] { endpoints.map(\.family) }

    /// Looks something up in every family at once; the results in the order of the sockets, without
    /// those of families in which there was nobody to ask.
    func lookUp(
        _ goal: LookupGoal,
        isTraced: Bool,
        deadline: DHTInstant
    ) async throws(MainlineError) -> [LookupResult] {
        let families = families
        let outcomes = await withTaskGroup { group in
            for (place, family) in families.enumerated() {
                group.addTask { () async -> (Int, Result<LookupResult, MainlineError>) in
                    let options = LookupOptions(family: family, isTraced: isTraced)
                    do throws(MainlineError) {
                        let result = try await self.lookup(
                            goal,
                            options: options,
                            deadline: deadline
                        )
                        return (place, .success(result))
                    } catch {
                        return (place, .failure(error))
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        var results: [LookupResult] = []
        for (_, outcome) in outcomes.sorted(by: { $0.0 < $1.0 }) {
            results.append(try outcome.get())
        }
        return results.withoutEmptyFamilies
    }
}

extension Settings.DHT {
    /// When a lookup that begins now has to end.
    var deadlineFromNow: DHTInstant { .now + TimeSpan(deadline) }

    /// When a write that begins now has to end: it looks for its nodes first.
    var writeDeadlineFromNow: DHTInstant { deadlineFromNow + TimeSpan(deadline) }
}
