/// A lookup that runs, and what it is for.
struct ActiveLookup: Sendable {
    let id: LookupID
    var lookup: Lookup
    let purpose: Purpose
    let priority: LookupPriority
    let isTraced: Bool
    /// How long to go on listening after an early end.
    let harvestTime: TimeSpan
    /// The caller's deadline; the lookup of a write ends somewhat earlier.
    let deadline: DHTInstant
    var phase = Phase.searching
    /// When it is to be looked at again.
    var wake: DHTInstant
    var isStarved = false

    /// What it is doing.
    enum Phase: Sendable {
        case searching
        /// The caller has its answer; queries under way may still enrich it.
        case harvesting(until: DHTInstant, end: LookupEnd)
        case writing(WritePhase)
    }

    /// Who asked for it.
    enum Purpose: Equatable, Sendable {
        /// The driver: it gets the result.
        case caller
        case bootstrap
        case refresh(Maintenance.Fill)
        /// A write that the driver gets the result of.
        case write(Publication)
        /// A write that is repeated to keep it alive.
        case renewal(Publication)

        /// The write that follows the lookup.
        var publication: Publication? {
            switch self {
            case .write(let publication), .renewal(let publication): publication
            case .caller, .bootstrap, .refresh: nil
            }
        }
    }
}

// MARK: - Commands

extension DHTNode {
    /// Begins a lookup.
    ///
    /// Its result comes as `.finished`, at the deadline at the latest.
    package mutating func start(
        _ goal: LookupGoal,
        options: LookupOptions = LookupOptions(),
        deadline: DHTInstant,
        at now: DHTInstant
    ) throws(DHTRefusal) -> LookupID {
        try begin(
            goal,
            target: goal.target(cryptography),
            purpose: .caller,
            options: options,
            deadline: deadline,
            at: now
        )
    }

    /// Changes how lookups run from now on; those under way keep the settings they began with.
    package mutating func change(_ lookups: LookupSettings) {
        settings.lookup = lookups
    }

    /// Ends a lookup early; its result says `cancelled`.
    ///
    /// Harmless when it has ended.
    package mutating func cancel(_ id: LookupID, at now: DHTInstant) {
        guard let index = index(of: id) else { return }
        if case .searching? = lookups[index]?.phase {
            finish(at: index, .cancelled, now)
        } else {
            lookups[index] = nil
        }
    }

    mutating func begin(
        _ goal: LookupGoal,
        target: NodeID,
        purpose: ActiveLookup.Purpose,
        options: LookupOptions,
        deadline: DHTInstant,
        at now: DHTInstant
    ) throws(DHTRefusal) -> LookupID {
        guard settings.families.contains(options.family) else { throw .familyNotAvailable }
        guard deadline > now else { throw .deadlinePassed }
        guard let slot = freeSlot() else { throw .tooManyLookups }
        let id = LookupID(slot: UInt16(truncatingIfNeeded: slot), serial: nextSerial)
        nextSerial &+= 1
        let isWrite = purpose.publication != nil
        let share = isWrite ? settings.maintenance.writeLookupShare : 1
        var lookup = Lookup(
            goal,
            target: target,
            family: options.family,
            settings: settings.lookup,
            allowsSharedNetworks: settings.allowsSharedNetworks,
            delays: currentDelays,
            needsAllTokens: isWrite,
            givesWay: options.priority == .background,
            deadline: isWrite ? now + deadline.since(now).scaled(by: share) : deadline,
            at: now
        )
        offerContacts(to: &lookup, isBootstrap: purpose == .bootstrap)
        lookups[slot] = ActiveLookup(
            id: id,
            lookup: lookup,
            purpose: purpose,
            priority: options.priority,
            isTraced: options.isTraced,
            harvestTime: options.harvestTime ?? settings.lookup.harvestTime,
            deadline: deadline,
            wake: deadline
        )
        pump(at: slot, now)
        return id
    }

    private mutating func freeSlot() -> Int? {
        if let slot = lookups.firstIndex(where: { $0 == nil }) { return slot }
        guard lookups.count < settings.lookup.activeLimit, lookups.count < 65_536 else {
            return nil
        }
        lookups.append(nil)
        return lookups.count - 1
    }

    /// The closest of the own table; bootstrap nodes only when those are too few, or when no lookup
    /// that joins has asked them yet.
    private mutating func offerContacts(to lookup: inout Lookup, isBootstrap: Bool) {
        let wanted = settings.lookup.k * 2
        tables[lookup.family].closest(to: lookup.target, count: wanted, into: &scratch)
        let hedge = UInt32(clamping: lookup.delays.hedge.nanoseconds / 1_000)
        for contact in scratch {
            let stalls = contact.roundTrip > hedge || contact.failures > 0
            lookup.start(with: contact.id, contact.endpoint, isLikelyToStall: stalls)
        }
        let family = lookup.family
        let enough = settings.maintenance.contactsBeforeBootstrap
        let isFirst = isBootstrap && maintenance.hasBootstrapNodesToAsk(of: family)
        if settings.canaryInterval == nil {
            guard scratch.count < enough || isFirst else { return }
        } else {
            // Contacts that all fail lead nowhere, however many there are.
            let mayLead = scratch.count { $0.failures == 0 }
            let isReturning = isBootstrap && !maintenance.bootstraps[family].isDone
            guard mayLead < enough || isReturning || isFirst else { return }
        }
        let saved = maintenance.savedContacts.lazy.filter { $0.endpoint.family == family }
        for contact in saved.prefix(16) { lookup.start(with: contact.id, contact.endpoint) }
        // Half of the shortlist is left to those that they name; the next joining lookup asks the
        // others.
        let most = max(1, settings.lookup.shortlistCapacity / 2)
        let unasked = isBootstrap ? maintenance.takeBootstrapNodesToAsk(of: family, most: most) : []
        for endpoint in unasked { lookup.start(withBootstrap: endpoint, mustBeAsked: true) }
        let known = maintenance.bootstrapNodes.lazy.filter { $0.family == family }
        for endpoint in known.prefix(most - unasked.count) {
            lookup.start(withBootstrap: endpoint)
        }
    }

    /// The delays that follow from the reply times of late, or the settings while few are known.
    var currentDelays: Lookup.Delays {
        let settings = settings.lookup
        var delays = Lookup.Delays(
            hedge: settings.hedgeDelay,
            settle: settings.queryTimeout,
            timeout: settings.queryTimeout
        )
        guard settings.adaptsToReplyTimes else { return delays }
        delays.settle = min(max(settings.settleDelay, delays.hedge), settings.queryTimeout)
        if let time = replyTimes.usualQuantile(settings.hedgeQuantile) {
            let longest = min(settings.hedgeDelayCeiling, settings.queryTimeout)
            delays.hedge = min(max(time, settings.hedgeDelayFloor), longest)
        }
        if let time = replyTimes.usualQuantile(settings.settleQuantile) {
            let settle = max(time.scaled(by: settings.settleFactor), settings.settleFloor)
            delays.settle = min(max(settle, delays.hedge), settings.queryTimeout)
        }
        return delays
    }
}

// MARK: - Running

extension DHTNode {
    /// The slot of a lookup that has not ended for good.
    func index(of id: LookupID) -> Int? {
        let index = Int(id.slot)
        guard index < lookups.count, lookups[index]?.id == id else { return nil }
        return index
    }

    mutating func advanceLookup(at index: Int, to now: DHTInstant) {
        let delays = currentDelays
        lookups[index]?.lookup.delays = delays
        lookups[index]?.lookup.advance(to: now)
        pump(at: index, now)
    }

    /// Sends what a lookup may send, ends it when it has ended, and sets its alarm.
    mutating func pump(at index: Int, _ now: DHTInstant) {
        switch lookups[index]?.phase {
        case .searching: pumpSearch(at: index, now)
        case .harvesting(let until, let end): pumpHarvest(at: index, until: until, end, now)
        case .writing: pumpWrite(at: index, now)
        case nil: break
        }
    }

    private mutating func pumpSearch(at index: Int, _ now: DHTInstant) {
        if let end = lookups[index]?.lookup.ending(at: now) { return finish(at: index, end, now) }
        let reserve = reserve(against: lookups[index]?.priority ?? .caller)
        while let next = lookups[index]?.lookup.nextQuery(at: now) {
            guard !mustWait(index, at: now) else { break }
            let free = sendRates.nextFree(for: next.endpoint, at: now, leaving: reserve)
            if free > now {
                holdBack(index, by: .node)
                lookups[index]?.lookup.deferCandidate(next.place, until: free)
            } else {
                send(next, at: index, now)
            }
        }
        let wake = lookups[index]?.lookup.nextWake(after: now)
        lookups[index]?.wake = wake ?? .distantFuture
    }

    /// How many queries of a node's burst a lookup leaves to others.
    private func reserve(against priority: LookupPriority) -> Int {
        switch priority {
        case .caller: 0
        case .background:
            Int(Double(settings.pacing.queryBurstToOneNode) * settings.pacing.burstShareOfCallers)
        }
    }

    private mutating func holdBack(_ index: Int, by limit: PacingLimit) {
        guard let priority = lookups[index]?.priority else { return }
        lookups[index]?.lookup.report.heldBack += 1
        counters.holdBack(by: limit, priority)
    }

    /// Waits for what was under way at an early end, without asking anything more.
    private mutating func pumpHarvest(
        at index: Int,
        until: DHTInstant,
        _ end: LookupEnd,
        _ now: DHTInstant
    ) {
        guard now >= until || lookups[index]?.lookup.hasQueriesUnderWay != true else {
            lookups[index]?.wake = until
            return
        }
        if let result = result(at: index, end, now) { actions.append(.harvested(result)) }
        lookups[index] = nil
    }

    /// Whether the overall limits are reached; the lookup then queues for its turn.
    mutating func mustWait(_ index: Int, at now: DHTInstant) -> Bool {
        guard transactions.isFull || queryRate.nextFree(at: now) > now else { return false }
        guard let id = lookups[index]?.id, lookups[index]?.isStarved == false else { return true }
        lookups[index]?.isStarved = true
        starved.append(id)
        holdBack(index, by: .overall)
        return true
    }

    /// Lets waiting lookups send, in turn, as far as the overall limits allow.
    mutating func feedStarved(at now: DHTInstant) {
        var served = 0
        while served < starved.count, !transactions.isFull, queryRate.nextFree(at: now) <= now {
            let id = starved[served]
            served += 1
            guard let index = index(of: id) else { continue }
            lookups[index]?.isStarved = false
            pump(at: index, now)
        }
        if served > 0 { starved.removeFirst(served) }
    }

    private mutating func send(_ next: Lookup.Next, at index: Int, _ now: DHTInstant) {
        guard let id = lookups[index]?.id, let goal = lookups[index]?.lookup.goal,
            let target = lookups[index]?.lookup.target
        else { return }
        let query: Query =
            switch goal {
            case .nodes: .findNode(target: target, want: wanted)
            case .peers: .getPeers(infoHash: target, want: wanted)
            case .immutable: .get(target: target, newerThan: nil, want: wanted)
            case .mutable(_, _, let newerThan):
                .get(target: target, newerThan: newerThan, want: wanted)
            }
        let sent = sendQuery(
            query,
            method: goal.method,
            to: next.endpoint,
            expected: lookups[index]?.lookup.shortlist.id(of: next.place),
            purpose: .lookup(id, place: next.place),
            at: now
        )
        guard let byteCount = sent else { return }
        lookups[index]?.lookup.sent(next, byteCount: byteCount, at: now)
    }

    /// What `want` is to say: nothing unless both families are spoken.
    private var wanted: Message.Families {
        settings.families == [.v4, .v6] ? [.v4, .v6] : []
    }

    /// Writes one query to the outbox; its size, or nil when too many are under way.
    mutating func sendQuery(
        _ query: Query,
        method: Message.Method,
        to endpoint: Endpoint,
        expected: NodeID?,
        purpose: Transactions.Purpose,
        at now: DHTInstant
    ) -> Int? {
        let entry = Transactions.Entry(
            endpoint: endpoint,
            expected: expected,
            method: method,
            purpose: purpose,
            sentAt: now
        )
        let transaction = transactions.begin(
            entry,
            nonce: UInt32(truncatingIfNeeded: random.next()),
            expires: now + settings.lookup.queryTimeout
        )
        guard let transaction else { return nil }
        _ = queryRate.take(at: now)
        _ = sendRates.take(endpoint, at: now)
        counters.queriesSent += 1
        let start = outbox.bytes.count
        let envelope = QueryEnvelope(
            transaction: transaction,
            sender: id,
            isReadOnly: !settings.answersQueries,
            version: settings.version
        )
        outbox.query(query, in: envelope)
        enqueue(from: start, to: endpoint, transaction: transaction)
        return outbox.bytes.count - start
    }
}

// MARK: - Ending

extension DHTNode {
    /// Ends a search: reports it, or goes on to its harvest or its write.
    mutating func finish(at index: Int, _ end: LookupEnd, _ now: DHTInstant) {
        guard let purpose = lookups[index]?.purpose else { return }
        switch purpose {
        case .caller: return deliver(at: index, end, now)
        case .bootstrap: bootstrapEnded(at: index, now)
        case .refresh(let fill): refreshEnded(fill, now)
        case .write(let publication), .renewal(let publication):
            return beginWrite(of: publication, at: index, end, now)
        }
        lookups[index] = nil
    }

    /// Hands the caller its answer, and listens on if there is something to wait for.
    private mutating func deliver(at index: Int, _ end: LookupEnd, _ now: DHTInstant) {
        guard var result = result(at: index, end, now), let active = lookups[index] else { return }
        let isEarly = end == .satisfied || end == .complete
        result.isHarvesting =
            isEarly && active.harvestTime > .zero && active.lookup.hasQueriesUnderWay
        actions.append(.finished(result))
        guard result.isHarvesting else {
            lookups[index] = nil
            return
        }
        let until = now + active.harvestTime
        lookups[index]?.phase = .harvesting(until: until, end: end)
        lookups[index]?.wake = until
    }

    func result(at index: Int, _ end: LookupEnd, _ now: DHTInstant) -> LookupResult? {
        guard let active = lookups[index] else { return nil }
        return active.lookup.result(active.id, end: end, traced: active.isTraced, at: now)
    }
}
