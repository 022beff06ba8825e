/// The candidates of a lookup, sorted by distance, bounded, at most one per /24 or /64.
///
/// Candidates keep their place in `storage` for as long as the lookup lives, so a query under way
/// names its candidate by one byte; `order` is what gets sorted.
package struct Shortlist: Sendable {
    package let target: NodeID
    private let capacity: Int
    private let allowsSharedNetworks: Bool
    private let silentReferralsLimit: Int
    private var storage: [Candidate] = []
    /// Places in `storage`, closest first.
    package private(set) var order: [UInt8] = []
    /// Places of those that must be asked, in the order of offering; they are never given away.
    private var obligations: [UInt8] = []
    /// Whether a limit kept a candidate out: one of its network was there, or the list was full.
    package private(set) var hasTurnedAway = false
    /// Candidates that others of their networks keep out, closest first; bounded.
    private var waiting: [Candidate] = []
    private static let waitingLimit = 32
    /// Candidates of one network that get their turn, so that a whole one of dead addresses costs
    /// no more than that.
    private static let turnsOfNetwork = 3

    package init(
        target: NodeID,
        capacity: Int,
        allowsSharedNetworks: Bool,
        silentReferralsLimit: Int = .max
    ) {
        self.silentReferralsLimit = silentReferralsLimit
        self.target = target
        self.capacity = min(max(1, capacity), 250)
        self.allowsSharedNetworks = allowsSharedNetworks
        storage.reserveCapacity(32)
        order.reserveCapacity(32)
    }

    package var count: Int { order.count }

    /// The candidate at a place in storage.
    package subscript(place: UInt8) -> Candidate {
        get { storage[Int(place)] }
        _modify { yield &storage[Int(place)] }
    }

    /// All candidates, closest first.
    package var candidates: [Candidate] { order.map { self[$0] } }

    /// Whether a node is on the list, asked or not.
    package func contains(_ endpoint: Endpoint) -> Bool {
        storage.contains { $0.endpoint == endpoint }
    }

    /// What became of a candidate that was offered.
    package enum Outcome: Equatable, Sendable {
        case added
        case known
        /// Another candidate of its /24 or /64 is there already.
        case sharedNetwork
        /// The list is full of closer ones.
        case tooFar
    }

    /// Offers a candidate whose id is known.
    package mutating func offer(
        _ id: NodeID,
        _ endpoint: Endpoint,
        hop: UInt8,
        referrer: UInt8?
    ) -> Outcome {
        let distance = id.distance(to: target)
        var candidate = Candidate(distance: distance, endpoint: endpoint, hop: hop)
        candidate.referrer = referrer ?? Candidate.none
        return insert(candidate)
    }

    /// Takes note that a candidate must be asked, whatever others say.
    mutating func oblige(_ endpoint: Endpoint) {
        guard let place = place(of: endpoint), !obligations.contains(place) else { return }
        obligations.append(place)
    }

    /// The first of those that must be asked and may be by now, in the order of offering.
    func firstToAsk(at now: DHTInstant) -> UInt8? {
        obligations.first { self[$0].state == .fresh && self[$0].deferredUntil <= now }
    }

    /// How many of those that must be asked have been, and may soon answer.
    var openObligations: Int { obligations.count { self[$0].state == .open } }

    /// Whether one that must be asked has not been, or may still be expected to answer.
    var hasObligations: Bool {
        obligations.contains { place in
            switch self[place].state {
            case .fresh, .open, .stalled: true
            case .overdue, .answered, .failed: false
            }
        }
    }

    /// Takes note that a candidate will hardly answer soon.
    mutating func markLikelyToStall(_ endpoint: Endpoint) {
        for index in storage.indices where storage[index].endpoint == endpoint {
            storage[index].isLikelyToStall = true
        }
    }

    /// Offers a node of which only the address is known, as of a bootstrap node: it comes after all
    /// that are there.
    ///
    /// Somebody chose it, so it need not share a place with others of its network.
    package mutating func offer(unidentified endpoint: Endpoint) -> Outcome {
        var candidate = Candidate(distance: .maximum, endpoint: endpoint, hop: 1)
        candidate.isIdentified = false
        return insert(candidate)
    }

    /// A candidate has told its true id and takes its place by distance.
    package mutating func identify(_ place: UInt8, as id: NodeID) {
        storage[Int(place)].isIdentified = true
        move(place, to: id.distance(to: target))
    }

    /// The id of a candidate; nil for a bootstrap node that has not answered.
    package func id(of place: UInt8) -> NodeID? {
        let candidate = self[place]
        guard candidate.isIdentified else { return nil }
        return NodeID(
            high: target.high ^ candidate.distance.high,
            middle: target.middle ^ candidate.distance.middle,
            low: target.low ^ candidate.distance.low
        )
    }

    private mutating func insert(_ candidate: Candidate) -> Outcome {
        if let known = place(of: candidate.endpoint) {
            claim(known, at: candidate.distance)
            return .known
        }
        if !allowsSharedNetworks, candidate.isIdentified,
            !hasRoom(inNetworkOf: candidate.endpoint)
        {
            hasTurnedAway = true
            wait(candidate)
            return .sharedNetwork
        }
        let position = candidate.isIdentified ? position(of: candidate.distance) : order.count
        guard storage.count >= capacity else {
            order.insert(UInt8(truncatingIfNeeded: storage.count), at: position)
            storage.append(candidate)
            return .added
        }
        hasTurnedAway = true
        // Only one that was never asked may go: a query under way names its candidate by place.
        let last = order.lastIndex { self[$0].state == .fresh && !obligations.contains($0) }
        guard let last, last >= position
        else { return .tooFar }
        let place = order.remove(at: last)
        storage[Int(place)] = candidate
        order.insert(place, at: position)
        return .added
    }

    /// The place of an address, asked or not.
    private func place(of endpoint: Endpoint) -> UInt8? {
        storage.firstIndex { $0.endpoint == endpoint }.map { UInt8(truncatingIfNeeded: $0) }
    }

    /// A second id is named for an address that has not been asked.
    ///
    /// The closer one counts, whoever came first, so that none who names it farther away than it is
    /// can keep it from being asked; the answer tells its true id.
    private mutating func claim(_ place: UInt8, at distance: Distance) {
        guard self[place].state == .fresh, self[place].isIdentified,
            distance < self[place].distance
        else { return }
        move(place, to: distance)
    }

    private mutating func move(_ place: UInt8, to distance: Distance) {
        storage[Int(place)].distance = distance
        order.removeAll { $0 == place }
        order.insert(place, at: position(of: distance))
    }

    /// Whether there is a place for one more of a network: nobody has it, or those that have it
    /// failed, keep silent, or are doubtful and were never asked.
    private func hasRoom(inNetworkOf endpoint: Endpoint) -> Bool {
        let network = endpoint.network
        var holders = 0
        for holder in storage where holder.endpoint.network == network {
            holders += 1
            guard holders < Self.turnsOfNetwork else { return false }
            switch holder.state {
            case .failed, .stalled, .overdue: continue
            case .fresh where isDoubtful(holder): continue
            case .fresh, .open, .answered: return false
            }
        }
        return true
    }

    private mutating func wait(_ candidate: Candidate) {
        guard !waiting.contains(where: { $0.endpoint == candidate.endpoint }) else { return }
        let index = waiting.firstIndex { candidate.distance < $0.distance } ?? waiting.endIndex
        waiting.insert(candidate, at: index)
        if waiting.count > Self.waitingLimit { waiting.removeLast() }
    }

    /// Lets in those for whom there is a place by now, because who had it has fallen silent.
    ///
    /// Otherwise a liar that names dead addresses in the networks of honest nodes would keep these
    /// from being asked.
    mutating func admitWaiting() {
        guard !waiting.isEmpty else { return }
        let candidates = waiting
        waiting.removeAll(keepingCapacity: true)
        // Who has still no place waits on.
        for candidate in candidates { _ = insert(candidate) }
    }

    /// Whether a node closer than `distance` is kept out by others of its network, none of which
    /// has answered.
    func isKeptOut(closerThan distance: Distance) -> Bool {
        waiting.prefix { $0.distance < distance }.contains { candidate in
            let network = candidate.endpoint.network
            let holders = storage.filter { $0.endpoint.network == network }
            return holders.count < Self.turnsOfNetwork
                && !holders.contains { $0.state == .answered }
        }
    }

    /// Whether the node that named a candidate has named too many that stayed silent.
    ///
    /// A liar can fill the top of the list with close but dead addresses; those are asked last.
    func isDoubtful(_ candidate: Candidate) -> Bool {
        guard candidate.referrer != Candidate.none else { return false }
        let referrer = self[candidate.referrer]
        return referrer.answeredReferrals == 0
            && Int(referrer.silentReferrals) >= silentReferralsLimit
    }

    /// Where a distance belongs in `order`.
    private func position(of distance: Distance) -> Int {
        var low = 0
        var high = order.count
        while low < high {
            let middle = (low + high) / 2
            if self[order[middle]].distance < distance { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// One node of a shortlist and what became of our query to it.
package struct Candidate: Sendable {
    package fileprivate(set) var distance: Distance
    package let endpoint: Endpoint
    package var sentAt = DHTInstant.distantPast
    /// When its query was settled.
    package var endedAt = DHTInstant.distantPast
    /// A fresh candidate is passed over until then: its node has had its share of packets.
    package var deferredUntil = DHTInstant.distantPast
    package var state = State.fresh
    package var wave = Wave.alpha
    /// The length of the referral chain that led here.
    package let hop: UInt8
    /// The place of the node that named it, or `none`.
    package var referrer = Candidate.none
    package fileprivate(set) var isIdentified = true
    /// Whether it answered late, or not at all, when last asked.
    package fileprivate(set) var isLikelyToStall = false
    /// Whether it was stalled at any time.
    package var wasStalled = false
    /// The position of its query among those of the lookup, from 1; 0 when not asked.
    package var turn: UInt8 = 0
    /// What it gave.
    package var nodesGiven: UInt8 = 0
    package var valuesGiven: UInt8 = 0
    /// Of what it named: asked and silent for longer than the hedge delay.
    package var silentReferrals: UInt8 = 0
    /// Of what it named: answered.
    package var answeredReferrals: UInt8 = 0
    /// Its write token.
    package var token: [UInt8] = []

    static let none = UInt8.max

    init(distance: Distance, endpoint: Endpoint, hop: UInt8) {
        self.distance = distance
        self.endpoint = endpoint
        self.hop = hop
    }

    /// Where a query stands.
    package enum State: Equatable, Sendable {
        case fresh
        /// Asked less than a hedge delay ago.
        case open
        /// Not answered within the hedge delay: still open, and opens a slot of the second wave.
        case stalled
        /// Stalled for so long that a complete lookup no longer waits for it; still open.
        case overdue
        case answered
        case failed(Failure)

        /// Whether an answer may still come.
        package var isUnderWay: Bool {
            self == .open || self == .stalled || self == .overdue
        }
    }

    /// Why a query gave nothing.
    package enum Failure: Equatable, Sendable {
        case timeout
        /// The node answered with an error.
        case refused
        /// Another id answered, or what came was no answer to the question.
        case badReply
        /// The query could not be sent.
        case unsent
    }
}

/// Which of the two waves a query belongs to.
package enum Wave: Equatable, Sendable {
    /// One of the alpha slots.
    case alpha
    /// A slot that a stalled query opened: a hedge.
    case beta
}
