/// Whether the network of one family is there at all: who answered last, and what the silence since
/// then may say about the nodes that were asked.
///
/// Only with `DHTSettings.canaryInterval`. While nobody at all answers it is the network and not
/// the contacts, so what times out is held until somebody answers: soon, and it counts; after a
/// silence, and it is forgotten.
struct Canary: Sendable {
    /// The last answer to a query of ours; nil before the first.
    private(set) var lastAnswer: DHTInstant?
    /// Rounds of pings since the last answer.
    private(set) var rounds = 0
    /// Queries that have timed out since the last answer.
    private(set) var heldTimeouts = 0
    /// Those of them that went to somebody who was known.
    private(set) var held: [Transactions.Entry] = []
    /// The last answer or round, whichever is later.
    private var lastEvent: DHTInstant
    /// Who was pinged within the last interval.
    private var asked: [(endpoint: Endpoint, at: DHTInstant)] = []
    /// Whose turn it is, among the contacts and among those to join by.
    var turn = 0
    var nextStart = DHTInstant.distantPast
    var startTurn = 0
    /// Since when it is seen to be silent while another family is not; nil while it is not.
    var aloneSince: DHTInstant?
    /// Whether that has been so for long, and nobody has answered since.
    var isGone = false

    /// Beyond it a timeout is counted for the ratio and forgotten for the contact.
    private static let heldLimit = 1_024
    /// Silence after which pings are half as frequent.
    private static let longSilence = TimeSpan.minutes(1)

    init(at now: DHTInstant) {
        lastEvent = now
    }

    /// When the next round is due.
    ///
    /// The first is early by what an answer usually takes; two more follow soon, so that one node
    /// that is slow or gone is not taken for the network.
    func due(_ interval: TimeSpan, usualRoundTrip: TimeSpan) -> DHTInstant {
        switch rounds {
        case 0:
            lastEvent
                + max(
                    TimeSpan(nanoseconds: interval.nanoseconds - usualRoundTrip.nanoseconds),
                    interval.scaled(by: 0.25)
                )
        case 1: lastEvent + interval.scaled(by: 0.4)
        case 2: lastEvent + interval.scaled(by: 0.6)
        default:
            lastEvent.since(lastAnswer ?? .distantPast) > Self.longSilence
                ? lastEvent + interval.scaled(by: 2) : lastEvent + interval
        }
    }

    /// Whether a node was not pinged within the interval; it is from now on.
    mutating func mayAsk(_ endpoint: Endpoint, at now: DHTInstant, _ interval: TimeSpan) -> Bool {
        asked.removeAll { now.since($0.at) >= interval }
        guard !asked.contains(where: { $0.endpoint == endpoint }) else { return false }
        asked.append((endpoint, now))
        return true
    }

    /// How many to ask in the next round: one is enough while nothing is wrong.
    var pings: Int { rounds == 0 ? 1 : 3 }

    mutating func began(at now: DHTInstant) {
        rounds += 1
        lastEvent = now
    }

    /// Whether nobody has answered for so long that the network is taken to be gone.
    func isSilent(at now: DHTInstant, after limit: TimeSpan) -> Bool {
        guard let lastAnswer else { return true }
        return now.since(lastAnswer) >= limit
    }

    /// Keeps a timeout until it is known what it says.
    mutating func hold(_ entry: Transactions.Entry) {
        heldTimeouts += 1
        if entry.expected != nil, held.count < Self.heldLimit { held.append(entry) }
    }

    mutating func releaseHeld() {
        heldTimeouts = 0
        held.removeAll(keepingCapacity: true)
    }

    mutating func answered(at now: DHTInstant) {
        lastAnswer = now
        rounds = 0
        lastEvent = now
    }
}

// MARK: - Rounds

extension DHTNode {
    /// When the next canary is due; nil without one.
    var nextCanary: DHTInstant? {
        guard let interval = settings.canaryInterval else { return nil }
        var next = DHTInstant.distantFuture
        for family in AddressFamily.allCases where settings.families.contains(family) {
            next = min(next, canaries[family].due(interval, usualRoundTrip: usualRoundTrip))
        }
        return next
    }

    private var usualRoundTrip: TimeSpan { replyTimes.quantile(0.5) ?? .zero }

    /// Pings a few nodes where nobody has answered for a while.
    mutating func sendCanaries(at now: DHTInstant) {
        guard let interval = settings.canaryInterval else { return }
        for family in AddressFamily.allCases
        where settings.families.contains(family) {
            let due = canaries[family].due(interval, usualRoundTrip: usualRoundTrip)
            guard due <= now else { continue }
            let wanted = canaries[family].pings
            let isFirst = canaries[family].rounds == 0
            canaries[family].began(at: now)
            var sent = sendCanaries(wanted, to: family, onlyReliable: isFirst, at: now)
            // Those to join by know the network when all contacts have left it.
            if (sent < wanted || !isFirst), pingStart(family, at: now) { sent += 1 }
        }
    }

    /// Pings contacts in turn; how many.
    private mutating func sendCanaries(
        _ wanted: Int,
        to family: AddressFamily,
        onlyReliable: Bool,
        at now: DHTInstant
    ) -> Int {
        let contacts = tables[family].contacts
        guard !contacts.isEmpty else { return 0 }
        let quick = UInt32(clamping: settings.silenceLimit.nanoseconds / 4_000)
        var sent = 0
        // The first round asks a quick one, the others anybody: some must be of the living.
        for standard in onlyReliable ? 0..<3 : 1..<3 {
            for offset in contacts.indices where sent < wanted {
                let index = (canaries[family].turn + offset) % contacts.count
                let contact = contacts[index]
                let standing = contact.standing(at: now, settings.routing)
                let isWanted =
                    switch standard {
                    case 0: standing == .good && contact.roundTrip <= quick
                    case 1: standing != .bad
                    default: standing == .bad
                    }
                guard isWanted, sendCanary(to: contact.endpoint, contact.id, at: now) else {
                    continue
                }
                sent += 1
                if sent == wanted { canaries[family].turn = (index + 1) % contacts.count }
            }
            if sent == wanted { break }
        }
        return sent
    }

    /// Pings one of those to join by, or one of an earlier run, if it is time again.
    private mutating func pingStart(_ family: AddressFamily, at now: DHTInstant) -> Bool {
        guard canaries[family].nextStart <= now else { return false }
        let nodes = maintenance.bootstrapNodes.filter { $0.family == family }
        let saved = maintenance.savedContacts.filter { $0.endpoint.family == family }
        let count = nodes.count + saved.count
        guard count > 0 else { return false }
        let index = canaries[family].startTurn % count
        canaries[family].startTurn = (index + 1) % count
        // Where only the other family is to be had, there is no hurry.
        let other = AddressFamily.allCases.contains { family in
            !canaries[family].isSilent(at: now, after: settings.silenceLimit)
        }
        canaries[family].nextStart = now + (other ? .seconds(10) : .seconds(1))
        if index < nodes.count { return sendCanary(to: nodes[index], nil, at: now) }
        let contact = saved[index - nodes.count]
        return sendCanary(to: contact.endpoint, contact.id, at: now)
    }

    /// Pings one node unless a limit is in the way or it was pinged just before.
    private mutating func sendCanary(
        to endpoint: Endpoint,
        _ id: NodeID?,
        at now: DHTInstant
    ) -> Bool {
        guard let interval = settings.canaryInterval,
            sendRates.nextFree(for: endpoint, at: now) <= now,
            queryRate.nextFree(at: now) <= now,
            canaries[endpoint.family].mayAsk(endpoint, at: now, interval)
        else { return false }
        let sent = sendQuery(
            .ping,
            method: .ping,
            to: endpoint,
            expected: id,
            purpose: .canary,
            at: now
        )
        return sent != nil
    }
}

// MARK: - Silence and its end

extension DHTNode {
    /// A query has timed out: now, or as soon as it is known that the network was there, it counts.
    mutating func noteTimeout(_ entry: Transactions.Entry, at now: DHTInstant) {
        let family = entry.endpoint.family
        guard settings.canaryInterval != nil else {
            noteOutcome(answered: false)
            return blame(entry)
        }
        if !canaries[family].isSilent(at: now, after: settings.silenceLimit) {
            canaries[family].hold(entry)
        }
    }

    /// Somebody who was asked has answered, whatever the answer.
    ///
    /// - Parameter isStranger: it is not the contact that was asked, or none was.
    mutating func noteSignOfLife(
        _ entry: Transactions.Entry,
        isStranger: Bool,
        at now: DHTInstant
    ) {
        lastAnswer = now
        guard settings.canaryInterval != nil else { return }
        let family = entry.endpoint.family
        let wasSilent = canaries[family].isSilent(at: now, after: settings.silenceLimit)
        if !wasSilent, canaries[family].heldTimeouts > 0 {
            for _ in 0..<canaries[family].heldTimeouts { noteOutcome(answered: false) }
            for entry in canaries[family].held { blame(entry) }
        }
        canaries[family].releaseHeld()
        canaries[family].answered(at: now)
        if wasSilent {
            familyReturned(family)
            networkReturned(family, byStranger: isStranger, at: now)
        }
    }

    /// Lowers the standing of a contact that did not answer.
    private mutating func blame(_ entry: Transactions.Entry) {
        guard let expected = entry.expected else { return }
        let peer = entry.endpoint
        switch entry.method {
        case .get, .put:
            // Whole families of nodes never answer BEP 44: silence says nothing, a ping does.
            let isKnown = tables[peer.family].contains(id: expected, endpoint: peer)
            if isKnown { wantPing(peer, id: expected) }
        case .ping, .findNode, .getPeers, .announcePeer, .unknown:
            tables[peer.family].failed(id: expected, endpoint: peer)
        }
    }

    /// The network is back: every contact is asked whether it is, too, those least certain first.
    private mutating func networkReturned(
        _ family: AddressFamily,
        byStranger: Bool,
        at now: DHTInstant
    ) {
        maintenance.returning.removeAll { $0.endpoint.family == family }
        maintenance.returning += tables[family].contacts
            // The last is the first to be asked.
            .sorted { $0.lastSeen > $1.lastSeen }
            .map { Maintenance.PingTarget(endpoint: $0.endpoint, id: $0.id) }
        maintenance.bootstraps[family].failures = 0
        maintenance.bootstraps[family].notBefore = now
        // When it is no contact that answers, it may be another network by now.
        if byStranger { maintenance.bootstraps[family].isDone = false }
        maintenance.next = now
    }

    /// Whether a family has too few contacts to do without the nodes to join by.
    package func isShortOfContacts(_ family: AddressFamily, at now: DHTInstant) -> Bool {
        let table = tables[family]
        let enough = settings.maintenance.contactsBeforeBootstrap
        guard settings.canaryInterval != nil, table.count >= enough else {
            return table.count < enough
        }
        return table.census(at: now).good < enough
    }
}

// MARK: - Families that are gone

extension DHTNode {
    /// Whether nobody in a family has answered for long, though those of another have: the host has
    /// no such network, so there is nothing in it that could be found, or waited for.
    ///
    /// It lasts until somebody in it answers. Never of all families, and only with a canary.
    package func isGone(_ family: AddressFamily) -> Bool { canaries[family].isGone }

    /// Notices families that are silent alone.
    mutating func noteFamilies(at now: DHTInstant) {
        guard settings.canaryInterval != nil else { return }
        let limit = settings.silenceLimit
        let families = AddressFamily.allCases
        guard families.contains(where: { !canaries[$0].isSilent(at: now, after: limit) }) else {
            return
        }
        for family in families
        where settings.families.contains(family) && !canaries[family].isGone
            && canaries[family].isSilent(at: now, after: limit)
        {
            let since = canaries[family].aloneSince ?? now
            canaries[family].aloneSince = since
            guard now.since(since) >= settings.familyPatience else { continue }
            canaries[family].isGone = true
            actions.append(.familyChanged(family, isGone: true))
        }
    }

    /// A family has answered after a silence.
    private mutating func familyReturned(_ family: AddressFamily) {
        // When it was silence of all, it says nothing of the others, which have yet to answer.
        for other in AddressFamily.allCases where !canaries[other].isGone {
            canaries[other].aloneSince = nil
        }
        guard canaries[family].isGone else { return }
        canaries[family].isGone = false
        canaries[family].aloneSince = nil
        actions.append(.familyChanged(family, isGone: false))
    }
}
