/// What keeps a node connected: bootstrap, refresh, pings.
///
/// Bounded work each time.
struct Maintenance: Sendable {
    /// When to look after things next.
    var next: DHTInstant
    var bootstrapNodes: [Endpoint] = []
    /// Those that no joining lookup has asked yet; a name may be resolved long after the first.
    private var bootstrapNodesToAsk: [Endpoint] = []
    /// All that were ever to be asked; bounded, so that names whose addresses keep changing do not
    /// have us join for ever.
    private var bootstrapNodesSeen: Set<Endpoint> = []
    private static let bootstrapNodesLimit = 256
    /// Contacts of an earlier run that are still to be tried; the last is next.
    var savedContacts: [Contact] = []
    var bootstraps = PerFamily(v4: Bootstrap(), v6: Bootstrap())
    /// Nodes to be pinged, first come first served.
    var pingQueue: [PingTarget] = []
    /// Contacts to be pinged after a silence, when nobody else waits; the last is next.
    var returning: [PingTarget] = []
    var pingsUnderWay = 0
    var refreshesUnderWay = 0
    /// Buckets to be filled; the first is next.
    var fillQueue: [Fill] = []
    var nextExpiry: DHTInstant

    struct PingTarget: Sendable {
        let endpoint: Endpoint
        let id: NodeID?
        var isSaved = false
    }

    /// A bucket that is to be filled by a lookup in its range.
    struct Fill: Equatable, Sendable {
        let family: AddressFamily
        let bucket: Int
        /// Contacts in it when its lookup began.
        var known = 0
        /// Lookups so far.
        var turns = 0
        /// Lookups in a row that found nobody new.
        var fruitless = 0
        /// Where in the bucket's range the next lookup goes, in units of 2^-64 of it.
        var place: UInt64

        /// Goes on by the golden section: places that follow each other are never close, however
        /// many there are, so that what one lookup has passed over the next ones find (Knuth, The
        /// Art of Computer Programming 3, 6.4).
        mutating func advance() { place &+= 0x9E37_79B9_7F4A_7C15 }

        func isSameBucket(as other: Fill) -> Bool {
            family == other.family && bucket == other.bucket
        }
    }

    /// How joining the network goes, for one family.
    struct Bootstrap: Sendable {
        var isRunning = false
        var failures = 0
        var notBefore = DHTInstant.distantPast
        var isDone = false
        /// When all buckets are looked at again for somebody new, and the pause after that.
        var fillsAgain = DHTInstant.distantFuture
        var fillPause = TimeSpan.zero
    }

    /// One value a family.
    struct PerFamily<Value: Sendable>: Sendable {
        var v4: Value
        var v6: Value

        subscript(family: AddressFamily) -> Value {
            get { family == .v4 ? v4 : v6 }
            set { if family == .v4 { v4 = newValue } else { v6 = newValue } }
        }
    }

    init(
        at now: DHTInstant,
        _ settings: MaintenanceSettings,
        using generator: inout some RandomNumberGenerator
    ) {
        next = now + settings.interval.scaled(by: generator.fraction())
        nextExpiry = next
    }
}

extension Maintenance {
    /// Names the nodes to join by.
    mutating func setBootstrapNodes(_ endpoints: [Endpoint]) {
        bootstrapNodes = endpoints
        bootstrapNodesToAsk.removeAll { !endpoints.contains($0) }
        for endpoint in endpoints where bootstrapNodesSeen.count < Self.bootstrapNodesLimit {
            guard bootstrapNodesSeen.insert(endpoint).inserted else { continue }
            bootstrapNodesToAsk.append(endpoint)
        }
    }

    func hasBootstrapNodesToAsk(of family: AddressFamily) -> Bool {
        bootstrapNodesToAsk.contains { $0.family == family }
    }

    /// The next that a joining lookup is to ask, in the order in which they were named.
    mutating func takeBootstrapNodesToAsk(of family: AddressFamily, most: Int) -> [Endpoint] {
        let taken = Array(bootstrapNodesToAsk.lazy.filter { $0.family == family }.prefix(most))
        bootstrapNodesToAsk.removeAll(where: taken.contains)
        return taken
    }
}

// MARK: - Commands

extension DHTNode {
    /// Names the nodes to join by; takes effect at the next `advance`.
    ///
    /// They may be private ones whatever the settings say: the operator chose them.
    package mutating func setBootstrapNodes(_ endpoints: [Endpoint], at now: DHTInstant) {
        let usable = endpoints.filter { $0.port != 0 && $0.scope != .martian }
        maintenance.setBootstrapNodes(usable)
        for family in AddressFamily.allCases { maintenance.bootstraps[family].notBefore = now }
        maintenance.next = now
    }

    /// The network turns out to be a private one: allows what it needs, and keeps the own id, for
    /// private addresses say nothing about who somebody is (BEP 42).
    package mutating func joinPrivateNetwork(
        allowingPrivateAddresses: Bool,
        sharedNetworks: Bool,
        at now: DHTInstant
    ) {
        settings.adoptsSecureID = false
        if allowingPrivateAddresses { settings.allowsPrivateAddresses = true }
        guard sharedNetworks, !settings.allowsSharedNetworks else { return }
        settings.allowsSharedNetworks = true
        tables.move(to: id, settings, at: now)
    }

    /// Hands in contacts of an earlier run; they enter the table as they answer.
    package mutating func restore(_ contacts: [Contact], at now: DHTInstant) {
        let usable = contacts.filter { isUsable($0.endpoint) && $0.id != id }
        maintenance.savedContacts = Array(usable.prefix(1_000))
        maintenance.next = now
    }

    /// Puts a contact into the table without asking it, for simulated networks; false when its
    /// limits keep it out.
    package mutating func seed(_ contact: Contact, at now: DHTInstant) -> Bool {
        maintenance.bootstraps[contact.endpoint.family].isDone = true
        return tables[contact.endpoint.family].seed(contact, at: now)
    }

    /// Records an announce without a query, for simulated networks.
    package mutating func seed(peer: Endpoint, for infoHash: NodeID, at now: DHTInstant) -> Bool {
        peerStore.announce(peer, for: infoHash, own: id, at: now)
    }

    /// Stores an item without a query, for simulated networks.
    package mutating func seed(_ item: StoredItem, at now: DHTInstant) -> Bool {
        itemStore.store(item, target: item.target(cryptography), own: id, at: now)
    }
}

// MARK: - The regular round

extension DHTNode {
    mutating func maintain(at now: DHTInstant) {
        let interval = settings.maintenance.interval
        maintenance.next = now + interval.scaled(by: 0.9 + 0.2 * random.fraction())
        tokens.rotate(at: now, using: &random)
        for family in AddressFamily.allCases where settings.families.contains(family) {
            maintain(family, at: now)
        }
        if now >= maintenance.nextExpiry {
            maintenance.nextExpiry = now + settings.storage.tokenRotation
            peerStore.expire(at: now)
            itemStore.expire(at: now)
        }
        renewPublications(at: now)
        pingSaved()
        pumpPings(at: now)
    }

    private mutating func maintain(_ family: AddressFamily, at now: DHTInstant) {
        if isShortOfContacts(family, at: now) || !maintenance.bootstraps[family].isDone {
            bootstrap(family, at: now)
        } else {
            if maintenance.hasBootstrapNodesToAsk(of: family) { bootstrap(family, at: now) }
            maintenance.bootstraps[family].failures = 0
            refresh(family, at: now)
        }
        // One in ninety intervals is each contact's turn; more contacts take more pings a round.
        for _ in 0...(tables[family].count / 90) {
            let recently = DHTInstant(
                nanoseconds: now.nanoseconds - settings.maintenance.interval.nanoseconds * 2
            )
            let doubtful = tables[family].takeMostDoubtful(at: now, notAskedSince: recently)
            guard let doubtful else { break }
            wantPing(doubtful.endpoint, id: doubtful.id)
        }
    }

    /// Looks up the own id, which fills the near buckets and makes us known to the nodes there.
    private mutating func bootstrap(_ family: AddressFamily, at now: DHTInstant) {
        let state = maintenance.bootstraps[family]
        guard !state.isRunning else { return }
        guard state.notBefore <= now else {
            maintenance.next = min(maintenance.next, state.notBefore)
            return
        }
        let hasStart =
            tables[family].count > 0
            || maintenance.bootstrapNodes.contains { $0.family == family }
            || maintenance.savedContacts.contains { $0.endpoint.family == family }
        guard hasStart else { return }
        let begun = try? begin(
            .nodes(id),
            target: id,
            purpose: .bootstrap,
            options: LookupOptions(family: family),
            deadline: now + settings.maintenance.lookupTime,
            at: now
        )
        // A lookup without anyone to ask has ended before `begin` returned.
        if let begun { maintenance.bootstraps[family].isRunning = index(of: begun) != nil }
    }

    /// A bootstrap lookup has ended: done, or again after a pause that doubles.
    mutating func bootstrapEnded(at index: Int, _ now: DHTInstant) {
        guard let family = lookups[index]?.lookup.family else { return }
        maintenance.bootstraps[family].isRunning = false
        let settings = settings.maintenance
        if tables[family].count > 0 {
            maintenance.bootstraps[family].isDone = true
            maintenance.fillQueue.removeAll { $0.family == family }
            fillAll(family)
            maintenance.bootstraps[family].fillPause = settings.fillAgainAfter
            maintenance.bootstraps[family].fillsAgain = now + settings.fillAgainAfter
        }
        // Where there are but one or two nodes, asking them again soon would bring nothing new.
        if isShortOfContacts(family, at: now) {
            maintenance.bootstraps[family].failures += 1
        }
        let exponent = min(maintenance.bootstraps[family].failures, 20)
        let doubled = settings.bootstrapPause.scaled(by: Double(1 << exponent) / 2)
        let pause = min(doubled, settings.bootstrapPauseLimit)
            .scaled(by: 1 - settings.jitter * random.fraction())
        maintenance.bootstraps[family].notBefore = now + pause
        maintenance.next = min(maintenance.next, now + pause)
    }

    /// Has all buckets filled.
    ///
    /// - Parameter fruitless: counts as so many lookups in a row that found nobody new.
    private mutating func fillAll(_ family: AddressFamily, fruitless: Int = 0) {
        for bucket in 0..<tables[family].depth {
            let fill = Maintenance.Fill(
                family: family,
                bucket: bucket,
                fruitless: fruitless,
                place: random.next()
            )
            maintenance.fillQueue.append(fill)
        }
    }

    /// Looks at all buckets again, with pauses that double: a network that was just beginning when
    /// we joined it has had time to grow.
    ///
    /// Only a node that watches its network (`canaryInterval`) does so: one that joins for a single
    /// errand does not stay for that long.
    private mutating func fillAgain(_ family: AddressFamily, at now: DHTInstant) {
        let state = maintenance.bootstraps[family]
        guard !maintenance.fillQueue.contains(where: { $0.family == family }) else { return }
        guard state.fillsAgain <= now else {
            maintenance.next = min(maintenance.next, state.fillsAgain)
            return
        }
        // While nobody answers it would only be in the way of those who ask whether that is over.
        guard !canaries[family].isSilent(at: now, after: .seconds(1)) else {
            maintenance.bootstraps[family].fillsAgain = now + settings.maintenance.fillAgainAfter
            return
        }
        fillAll(family, fruitless: settings.maintenance.fruitlessFillsLimit - 1)
        let pause = min(state.fillPause.scaled(by: 2), settings.maintenance.refreshAfter)
        maintenance.bootstraps[family].fillPause = pause
        maintenance.bootstraps[family].fillsAgain = now + pause
    }

    /// Looks up a random id of a bucket that is to be filled or in which nobody answered lately.
    private mutating func refresh(_ family: AddressFamily, at now: DHTInstant) {
        fillAgain(family, at: now)
        let toFill = maintenance.fillQueue.firstIndex { $0.family == family }
        if toFill != nil { comeBackToFill(now) }
        guard maintenance.refreshesUnderWay < settings.maintenance.refreshesUnderWay else { return }
        let age = settings.maintenance.refreshAfter
        let next =
            toFill.map { maintenance.fillQueue.remove(at: $0) }
            ?? tables[family].takeStaleBucket(at: now, after: age)
            .map { Maintenance.Fill(family: family, bucket: $0, place: random.next()) }
        guard var next else { return }
        next.known = tables[family].count(inBucket: next.bucket)
        let target = id.randomNeighbour(
            sharing: next.bucket,
            at: next.place,
            using: &random
        )
        maintenance.refreshesUnderWay += 1
        let begun = try? begin(
            .nodes(target),
            target: target,
            purpose: .refresh(next),
            options: LookupOptions(family: family, priority: .background),
            deadline: now + settings.maintenance.lookupTime,
            at: now
        )
        guard begun == nil else { return }
        maintenance.refreshesUnderWay -= 1
        // As many lookups as are allowed were under way: its turn comes again.
        maintenance.fillQueue.append(next)
    }

    /// A refresh lookup has ended: its bucket has another one, after the others have had their
    /// turn, until it is full or several in a row have found nobody new.
    ///
    /// So a small network is known after a few, and a large one fills the wide buckets. Nobody who
    /// moves between buckets makes it go on: a bucket has no more turns than it takes to fill it
    /// with what one lookup finds, k nodes, of which it knows more and more.
    mutating func refreshEnded(_ fill: Maintenance.Fill, _ now: DHTInstant) {
        maintenance.refreshesUnderWay -= 1
        var next = fill
        next.turns += 1
        next.advance()
        let count = tables[fill.family].count(inBucket: fill.bucket)
        next.fruitless = count > fill.known ? 0 : fill.fruitless + 1
        let capacity = tables[fill.family].capacity(of: fill.bucket)
        guard count < capacity,
            next.fruitless < settings.maintenance.fruitlessFillsLimit,
            next.turns < 3 * capacity / settings.lookup.k,
            !maintenance.fillQueue.contains(where: { $0.isSameBucket(as: fill) })
        else { return }
        maintenance.fillQueue.append(next)
        comeBackToFill(now)
    }

    private mutating func comeBackToFill(_ now: DHTInstant) {
        maintenance.next = min(maintenance.next, now + settings.maintenance.fillPause)
    }
}

// MARK: - Pings

extension DHTNode {
    /// Asks for a ping; sent as soon as the limits allow.
    mutating func wantPing(_ endpoint: Endpoint, id: NodeID?, isSaved: Bool = false) {
        guard !maintenance.pingQueue.contains(where: { $0.endpoint == endpoint }) else { return }
        guard maintenance.pingQueue.count < settings.maintenance.candidatesLimit else {
            return counters.drop(.candidatesFull)
        }
        let target = Maintenance.PingTarget(endpoint: endpoint, id: id, isSaved: isSaved)
        maintenance.pingQueue.append(target)
    }

    mutating func pumpPings(at now: DHTInstant) {
        while !maintenance.pingQueue.isEmpty || !maintenance.returning.isEmpty,
            maintenance.pingsUnderWay < settings.maintenance.pingsUnderWay,
            !transactions.isFull, queryRate.nextFree(at: now) <= now
        {
            let target =
                maintenance.pingQueue.isEmpty
                ? maintenance.returning.removeLast() : maintenance.pingQueue.removeFirst()
            guard sendRates.nextFree(for: target.endpoint, at: now) <= now else { continue }
            let isCutOff = tables[target.endpoint.family].count == 0
            let sent = sendQuery(
                .ping,
                method: .ping,
                to: target.endpoint,
                expected: target.id,
                purpose: .ping(isTentative: target.isSaved && isCutOff),
                at: now
            )
            if sent != nil { maintenance.pingsUnderWay += 1 }
        }
    }

    /// Moves saved contacts to the ping queue as far as it has room.
    ///
    /// While nobody at all answers it keeps to the pauses of the bootstrap.
    private mutating func pingSaved() {
        var index = maintenance.savedContacts.count
        while index > 0, maintenance.pingQueue.count < settings.maintenance.candidatesLimit / 2 {
            index -= 1
            let family = maintenance.savedContacts[index].endpoint.family
            let isCutOff = tables[family].count == 0 && !maintenance.bootstraps[family].isRunning
            guard !isCutOff else { continue }
            let contact = maintenance.savedContacts.remove(at: index)
            wantPing(contact.endpoint, id: contact.id, isSaved: true)
        }
    }

    /// A saved contact that was asked while nobody answered stays one: there may have been no
    /// network, so its silence says nothing about it.
    mutating func putBack(_ entry: Transactions.Entry) {
        guard let id = entry.expected else { return }
        let contact = Contact(id: id, endpoint: entry.endpoint, lastAnswered: .distantPast)
        // At the other end, so that all have their turn.
        maintenance.savedContacts.insert(contact, at: 0)
    }
}

extension RandomNumberGenerator {
    /// A number from 0 up to 1.
    mutating func fraction() -> Double {
        Double(next() >> 11) / Double(1 << 53)
    }
}
