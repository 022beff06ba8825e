internal import Cache
internal import DHTClient
internal import DHTCore
internal import Logging
internal import ServiceLifecycle
internal import Synchronization
internal import Waiting

/// The DHT client of a running service: joins with it, is measured for `/readyz` and `/metrics`.
final class MainlineService: Service {
    /// Well within the two seconds in which readiness has to tell of a fall.
    private static let period = Duration.milliseconds(250)
    /// After so long without an answer somebody is asked whether the network is there.
    private static let canaryInterval = TimeSpan.milliseconds(500)

    /// What the resolver asks.
    let discovery: Discovery
    private let client: MainlineClient
    private let bar: ReadinessBar
    private let hasBootstrap: Bool
    private let readiness: Readiness
    private let logger: Logger
    private let latest = Mutex<MainlineStatus?>(nil)

    private init(
        client: MainlineClient,
        discovery: Discovery,
        bar: ReadinessBar,
        hasBootstrap: Bool,
        readiness: Readiness,
        logger: Logger
    ) {
        self.client = client
        self.discovery = discovery
        self.bar = bar
        self.hasBootstrap = hasBootstrap
        self.readiness = readiness
        self.logger = logger
    }

    /// Binds the client's sockets; nil when the settings switch the DHT off.
    ///
    /// - Parameter breaker: in front of the DHT; nil when it is switched off.
    /// - Throws: `StartError.discovery` when an address cannot be had.
    static func start(
        _ settings: Settings,
        breaker: CircuitBreaker?,
        readiness: Readiness,
        metrics: Metrics,
        logger: Logger
    ) async throws(StartError) -> MainlineService? {
        guard settings.dht.mode != .off, let breaker else {
            readiness.set(.dhtClientReady, .disabled)
            return nil
        }
        var configuration = try MainlineConfiguration(
            settings: settings.dht,
            savedNodesPath: settings.database.isInMemory || settings.amnesia.enabled
                ? nil : settings.database.path + "/dht-nodes"
        )
        configuration.node.canaryInterval = canaryInterval
        let events = MainlineEvents(metrics: metrics, logger: logger)
        let client: MainlineClient
        do {
            client = try await MainlineClient.start(configuration, observer: events.take)
        } catch {
            throw .discovery(error.description)
        }
        var bar = ReadinessBar()
        bar.goodContacts = settings.dht.minGoodNodes
        bar.contacts = settings.dht.minNodes
        bar.lastAnswer = configuration.node.silenceLimit
        let service = MainlineService(
            client: client,
            discovery: Discovery(
                client: client,
                budget: UInt64(clamping: settings.dht.deadline.nanoseconds),
                lookupsPerSecond: settings.limits.lookupsPerSecond,
                breaker: breaker
            ),
            bar: bar,
            hasBootstrap: !settings.dht.bootstrap.isEmpty,
            readiness: readiness,
            logger: logger
        )
        metrics.readDHT { service.latest.withLock { $0?.node } }
        return service
    }

    /// Keeps names of a key published through the same client.
    func makePublisher(
        _ signer: ItemSigner,
        _ wanted: LiveValue<Settings.Publish>
    ) -> KeyNamePublisher {
        let writer = KeyNameWriter(client: client, signer: signer)
        return KeyNamePublisher(writer: writer, wanted: wanted, logger: logger)
    }

    /// Looks up and measures until the service group shuts down.
    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask { await self.discovery.run() }
                var outlook = LookupOutlook()
                var lastObstacle: String?
                while true {
                    let network = await self.measure()
                    let verdict = outlook.judge(network, self.discovery.phase(at: .now()))
                    switch verdict {
                    case .isBack: self.discovery.networkReturned()
                    // Beside the measuring. Nobody else may come to ask where it is not ready.
                    case .doubtful: group.addTask { await self.discovery.probe() }
                    case .good, .bad: break
                    }
                    let obstacle = verdict.obstacle
                    self.readiness.measured(
                        .dhtClientReady,
                        obstacle.map { .failing($0) } ?? .ok,
                        at: .now()
                    )
                    if (obstacle == nil) != (lastObstacle == nil) { self.logChange(obstacle) }
                    lastObstacle = obstacle
                    try await Task.sleep(for: Self.period)
                }
            }
        }
    }

    private func measure() async -> LookupOutlook.Network {
        let status = await client.status()
        latest.withLock { $0 = status }
        let isSilent =
            status.sinceLastAnswer.map { $0 > bar.lastAnswer } ?? true
            || !status.sockets.contains(where: \.isOpen)
        guard hasBootstrap || status.node.known > 0 else {
            let reason = "no node to join the DHT by is named; set dht.bootstrap"
            return LookupOutlook.Network(isSilent: isSilent, obstacle: reason)
        }
        return LookupOutlook.Network(isSilent: isSilent, obstacle: status.obstacle(to: bar))
    }

    /// Ends every lookup, closes the sockets, saves the contacts; a disk that hangs is left to
    /// itself after `patience`.
    func stop(within patience: Duration) async {
        let waiter = Waiter<Bool>()
        let isSaved = await waiter.value {
            waiter.finish(false, after: patience)
            client.stop { waiter.finish(true) }
        }
        if !isSaved { logger.warning("the contacts of the DHT were not saved: the disk hangs") }
    }

    private func logChange(_ obstacle: String?) {
        if let obstacle {
            logger.warning("the DHT cannot be asked", metadata: ["reason": "\(obstacle)"])
        } else {
            logger.notice("the DHT can be asked")
        }
    }
}

/// What the client reports: to the log and the metrics.
private struct MainlineEvents: Sendable {
    let metrics: Metrics
    let logger: Logger

    func take(_ event: MainlineEvent) {
        switch event {
        case .finished(let report):
            metrics.lookupFinished(report)
        case .bound(let endpoint):
            logger.info("the DHT socket is open", metadata: ["address": "\(endpoint)"])
        case .socketLost(let endpoint, let reason, _):
            logger.warning(
                "the DHT socket was lost and is being reopened",
                metadata: ["address": "\(endpoint)", "reason": "\(reason)"]
            )
        case .bootstrapUnresolved(let failures):
            let names = failures.map { "\($0.address)" }.joined(separator: ", ")
            logger.warning(
                "bootstrap nodes cannot be resolved; they are tried again",
                metadata: ["nodes": "\(names)"]
            )
        case .identityChanged(let id):
            logger.info("the DHT node id follows a new address", metadata: ["id": "\(id)"])
        case .renewed(_, let result):
            logger.debug("a publication was renewed", metadata: ["end": "\(result.report.end)"])
        case .familyChanged(let family, isGone: true):
            logger.warning(
                "no DHT node of one address family answers for long: only the other is asked",
                metadata: ["family": "\(family.spelledOut)"]
            )
        case .familyChanged(let family, isGone: false):
            logger.notice(
                "DHT nodes of the address family answer again",
                metadata: ["family": "\(family.spelledOut)"]
            )
        case .savedNodesRead(let count):
            logger.info("saved DHT nodes were read", metadata: ["count": "\(count)"])
        case .savedNodesFailed(let error):
            logger.warning("\(error)")
        }
    }
}
