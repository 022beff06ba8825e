/// One Mainline DHT node without sockets and clocks: datagrams and time in, actions out.
///
/// A value with exactly one owner. Four kinds of methods: questions (`status`, `nextDeadline`),
/// commands (`start`, `publish`, `cancel`, ...), inputs (`receive`, `advance`) and the one output,
/// `nextAction`, which is to be drained after every batch of the others. Nothing here reads a clock
/// or draws a random number that was not handed in, and no order of a `Dictionary` ever shows, so
/// the same inputs give the same actions on every run.
package struct DHTNode<Random: RandomNumberGenerator> {
    package internal(set) var id: NodeID
    package internal(set) var settings: DHTSettings
    let cryptography: ItemCryptography
    package internal(set) var counters = DHTCounters()

    var tables: Tables
    var transactions: Transactions
    var replyTimes = ReplyTimes()
    var lookups: [ActiveLookup?] = []
    var nextSerial: UInt32 = 0
    /// Lookups that wait for the overall rate, first come first served.
    var starved: [LookupID] = []
    var publications: [StandingPublication] = []
    /// Where the next renewals begin, so that each has its turn when many are due.
    var renewalCursor = 0

    var queryRate: PacketRate
    var replyRate: PacketRate
    var sendRates: AddressRates
    var answerRates: AddressRates

    var tokens: Tokens
    var peerStore: PeerStore
    var itemStore: ItemStore

    var observed: ObservedAddress
    var maintenance: Maintenance
    /// The part of the last queries that was answered, a moving average; nil before the first.
    var responseRatio: Double?
    var lastAnswer: DHTInstant?
    var canaries: Maintenance.PerFamily<Canary>

    var outbox = BencodeWriter()
    /// Actions in order; `nextIndex` is the first that was not fetched.
    var actions: [DHTAction] = []
    var nextIndex = 0
    /// A buffer for closest contacts, so that a reply allocates nothing.
    var scratch: [Contact] = []

    // Last, so that everything before it has a fixed place in memory.
    var random: Random

    /// A node with no contacts.
    ///
    /// Hand it bootstrap nodes or saved ones, then let time advance.
    package init(
        id: NodeID? = nil,
        settings: DHTSettings,
        cryptography: ItemCryptography,
        random: Random,
        at now: DHTInstant
    ) {
        var random = random
        let id = id ?? NodeID.random(using: &random)
        self.id = id
        self.settings = settings
        self.cryptography = cryptography
        tables = Tables(own: id, settings)
        transactions = Transactions(limit: settings.pacing.queriesInFlight)
        let pacing = settings.pacing
        queryRate = PacketRate(perSecond: pacing.queriesPerSecond, burst: pacing.queryBurst)
        replyRate = PacketRate(
            perSecond: pacing.repliesPerSecond,
            burst: pacing.repliesPerSecond
        )
        let addresses = pacing.trackedAddresses
        sendRates = AddressRates(
            perSecond: pacing.queriesPerSecondToOneNode,
            burst: pacing.queryBurstToOneNode,
            limit: addresses
        )
        answerRates = AddressRates(
            perSecond: pacing.repliesPerSecondToOneAddress,
            burst: pacing.repliesPerSecondToOneAddress,
            limit: addresses
        )
        tokens = Tokens(rotation: settings.storage.tokenRotation, at: now, using: &random)
        var storage = settings.storage
        if settings.allowsSharedNetworks { storage.peersPerAddressLimit = .max }
        peerStore = PeerStore(storage)
        itemStore = ItemStore(settings.storage)
        observed = ObservedAddress(votesNeeded: settings.maintenance.addressVotes)
        maintenance = Maintenance(at: now, settings.maintenance, using: &random)
        canaries = Maintenance.PerFamily(v4: Canary(at: now), v6: Canary(at: now))
        self.random = random
    }
}

extension DHTNode: Sendable where Random: Sendable {}

// MARK: - Inputs

extension DHTNode {
    /// Takes one datagram as it came from the socket; anything wrong with it is counted.
    package mutating func receive(
        _ bytes: Span<UInt8>,
        from peer: Endpoint,
        at now: DHTInstant
    ) {
        counters.datagramsReceived += 1
        guard isUsable(peer) else { return counters.drop(.badSource) }
        let message: Message
        do throws(Message.Failure) {
            message = try Message(bytes, limits: settings.bencode)
        } catch {
            if case .bencode = error {
                counters.drop(.badBencode)
            } else {
                counters.drop(.badMessage)
            }
            return
        }
        switch message.kind {
        case .query(let method): answer(method, message, bytes, from: peer, at: now)
        case .response: receiveResponse(message, bytes, from: peer, at: now)
        case .error(let code): receiveError(code, message, bytes, from: peer, at: now)
        }
        feedStarved(at: now)
        pumpPings(at: now)
    }

    /// A datagram that `nextAction` named could not be sent: its query has failed, at once instead
    /// of at its timeout.
    ///
    /// Not for one that may have been lost on the way, such as by a full buffer: the packets that
    /// follow at once would be lost as well.
    package mutating func sendFailed(_ datagram: Datagram, at now: DHTInstant) {
        guard let transaction = datagram.transaction,
            let entry = try? transactions.finish(transaction, from: datagram.endpoint)
        else { return }
        unsent(entry, at: now)
        feedStarved(at: now)
    }

    /// Fires everything that is due; a call too many does nothing.
    package mutating func advance(to now: DHTInstant) {
        while let expired = transactions.expire(at: now) { timedOut(expired, at: now) }
        for index in lookups.indices {
            guard let wake = lookups[index]?.wake, wake <= now else { continue }
            advanceLookup(at: index, to: now)
        }
        if maintenance.next <= now { maintain(at: now) }
        sendCanaries(at: now)
        noteFamilies(at: now)
        feedStarved(at: now)
        pumpPings(at: now)
    }

    /// When `advance` has something to do next.
    package var nextDeadline: DHTInstant {
        var next = maintenance.next
        if let expiry = transactions.nextExpiry { next = min(next, expiry) }
        if let canary = nextCanary { next = min(next, canary) }
        for lookup in lookups {
            if let wake = lookup?.wake { next = min(next, wake) }
        }
        if !starved.isEmpty, !transactions.isFull {
            next = min(next, queryRate.nextFree(at: .distantPast))
        }
        return next
    }

    /// Whether a datagram from, or to, an address makes sense at all.
    func isUsable(_ endpoint: Endpoint) -> Bool {
        guard endpoint.port != 0 else { return false }
        switch endpoint.scope {
        case .global: return true
        case .local:
            return settings.allowsPrivateAddresses
                || maintenance.bootstrapNodes.contains(endpoint)
        case .martian: return false
        }
    }
}

// MARK: - Output

extension DHTNode {
    /// The next thing to do; nil when all is done.
    ///
    /// Drain it after every batch of inputs.
    package mutating func nextAction() -> DHTAction? {
        guard nextIndex < actions.count else {
            actions.removeAll(keepingCapacity: true)
            outbox.bytes.removeAll(keepingCapacity: true)
            nextIndex = 0
            return nil
        }
        nextIndex += 1
        return actions[nextIndex - 1]
    }

    /// The bytes of a datagram that `nextAction` has just named.
    package func withPayload<Result>(
        of datagram: Datagram,
        _ body: (Span<UInt8>) -> Result
    ) -> Result {
        let bytes = outbox.bytes.span
        guard bytes.holds(datagram.range) else { return body(bytes.extracting(first: 0)) }
        return body(bytes.extracting(datagram.range.start..<datagram.range.end))
    }

    /// Queues what was written to the outbox since `start`.
    mutating func enqueue(
        from start: Int,
        to endpoint: Endpoint,
        transaction: TransactionID? = nil
    ) {
        let range = ByteRange(start: start, count: outbox.bytes.count - start)
        let datagram = Datagram(endpoint: endpoint, range: range, transaction: transaction)
        actions.append(.send(datagram))
    }
}

// MARK: - Questions

extension DHTNode {
    /// The node's health as of now.
    package func status(at now: DHTInstant) -> DHTStatus {
        var status = DHTStatus(id: id, counters: counters)
        if !isGone(.v4) { status.v4 = tables.v4.census(at: now) }
        if !isGone(.v6) { status.v6 = tables.v6.census(at: now) }
        status.activeLookups = lookups.count { $0 != nil }
        status.queriesUnderWay = transactions.count
        status.responseRatio = responseRatio
        status.lastAnswer = lastAnswer
        status.observedAddress = observed.agreed
        status.storedInfoHashes = peerStore.count
        status.storedItems = itemStore.count
        status.publications = publications.count
        status.trackedAddresses = max(sendRates.count, answerRates.count)
        return status
    }

    /// Good contacts worth saving for the next start; however many of the first are a fair choice.
    ///
    /// Families take turns, and so do the buckets of each, deepest first: nobody else knows our
    /// neighbours as well, while a far bucket alone may hold more than is saved.
    package func goodContacts(at now: DHTInstant) -> [Contact] {
        let families = AddressFamily.allCases.map { family in
            takingTurns(
                tables[family].contacts.filter { $0.standing(at: now, settings.routing) == .good }
            )
        }
        let longest = families.map(\.count).max() ?? 0
        return (0..<longest).flatMap { place in
            families.filter { place < $0.count }.map { $0[place] }
        }
    }

    /// One contact of each bucket, deepest first, then another one of each, and so on.
    private func takingTurns(_ contacts: [Contact]) -> [Contact] {
        var taken: [Int: Int] = [:]
        let places = contacts.map { contact in
            let bucket = id.commonPrefixLength(with: contact.id)
            let turn = taken[bucket, default: 0]
            taken[bucket] = turn + 1
            return (turn: turn, bucket: bucket, contact: contact)
        }
        return places.sorted { ($0.turn, $1.bucket) < ($1.turn, $0.bucket) }.map(\.contact)
    }
}

/// One routing table a family (BEP 32).
struct Tables: Sendable {
    var v4: RoutingTable
    var v6: RoutingTable

    init(own: NodeID, _ settings: DHTSettings) {
        v4 = RoutingTable(
            own: own,
            settings: settings.routing,
            allowsSharedNetworks: settings.allowsSharedNetworks
        )
        v6 = v4
    }

    /// Sorts all contacts anew around another own id.
    mutating func move(to own: NodeID, _ settings: DHTSettings, at now: DHTInstant) {
        let contacts = v4.contacts + v6.contacts
        self = Tables(own: own, settings)
        for contact in contacts { _ = self[contact.endpoint.family].seed(contact, at: now) }
    }

    subscript(family: AddressFamily) -> RoutingTable {
        // Borrowing, because a table is three buffers and a query asks it several times.
        _read {
            switch family {
            case .v4: yield v4
            case .v6: yield v6
            }
        }
        _modify {
            switch family {
            case .v4: yield &v4
            case .v6: yield &v6
            }
        }
    }
}

extension Message.Families {
    /// Whether a family is among them.
    package func contains(_ family: AddressFamily) -> Bool {
        isSuperset(of: family == .v4 ? .v4 : .v6)
    }
}
