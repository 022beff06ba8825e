/// What was dropped or refused, counted by reason; and what was sent and answered.
package struct DHTCounters: Sendable {
    private var drops = [Int](repeating: 0, count: DropReason.allCases.count)
    package var datagramsReceived = 0
    package var queriesReceived = 0
    package var queriesSent = 0
    package var repliesSent = 0
    package var errorsSent = 0
    /// Queries of ours by how they ended.
    package var queriesAnswered = 0
    package var queriesTimedOut = 0
    package var queriesRefused = 0
    /// Queries that the driver could not send.
    package var queriesUnsent = 0
    private var heldBack = [Int](repeating: 0, count: PacingLimit.count)

    package init() {}

    /// How often a lookup of a priority had to wait with a query for a rate of our own.
    package subscript(heldBackBy limit: PacingLimit, priority: LookupPriority) -> Int {
        heldBack[limit.index(priority)]
    }

    /// The same, whatever the rate and the priority.
    package var queriesHeldBack: Int { heldBack.reduce(0, +) }

    package mutating func holdBack(by limit: PacingLimit, _ priority: LookupPriority) {
        heldBack[limit.index(priority)] += 1
    }

    package subscript(reason: DropReason) -> Int {
        drops[reason.rawValue]
    }

    package mutating func drop(_ reason: DropReason, count: Int = 1) {
        drops[reason.rawValue] += count
    }

    /// Everything dropped, whatever the reason.
    package var dropped: Int { drops.reduce(0, +) }
}

/// Which of our own limits a query waits for.
package enum PacingLimit: Int, Sendable, CaseIterable {
    /// The queries to one node.
    case node
    /// Those to all, a second or under way.
    case overall

    static let count = allCases.count * LookupPriority.allCases.count

    func index(_ priority: LookupPriority) -> Int {
        rawValue * LookupPriority.allCases.count + priority.rawValue
    }
}

/// Why something from the network was not taken: a whole datagram, or an entry of one.
package enum DropReason: Int, Sendable, CaseIterable {
    /// From port 0, a martian, or a private address where those are not allowed.
    case badSource
    /// Not bencode, or more of it than allowed.
    case badBencode
    /// Bencode, but not a KRPC message.
    case badMessage
    /// A reply to no query of ours.
    case unsolicited
    /// A reply from another address than the one that was asked.
    case wrongAddress
    /// A reply under no id, under ours, or under one that its address does not allow.
    case wrongID
    /// A query while we only ask (client mode).
    case queryInClientMode
    /// A query without a usable id, target or arguments.
    case badQuery
    /// More queries from one address than are answered.
    case addressRate
    /// More replies than may be sent in all.
    case replyRate
    /// A write without a valid token.
    case badToken
    /// A put that BEP 44's checks refused.
    case refusedItem
    /// A store is full of entries nearer to our id.
    case storeFull
    /// A query, while replies wait that the driver did not fetch in time.
    case outboxFull

    // From here on entries: the rest of the datagram was taken.

    /// `nodes` or `values` of a length that does not divide, or a contact of no use.
    case badContact
    /// A contact or provider at an address that no stranger may name.
    case forbiddenAddress
    /// A contact whose id does not follow from its address (BEP 42).
    case insecureID
    /// A contact that answered under another id than it was named with.
    case misnamedContact
    /// More contacts than one reply may bring.
    case surplusContact
    /// A contact of a /24 or /64 that has its share of the lookup.
    case crowdedNetwork
    /// A provider that many others of the same node left no room for.
    case surplusProvider
    /// An item without a number or a signature, or too long a one.
    case badItem
    /// An item with a wrong signature or hash.
    case forgedItem
    /// A token longer than is kept.
    case longToken
    /// A sender that could not be remembered for a ping.
    case candidatesFull

    /// Whether the datagram was dropped as a whole, and not only an entry of it.
    package var isOfDatagram: Bool { rawValue <= Self.outboxFull.rawValue }
}
