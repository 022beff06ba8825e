package import DHTCore
package import NIOCore
internal import NIOPosix

/// The handle of a running DHT client: starts it, asks it, stops it; safe to use from anywhere.
///
/// All work happens on one event loop; a call hops there and back. Each lookup ends at its deadline
/// at the latest, so no call here needs a timeout of its own. A client must be stopped before its
/// event loop is shut down.
package final class MainlineClient: Sendable {
    /// Where the client runs.
    package let eventLoop: any EventLoop
    /// What the sockets were bound to at the start, in the order of the configuration.
    package let endpoints: [Endpoint]
    private let driver: NIOLoopBound<DatagramDriver>

    /// Binds the sockets and begins to join the network.
    ///
    /// Throws when an address cannot be had; bootstrap nodes that do not resolve or answer are
    /// tried again while it runs. `observer` is called on the event loop and on threads for files.
    package static func start(
        _ configuration: MainlineConfiguration,
        on eventLoop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next(),
        observer: @escaping @Sendable (MainlineEvent) -> Void = { _ in }
    ) async throws(MainlineError) -> MainlineClient {
        try configuration.checkBinds()
        let saved = await readSaved(configuration, on: eventLoop, observer)
        let starting = eventLoop.flatSubmit {
            let driver = DatagramDriver(
                configuration,
                on: eventLoop,
                saved: saved,
                observer: observer
            )
            let bound = NIOLoopBound(driver, eventLoop: eventLoop)
            do {
                return try driver.start().map { bound }.flatMapError { error in
                    bound.value.stop().flatMapThrowing { throw error }
                }
            } catch {
                return eventLoop.makeFailedFuture(error)
            }
        }
        do {
            let driver = try await starting.get()
            let endpoints = try await eventLoop.submit { driver.value.endpoints }.get()
            return MainlineClient(driver, endpoints, eventLoop)
        } catch let error as MainlineError {
            throw error
        } catch {
            throw .bindFailed(configuration.binds[0], reason: "\(error)")
        }
    }

    private init(
        _ driver: NIOLoopBound<DatagramDriver>,
        _ endpoints: [Endpoint],
        _ eventLoop: any EventLoop
    ) {
        self.driver = driver
        self.endpoints = endpoints
        self.eventLoop = eventLoop
    }

    /// Contacts of an earlier run on the same network; nil when there are none to be had.
    private static func readSaved(
        _ configuration: MainlineConfiguration,
        on eventLoop: any EventLoop,
        _ observer: @escaping @Sendable (MainlineEvent) -> Void
    ) async -> SavedNodes? {
        guard let path = configuration.savedNodesPath else { return nil }
        let reading = NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) {
            try SavedNodes.read(from: path)
        }
        do {
            guard let saved = try await reading.get() else { return nil }
            let network = SavedNodes.network(of: configuration.bootstrap)
            guard saved.network == network else { return nil }
            observer(.savedNodesRead(count: saved.contacts.count))
            return saved
        } catch let error as SavedNodesError {
            observer(.savedNodesFailed(error))
        } catch {
            observer(.savedNodesFailed(.unreadable(path: path, reason: "\(error)")))
        }
        return nil
    }
}

// MARK: - Lookups

extension MainlineClient {
    /// Looks something up; returns as soon as the goal is reached, at the deadline at the latest.
    ///
    /// With `harvested`, queries still under way are listened for as long as the settings say; what
    /// they bring is handed to it, at most once, on the event loop. Cancelling the caller's task
    /// ends the lookup. `LookupResult.verdict` tells "absent" from "could not look".
    package func lookup(
        _ goal: LookupGoal,
        options: LookupOptions = LookupOptions(),
        deadline: DHTInstant,
        harvested: (@Sendable (LookupResult) -> Void)? = nil
    ) async throws(MainlineError) -> LookupResult {
        try await run(.look(goal), options, deadline, harvested)
    }

    /// Writes an announce or an item to the nodes closest to its key; the result's `write` says
    /// what came of it.
    ///
    /// With `keepsAlive` it is repeated on schedule until `withdraw`.
    package func publish(
        _ publication: Publication,
        keepsAlive: Bool = false,
        options: LookupOptions = LookupOptions(),
        deadline: DHTInstant
    ) async throws(MainlineError) -> LookupResult {
        try await run(
            .publish(publication, keepsAlive: keepsAlive),
            options,
            deadline,
            nil
        )
    }

    /// Stops keeping a publication alive; nodes forget it in their own time.
    package func withdraw(_ publication: Publication) {
        eventLoop.execute { [driver] in driver.value.withdraw(publication) }
    }

    /// Changes how lookups run from now on; those under way keep the settings they began with.
    package func change(_ lookups: LookupSettings) {
        eventLoop.execute { [driver] in driver.value.change(lookups) }
    }

    private func run(
        _ request: DatagramDriver.Request,
        _ options: LookupOptions,
        _ deadline: DHTInstant,
        _ harvested: (@Sendable (LookupResult) -> Void)?
    ) async throws(MainlineError) -> LookupResult {
        let ticket = LookupTicket()
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waiter = Callers.Waiter(
                    ticket: ticket.id,
                    answer: { continuation.resume(returning: $0) },
                    harvested: harvested
                )
                eventLoop.execute { [driver] in
                    driver.value.begin(
                        request,
                        options,
                        deadline: deadline,
                        ticket: ticket,
                        for: waiter
                    )
                }
            }
        } onCancel: {
            ticket.cancel()
            eventLoop.execute { [driver] in driver.value.cancel(ticket) }
        }
        return try outcome.get()
    }
}

// MARK: - State

extension MainlineClient {
    /// The client's health and counters as of now.
    package func status() async -> MainlineStatus {
        await withCheckedContinuation { continuation in
            eventLoop.execute { [driver] in
                continuation.resume(returning: driver.value.status())
            }
        }
    }

    /// Waits until there are so many good contacts; false when the deadline comes first.
    package func hasContacts(_ count: Int = 1, by deadline: DHTInstant) async -> Bool {
        await withCheckedContinuation { continuation in
            eventLoop.execute { [driver] in
                driver.value.awaitContacts(count, until: deadline) {
                    continuation.resume(returning: $0)
                }
            }
        }
    }

    /// Ends every lookup, saves the contacts and closes the sockets; returns when all is closed.
    package func stop() async {
        await withCheckedContinuation { continuation in stop { continuation.resume() } }
    }

    /// The same for whoever does not wait without end: saving may hang with its disk.
    package func stop(then done: @escaping @Sendable () -> Void) {
        eventLoop.execute { [driver] in
            driver.value.stop().whenComplete { _ in done() }
        }
    }

    /// Gives the sockets up and opens them again after a pause, as when the system takes them away.
    ///
    /// For a change of the network that the sockets do not notice by themselves.
    package func reopenSockets(of families: Set<AddressFamily> = Set(AddressFamily.allCases)) {
        eventLoop.execute { [driver] in driver.value.reopenSockets(of: families) }
    }

    /// Puts contacts into the table without asking them.
    func seed(_ contacts: [Contact]) {
        eventLoop.execute { [driver] in driver.value.seed(contacts) }
    }
}
