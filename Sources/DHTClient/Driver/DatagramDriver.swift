package import DHTCore
internal import NIOCore
internal import NIOPosix

/// Runs one `DHTNode` on sockets: feeds what arrives, drains its actions, keeps its one timer.
///
/// Confined to its event loop. Inputs come one batch at a time: all datagrams of a wake, or all
/// commands of one turn of the loop; each batch reads the clock once and is drained at its end.
final class DatagramDriver {
    let eventLoop: any EventLoop
    let configuration: MainlineConfiguration
    private(set) var node: DHTNode<SystemRandomNumberGenerator>
    private var tally = DriverTally()
    private var callers = Callers()
    private var sockets: DriverSockets?
    private var resolver: BootstrapResolver?
    private var timer: (task: Scheduled<Void>, at: DHTInstant)?
    private var saving: RepeatedTask?
    /// The instant of the batch under way.
    private var batchTime: DHTInstant?
    private var isDrainDue = false
    private var isStopped = false
    private let observer: @Sendable (MainlineEvent) -> Void

    init(
        _ configuration: MainlineConfiguration,
        on eventLoop: any EventLoop,
        saved: SavedNodes?,
        observer: @escaping @Sendable (MainlineEvent) -> Void
    ) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.observer = observer
        let now = DHTInstant.now
        node = DHTNode(
            id: configuration.id ?? saved?.id,
            settings: configuration.nodeSettings,
            cryptography: .swiftCrypto,
            random: SystemRandomNumberGenerator(),
            at: now
        )
        guard let saved else { return }
        let contacts = saved.contacts.map {
            Contact(id: $0.id, endpoint: $0.endpoint, lastAnswered: .distantPast)
        }
        node.restore(contacts, at: now)
    }

    func report(_ event: MainlineEvent) {
        observer(event)
    }
}

@available(*, unavailable)
extension DatagramDriver: Sendable {}

extension DHTInstant {
    /// The system's monotonic time, in nanoseconds as NIO counts them.
    package static var now: DHTInstant {
        DHTInstant(nanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds))
    }
}

// MARK: - Start and stop

extension DatagramDriver {
    /// Binds the sockets and begins to join; throws when an address cannot be had.
    func start() throws(MainlineError) -> EventLoopFuture<Void> {
        let sockets = DriverSockets(configuration, driver: self)
        let opening = try sockets.open(configuration.binds)
        self.sockets = sockets
        let resolver = BootstrapResolver(configuration, driver: self)
        self.resolver = resolver
        return opening.assumeIsolated().map { [self] in
            for endpoint in sockets.endpoints { report(.bound(endpoint)) }
            resolver.start()
            startSaving()
            drain()
        }
        .nonisolated()
    }

    /// Answers everybody who waits, saves the contacts and closes the sockets; harmless twice.
    func stop() -> EventLoopFuture<Void> {
        guard !isStopped else { return eventLoop.makeSucceededVoidFuture() }
        isStopped = true
        resolver?.stop()
        saving?.cancel()
        timer?.task.cancel()
        timer = nil
        callers.stop()
        let closing = sockets?.close() ?? eventLoop.makeSucceededVoidFuture()
        return closing.and(save()).map { _ in }
    }

    private func startSaving() {
        guard configuration.savedNodesPath != nil else { return }
        let interval = TimeAmount.nanoseconds(configuration.retry.saveInterval.nanoseconds)
        let box = NIOLoopBound(Weak(driver: self), eventLoop: eventLoop)
        saving = eventLoop.scheduleRepeatedAsyncTask(initialDelay: interval, delay: interval) {
            task in
            guard let driver = box.value.driver else {
                task.cancel()
                return box.eventLoop.makeSucceededVoidFuture()
            }
            return driver.save()
        }
    }

    private struct Weak {
        weak var driver: DatagramDriver?
    }

    /// Writes the good contacts to disk, on a thread that may block; never without a path.
    private func save() -> EventLoopFuture<Void> {
        let good = node.goodContacts(at: .now)
        // An empty table says that we were cut off, not that the old contacts are dead.
        guard let path = configuration.savedNodesPath, !good.isEmpty else {
            return eventLoop.makeSucceededVoidFuture()
        }
        let saved = SavedNodes(
            network: SavedNodes.network(of: configuration.bootstrap),
            id: node.id,
            contacts: good.map { SavedNodes.SavedContact(id: $0.id, endpoint: $0.endpoint) }
        )
        let observer = observer
        return NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) {
            do throws(SavedNodesError) {
                try saved.write(to: path)
            } catch {
                observer(.savedNodesFailed(error))
            }
        }
    }
}

// MARK: - Batches

extension DatagramDriver {
    /// The time of the batch under way; the first call in a batch reads the clock.
    private var now: DHTInstant {
        if let batchTime { return batchTime }
        let time = DHTInstant.now
        batchTime = time
        return time
    }

    /// Takes one datagram from a socket.
    func receive(_ bytes: Span<UInt8>, from peer: Endpoint) {
        node.receive(bytes, from: peer, at: now)
    }

    /// All datagrams of a wake have been read.
    func endBatch() {
        tally.batches += 1
        drain()
    }

    /// Drains once for all commands of this turn of the loop.
    private func drainSoon() {
        guard !isDrainDue else { return }
        isDrainDue = true
        eventLoop.assumeIsolated().execute { [self] in
            isDrainDue = false
            drain()
        }
    }

    /// Does what the node wants done, and sets the timer for what it wants next.
    private func drain() {
        let now = now
        batchTime = nil
        guard !isStopped else { return }
        if node.nextDeadline <= now { node.advance(to: now) }
        while let action = node.nextAction() { perform(action, at: now) }
        if callers.isAnyForContacts { callers.answer(good: node.status(at: now).good, at: now) }
        setTimer(at: now)
    }

    private func perform(_ action: DHTAction, at now: DHTInstant) {
        switch action {
        case .send(let datagram): send(datagram, at: now)
        case .finished(let result):
            tally.ended(result.report)
            report(.finished(result.report))
            callers.finish(result)
        case .harvested(let result): callers.harvest(result)
        case .renewed(let publication, let result): report(.renewed(publication, result))
        case .identityChanged(let id): report(.identityChanged(id))
        case .familyChanged(let family, let isGone):
            report(.familyChanged(family, isGone: isGone))
        }
    }

    private func send(_ datagram: Datagram, at now: DHTInstant) {
        guard let sockets else { return }
        if datagram.isReply, let delay = configuration.replyDelay {
            return sendLate(datagram, by: delay)
        }
        let failure = node.withPayload(of: datagram) { payload in
            sockets.send(payload, to: datagram.endpoint)
        }
        resolver?.noteSending(to: datagram.endpoint, failure)
        guard let failure else { return tally.sent(byteCount: datagram.byteCount) }
        tally.notSent(failure)
        // A full buffer loses a packet as the network does; asking somebody else at once would only
        // fill it further.
        if failure != .bufferFull { node.sendFailed(datagram, at: now) }
    }

    /// Holds a reply back; the limits of replies a second bound how many are.
    private func sendLate(_ reply: Datagram, by delay: TimeSpan) {
        let payload = node.withPayload(of: reply) { payload in
            payload.withUnsafeBufferPointer { Array($0) }
        }
        eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(delay.nanoseconds)) {
            [weak self] in
            guard let self, let sockets else { return }
            guard let failure = sockets.send(payload.span, to: reply.endpoint) else {
                return tally.sent(byteCount: payload.count)
            }
            tally.notSent(failure)
        }
    }

    /// Keeps a timer that fires early enough; an early one costs one needless wake, a new one for
    /// every change of the deadline would cost an allocation each batch.
    private func setTimer(at now: DHTInstant) {
        // The floor keeps a deadline that does not move from spinning the loop.
        let wanted = max(node.nextDeadline, now + .microseconds(250))
        if let timer, timer.at <= wanted { return }
        timer?.task.cancel()
        let task = eventLoop.assumeIsolated().scheduleTask(deadline: wanted.deadline) {
            [weak self] in
            self?.timer = nil
            self?.drain()
            return
        }
        timer = (task, wanted)
    }
}

extension DHTInstant {
    fileprivate var deadline: NIODeadline {
        .uptimeNanoseconds(UInt64(clamping: nanoseconds))
    }
}

// MARK: - Sockets

extension DatagramDriver {
    func socketLost(_ socket: DatagramSocket) {
        tally.socketsLost += 1
        sockets?.lost(socket)
    }

    func readFailed(_ socket: DatagramSocket, _ error: any Error) {
        tally.readErrors += 1
        sockets?.failed(socket, error)
    }

    func reopenSockets(of families: Set<AddressFamily>) {
        sockets?.drop(families)
    }

    var endpoints: [Endpoint] { sockets?.endpoints ?? [] }
}

// MARK: - Commands

extension DatagramDriver {
    /// What a lookup is begun with.
    enum Request: Sendable {
        case look(LookupGoal)
        case publish(Publication, keepsAlive: Bool)
    }

    /// Begins a lookup or a write for a caller, who is answered exactly once.
    func begin(
        _ request: Request,
        _ options: LookupOptions,
        deadline: DHTInstant,
        ticket: LookupTicket,
        for waiter: Callers.Waiter
    ) {
        if isStopped { return waiter.answer(.failure(.stopped)) }
        if ticket.isCancelled { return waiter.answer(.failure(.cancelled)) }
        // A lookup that could not ask is not to be reported as one that found nothing.
        guard let sockets else { return waiter.answer(.failure(.notConnected(options.family))) }
        if let obstacle = sockets.obstacle(in: options.family) {
            return waiter.answer(.failure(obstacle))
        }
        if node.isGone(options.family) {
            return waiter.answer(.failure(.familyGone(options.family)))
        }
        var options = options
        if waiter.harvested == nil { options.harvestTime = .zero }
        // Refused or not, the clock that was read for it is for this batch only.
        defer { drainSoon() }
        do throws(DHTRefusal) {
            callers.insert(waiter, for: try start(request, options, deadline: deadline))
        } catch {
            waiter.answer(.failure(.refused(error)))
        }
    }

    private func start(
        _ request: Request,
        _ options: LookupOptions,
        deadline: DHTInstant
    ) throws(DHTRefusal) -> LookupID {
        switch request {
        case .look(let goal):
            try node.start(goal, options: options, deadline: deadline, at: now)
        case .publish(let publication, let keepsAlive):
            try node.publish(
                publication,
                keepsAlive: keepsAlive,
                options: options,
                deadline: deadline,
                at: now
            )
        }
    }

    /// The caller does not wait any more: its lookup ends, and nothing more is sent for it.
    func cancel(_ ticket: LookupTicket) {
        guard let id = callers.cancel(ticket) else { return }
        node.cancel(id, at: now)
        drainSoon()
    }

    func withdraw(_ publication: Publication) {
        node.withdraw(publication)
    }

    func change(_ lookups: LookupSettings) {
        node.change(lookups)
    }

    /// Names the nodes to join by.
    func join(by endpoints: [Endpoint]) {
        if endpoints.contains(where: { $0.scope == .local }) {
            node.joinPrivateNetwork(
                allowingPrivateAddresses: configuration.onPrivateNetwork.privateAddresses,
                sharedNetworks: configuration.onPrivateNetwork.sharedNetworks,
                at: now
            )
        }
        node.setBootstrapNodes(endpoints, at: now)
        drainSoon()
    }

    /// Whether one of the families has too few contacts to do without the nodes to join by.
    var isShortOfContacts: Bool {
        AddressFamily.allCases.contains {
            configuration.nodeSettings.families.contains($0)
                && node.isShortOfContacts($0, at: .now)
        }
    }

    /// Puts contacts into the table without asking them, for networks made in one process.
    func seed(_ contacts: [Contact]) {
        for contact in contacts { _ = node.seed(contact, at: now) }
        drainSoon()
    }

    /// Answers true as soon as there are so many good contacts, false at the deadline or the stop.
    func awaitContacts(
        _ count: Int,
        until deadline: DHTInstant,
        answer: @escaping @Sendable (Bool) -> Void
    ) {
        guard !isStopped else { return answer(false) }
        let timer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline.deadline) {
            [weak self] in
            self?.drain()
            return
        }
        let waiter = Callers.ContactWaiter(
            count: count,
            deadline: deadline,
            timer: timer,
            answer: answer
        )
        callers.insert(waiter)
        drainSoon()
    }

    func status() -> MainlineStatus {
        let now = DHTInstant.now
        let status = node.status(at: now)
        return MainlineStatus(
            node: status,
            sockets: sockets?.statuses ?? [],
            sinceLastAnswer: status.lastAnswer.map { now.since($0) },
            bootstrap: resolver?.states ?? [],
            isResolving: resolver?.isResolving ?? true,
            tally: tally,
            isStopped: isStopped
        )
    }
}
