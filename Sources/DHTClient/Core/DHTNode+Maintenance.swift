/// What keeps a node connected: bootstrap, refresh, pings.
///
/// Bounded work each time.
struct Maintenance: Sendable {
    /// When to look after things next.
    var next: DHTInstant
    var bootstrapNodes: [Endpoint] = []
    /// Contacts of an earlier run that are still to be tried; the last is next.
    var savedContacts: [Contact] = []
    var bootstraps = PerFamily(v4: Bootstrap(), v6: Bootstrap())
    /// Nodes to be pinged, first come first served.
    var pingQueue: [PingTarget] = []
    /// Contacts to be pinged after a silence, when nobody else waits; the last is next.
    var returning: [PingTarget] = []
    var pingsUnderWay = 0
    var refreshesUnderWay = 0
    /// Buckets to be filled after a bootstrap.
    var fillQueue: [Fill] = []
    var nextExpiry: DHTInstant

    struct PingTarget: Sendable {
        let endpoint: Endpoint
        let id: NodeID?
        var isSaved = false
    }

    /// A bucket that is to be filled by a lookup in its range.
    struct Fill: Sendable {
        let family: AddressFamily
        let bucket: Int
    }

    /// How joining the network goes, for one family.
    struct Bootstrap: Sendable {
        var isRunning = false
        var failures = 0
        var notBefore = DHTInstant.distantPast
        var isDone = false
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
        let part = Double(generator.next() >> 11) / Double(1 << 53)
        next = now + settings.interval.scaled(by: part)
        nextExpiry = next
    }
}

// MARK: - Commands

extension DHTNode {
    /// Names the nodes to join by; takes effect at the next `advance`.
    ///
    /// They may be private ones whatever the settings say: the operator chose them.
    package mutating func setBootstrapNodes(_ endpoints: [Endpoint], at now: DHTInstant) {
        maintenance.bootstrapNodes = endpoints.filter { $0.port != 0 && $0.scope != .martian }
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
        maintenance.next = now + interval.scaled(by: 0.9 + 0.2 * randomFraction())
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
            maintenance.bootstraps[family].failures = 0
            refresh(family, at: now)
        }
        // One in ninety intervals is each contact's turn; more contacts take more pings a round.
        for _ in 0...(tables[family].count / 90) {
            let recently = DHTInstant(
                nanoseconds: now.nanoseconds - settings.maintenance.interval.nanoseconds * 2
            )
            let doubtful = tables[family].mostDoubtful(at: now, notAskedSince: recently)
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
            maintenance.fillQueue += fills(of: family)
        }
        // Where there are but one or two nodes, asking them again soon would bring nothing new.
        if isShortOfContacts(family, at: now) {
            maintenance.bootstraps[family].failures += 1
        }
        let exponent = min(maintenance.bootstraps[family].failures, 20)
        let doubled = settings.bootstrapPause.scaled(by: Double(1 << exponent) / 2)
        let pause = min(doubled, settings.bootstrapPauseLimit)
            .scaled(by: 1 - settings.jitter * randomFraction())
        maintenance.bootstraps[family].notBefore = now + pause
        maintenance.next = min(maintenance.next, now + pause)
    }

    /// What fills the buckets of a family: those that hold more have more turns, evenly spread, so
    /// that in a small network the others do not wait until a wide one has had all of its own.
    private func fills(of family: AddressFamily) -> [Maintenance.Fill] {
        var turns: [(at: Double, fill: Maintenance.Fill)] = []
        for bucket in 0..<tables[family].depth {
            // One lookup meets about two buckets' worth of nodes of its range.
            let rounds = max(1, tables[family].capacity(of: bucket) / (2 * settings.lookup.k))
            let fill = Maintenance.Fill(family: family, bucket: bucket)
            for round in 0..<rounds { turns.append(((Double(round) + 0.5) / Double(rounds), fill)) }
        }
        turns.sort { ($0.at, $0.fill.bucket) < ($1.at, $1.fill.bucket) }
        return turns.map(\.fill)
    }

    /// Looks up a random id of a bucket that is to be filled or in which nobody answered lately.
    private mutating func refresh(_ family: AddressFamily, at now: DHTInstant) {
        guard maintenance.refreshesUnderWay < 2 else { return }
        var bucket: Int?
        if let next = maintenance.fillQueue.firstIndex(where: { $0.family == family }) {
            bucket = maintenance.fillQueue.remove(at: next).bucket
            if !maintenance.fillQueue.isEmpty {
                maintenance.next = min(maintenance.next, now + .seconds(1))
            }
        } else {
            let age = settings.maintenance.refreshAfter
            bucket = tables[family].takeStaleBucket(at: now, after: age)
        }
        guard let bucket else { return }
        let target = id.randomNeighbour(sharing: bucket, using: &random)
        maintenance.refreshesUnderWay += 1
        let begun = try? begin(
            .nodes(target),
            target: target,
            purpose: .refresh,
            options: LookupOptions(family: family),
            deadline: now + settings.maintenance.lookupTime,
            at: now
        )
        if begun == nil { maintenance.refreshesUnderWay -= 1 }
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

    /// A number from 0 up to 1.
    mutating func randomFraction() -> Double {
        Double(random.next() >> 11) / Double(1 << 53)
    }
}
