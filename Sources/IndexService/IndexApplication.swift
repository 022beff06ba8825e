internal import Cache
internal import DHTClient
package import Logging
internal import NIOCore
package import NIOPosix
internal import ServiceLifecycle
package import UnixSignals
internal import Waiting

/// The service as a whole: every object is made here, once, and handed what it needs.
package struct IndexApplication: Sendable {
    package let resolver: Resolver
    package let store: IndexStore
    package let metrics: Metrics
    package let readiness: Readiness

    private let settings: Settings
    private let logger: Logger
    private let cache: AnswerCache
    let spill: AnswerSpill?
    let upstreams: Upstreams
    let pins: PinnedKeys
    private let refresher: Refresher
    private let gates: RouteGates
    private let misses: Misses
    let bus: EventBus
    private let adminAccess: LiveValue<AdminAccess>
    private let rates: ClientRates
    private let tuning: ExchangeTuning
    private let signer: ItemSigner?
    private let published: LiveValue<Settings.Publish>
    private let reserve: DescriptorReserve
    /// Reads the settings again; nil when they were not read from anywhere.
    package let reloader: Reloader?

    /// Makes everything that does not listen yet; the store is open when this returns.
    ///
    /// - Parameter feed: where the settings can be read again, for `run(reloadOn:)`.
    package init(
        settings: Settings,
        logger: Logger,
        feed: SettingsFeed? = nil
    ) throws(StartError) {
        self.settings = settings
        self.logger = logger
        try DescriptorLimit(settings).claim()
        // Before any other file is open: they are to have low numbers.
        reserve = DescriptorReserve()
        adminAccess = LiveValue(try AdminAccess(settings: settings.auth))
        rates = ClientRates(settings: settings.rateLimit)
        tuning = ExchangeTuning(settings)
        signer = try Self.readSigner(settings.publish)
        published = LiveValue(settings.publish)
        metrics = Metrics()
        readiness = Readiness()
        let store = try Self.openStore(settings)
        if store.isOpenToOthers {
            logger.warning(
                "others may look into the directory of the index; close it with chmod 700",
                metadata: ["directory": "\(settings.database.path)"]
            )
        }
        upstreams = Upstreams(settings: settings)
        spill = AnswerSpill(settings: settings, breaker: upstreams.spill)
        let cache = AnswerCache(settings: settings.cache, spill: spill)
        let pins = PinnedKeys()
        let refreshes = RefreshQueue()
        let metrics = metrics
        bus = EventBus { metrics.busLagged($0) }
        resolver = Resolver(
            cache: cache,
            store: store,
            policy: try Resolver.Policy(settings: settings),
            pins: pins,
            refreshes: refreshes,
            breaker: upstreams.index,
            metrics: metrics,
            bus: bus
        )
        gates = RouteGates(RouteGates.Limits(settings.limits), metrics: metrics)
        misses = Misses(resolver: resolver, metrics: metrics, bus: bus, gates: gates)
        refresher = Refresher(resolver: resolver, pins: pins, queue: refreshes, logger: logger)
        (self.store, self.cache, self.pins) = (store, cache, pins)
        let table = ReloadTable(
            tuning: tuning,
            adminAccess: adminAccess,
            store: store,
            cache: cache,
            resolver: resolver,
            gates: gates,
            rates: rates,
            published: published,
            threshold: feed?.threshold ?? LogThreshold(logger.logLevel),
            logger: logger
        )
        let bus = bus
        reloader = feed.map { Reloader($0, table: table, bus: bus, logger: logger) }
        metrics.setAmnesia(settings.amnesia.enabled)
        metrics.setPostQuantum(false)
        metrics.readCacheSize {
            let statistics = cache.statistics
            return (statistics.entries, statistics.bytes)
        }
        if let spill { metrics.readSpill { spill.status } }
        metrics.readBreakers(of: upstreams)
    }

    /// Serves until the process is told to stop (SIGTERM, SIGINT) or the task is cancelled.
    ///
    /// - Parameters:
    ///   - loops: event loops that outlive the service; nil makes as many as are set.
    ///   - hangups: signals at which the settings are read again.
    ///   - onListening: told the bound address of the service once it listens.
    /// - Throws: `StartError` when a listener cannot be bound.
    package func run(
        on loops: MultiThreadedEventLoopGroup? = nil,
        stopOn signals: [UnixSignal] = [.sigterm, .sigint],
        reloadOn hangups: UnixSignalsSequence? = nil,
        onListening: @escaping @Sendable (ListenAddress) -> Void = { _ in }
    ) async throws {
        let group =
            loops ?? MultiThreadedEventLoopGroup(numberOfThreads: settings.http.loopCount)
        let bound = BoundListeners(
            expected: settings.metrics.bind == nil ? 1 : 2,
            group: group,
            readiness: readiness
        )
        do {
            try await serve(
                bound,
                on: group,
                stopOn: signals,
                reloadOn: hangups,
                onListening: onListening
            )
            await shutDown(loops == nil ? group : nil, since: bound.stopBeganAt)
        } catch {
            await shutDown(loops == nil ? group : nil, since: bound.stopBeganAt)
            throw error
        }
    }

    private func serve(
        _ bound: BoundListeners,
        on group: MultiThreadedEventLoopGroup,
        stopOn signals: [UnixSignal],
        reloadOn hangups: UnixSignalsSequence?,
        onListening: @escaping @Sendable (ListenAddress) -> Void
    ) async throws {
        let stored = try await store.reading(within: Self.timeForFirstRead) { store in
            try store.pins(limit: PinnedKeys.maximumCount)
        }
        pins.insert(stored)
        let discovery = try await MainlineService.start(
            settings,
            breaker: upstreams.dht,
            readiness: readiness,
            metrics: metrics,
            logger: logger
        )
        if let discovery { resolver.join(discovery.discovery) }
        let listeners = try await makeListeners(bound, on: group, onListening: onListening)
        let lag = LoopLagMonitor(group: group, metrics: metrics)
        var background: [any Service] = [bound, lag, refresher, misses] + makeMonitors()
        if let spill { background.append(SpillMonitor(spill: spill, logger: logger)) }
        if let discovery { background.append(discovery) }
        if let discovery, let signer {
            background.append(discovery.makePublisher(signer, published))
        }
        if !settings.cache.warmupKeys.isEmpty { background.append(makeWarmUp()) }
        if let hangups, let reloader {
            background.append(ReloadSignals(signals: hangups, reloader: reloader))
        }
        var configuration = ServiceGroupConfiguration(
            services: background + listeners,
            gracefulShutdownSignals: signals,
            logger: logger.quieted
        )
        configuration.maximumGracefulShutdownDuration =
            settings.http.drainTimeout + Self.timeForLastWords
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch is CancellationError {
            logger.warning("what did not end by itself was cut off")
        } catch {
            await discovery?.stop(within: timeLeft(since: bound.stopBeganAt))
            throw error
        }
        await discovery?.stop(within: timeLeft(since: bound.stopBeganAt))
    }

    /// How long a disk that sleeps may take to wake up.
    private static let timeForFirstRead = Duration.seconds(30)
    /// How long answers to requests that were given up may take to be sent.
    private static let timeForLastWords = Duration.seconds(1)

    /// What measures the store, the bus and the settings: each in a task of its own.
    private func makeMonitors() -> [any Service] {
        let (bus, reloader) = (bus, reloader)
        return [
            StoreMonitor(
                store: store,
                reads: reads,
                bus: bus,
                readiness: readiness,
                logger: logger
            ),
            StoreExaminations(store: store, logger: logger),
            StoreCleaner(store: store, logger: logger),
            CheckMonitor(check: .busAttached, readiness: readiness) {
                await bus.isAttached() ? nil : "events do not arrive"
            },
            CheckMonitor(check: .configLoaded, readiness: readiness) {
                reloader?.obstacle(at: .now())
            },
        ]
    }

    private var reads: IndexReads {
        IndexReads(store: store, breaker: upstreams.index, metrics: metrics)
    }

    private func makeListeners(
        _ bound: BoundListeners,
        on group: MultiThreadedEventLoopGroup,
        onListening: @escaping @Sendable (ListenAddress) -> Void
    ) async throws -> [any Service] {
        let locals = try await LoopLocals.make(for: group)
        func listener(
            _ address: ListenAddress,
            _ audience: Screening.Audience,
            onListening: @escaping @Sendable (ListenAddress) -> Void = { _ in }
        ) -> Listener {
            Listener(
                address: address,
                flag: audience == .operators ? "--metrics-bind" : "--http-bind",
                responder: makeResponder(),
                services: makeExchangeServices(for: audience),
                limiter: ConnectionLimiter(
                    maximum: settings.http.maxConnections,
                    maximumPerAddress: settings.http.maxConnectionsPerAddress
                ),
                locals: locals,
                group: group,
                bound: bound,
                reserve: reserve,
                drainTimeout: settings.http.drainTimeout,
                logger: logger,
                onDrainTimePassed: { [misses, store] in
                    misses.giveUp()
                    store.giveUpWrites()
                },
                onListening: onListening
            )
        }
        guard let metricsBind = settings.metrics.bind else {
            return [listener(settings.http.bind, .everyone, onListening: onListening)]
        }
        return [
            listener(metricsBind, .operators),
            listener(settings.http.bind, .callers, onListening: onListening),
        ]
    }

    private func makeResponder() -> IndexResponder {
        IndexResponder(
            resolver: resolver,
            gates: gates,
            misses: misses,
            rates: rates,
            store: store,
            reads: reads,
            cache: cache,
            pins: pins,
            refresher: refresher,
            readiness: readiness,
            upstreams: upstreams,
            metrics: metrics,
            limits: BodyReader(
                maximumBytes: settings.http.maxBodyBytes,
                maximumRatio: settings.http.maxDecompressionRatio
            ),
            tuning: tuning,
            logger: logger
        )
    }

    private func makeExchangeServices(for audience: Screening.Audience) -> ExchangeServices {
        var screening = Screening(adminAccess: adminAccess)
        screening.audience = audience
        screening.maximumTargetBytes = settings.http.maxTargetBytes
        screening.maximumHeaderBytes = settings.http.maxHeaderBytes
        screening.maximumBodyBytes = settings.http.maxBodyBytes
        return ExchangeServices(
            screening: screening,
            limits: ExchangeServices.Limits(
                idleTimeout: TimeAmount(settings.http.idleTimeout),
                headerTimeout: TimeAmount(settings.http.headerTimeout),
                drainTimeout: TimeAmount(settings.http.drainTimeout)
            ),
            tuning: tuning,
            resolver: resolver,
            ledger: ExchangeLedger(
                metrics: metrics,
                logger: logger,
                tuning: tuning
            )
        )
    }

    /// Lets go of everything; disks that hang hold the stop up for what is left of the drain time,
    /// which began at `stopBeganAt`.
    private func shutDown(
        _ group: MultiThreadedEventLoopGroup?,
        since stopBeganAt: MonotonicInstant?
    ) async {
        bus.finish()
        cache.removeAll(erasing: settings.amnesia.enabled)
        if let spill, await !spill.close(within: timeLeft(since: stopBeganAt)) {
            logger.warning("the spill's disk hangs; the spill is left as it is")
        }
        do {
            try await store.close(within: timeLeft(since: stopBeganAt))
        } catch {
            logger.warning("the shutdown was not clean", metadata: ["error": "\(error)"])
        }
        do {
            try await group?.shutdownGracefully()
        } catch {
            logger.warning("the shutdown was not clean", metadata: ["error": "\(error)"])
        }
    }

    /// What disks that hang may still hold the stop up for.
    private func timeLeft(since stopBeganAt: MonotonicInstant?) -> Duration {
        let drainTime = UInt64(clamping: settings.http.drainTimeout.nanoseconds)
        let end = (stopBeganAt ?? .now()).advanced(by: drainTime)
        let left = Duration.nanoseconds(Int64(clamping: end.nanoseconds(since: .now())))
        return max(Self.timeForLastWords, left)
    }

    private func makeWarmUp() -> WarmUp {
        WarmUp(
            keys: settings.cache.warmupKeys,
            refresher: refresher,
            readiness: readiness,
            logger: logger
        )
    }

    private static func readSigner(_ settings: Settings.Publish) throws(StartError) -> ItemSigner? {
        guard let path = settings.keyFile else { return nil }
        do {
            return try ItemSigner(keyFile: path)
        } catch {
            throw .setting("publish.key_file \(error)")
        }
    }

    private static func openStore(_ settings: Settings) throws(StartError) -> IndexStore {
        let path = settings.database.isInMemory ? nil : settings.database.path
        do {
            return try IndexStore(path: path, configuration: .init(settings: settings))
        } catch {
            throw .store(path: path ?? Settings.Database.memory, error)
        }
    }
}

extension Logger {
    /// The same log for libraries that talk about themselves: only what an operator must know.
    var quieted: Logger {
        var logger = self
        logger.logLevel = max(logLevel, .warning)
        return logger
    }
}
