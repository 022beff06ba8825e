internal import DHTClient
internal import DHTCore

/// What the DHT said of a content id.
struct Discovered: Sendable, Equatable {
    /// The three truths (contract, section 3.4).
    enum Verdict: Sendable, Equatable {
        case found
        /// Asked everywhere, and nobody has announced it.
        case absent
        /// Could not look, or not to the end; never said as absent.
        case unknown(Obstacle)
    }

    /// Why a lookup says nothing about what is there.
    enum Obstacle: Error, Equatable {
        /// The deadline passed first.
        case deadline
        /// As many lookups as allowed are running, or their queries as often as allowed.
        case overCapacity
        /// No socket, no nodes, nobody who answers.
        case unreachable
        /// No socket of that family, or nobody who answers in it, for long: there is nobody in it
        /// whom this host can ask.
        case familyGone
    }

    var verdict: Verdict
    var providers: [Provider] = []
    /// Why not all was asked that should have been; nil when it was.
    var obstacle: Obstacle?
    var isComplete: Bool { obstacle == nil }
    /// Whether a more thorough lookup may find more.
    var isEarly = false
    /// Families that were asked to the end: they have no other providers.
    var exhausted: Set<AddressFamily> = []
    var lookup: LookupSummary?

    init(_ verdict: Verdict) {
        self.verdict = verdict
    }

    init(_ result: LookupResult, at now: UnixTime) {
        let end = result.report.end
        verdict =
            switch result.verdict {
            case .found: .found
            case .absent: .absent
            case .unknown: .unknown(Obstacle(result.report))
            }
        obstacle = end == .complete || end == .satisfied ? nil : Obstacle(result.report)
        isEarly = end == .satisfied
        if end == .complete { exhausted = [result.family] }
        lookup = LookupSummary(result.report)
        providers = result.providers.compactMap { peer in
            guard let address = try? ProviderAddress(parsing: peer.endpoint.description) else {
                return nil
            }
            return Provider(
                id: ProviderID(derivedFrom: address),
                address: address,
                lastSeen: now,
                source: .dht
            )
        }
    }

    init(_ obstacle: Obstacle) {
        self.init(.unknown(obstacle))
        self.obstacle = obstacle
    }

    /// Takes in what was found elsewhere; the same parts in any order make the same whole.
    mutating func merge(_ other: Discovered) {
        // One id is one address: they can differ in when it was seen.
        let all = (providers + other.providers).map { ($0.id, $0) }
        let newest = Dictionary(all) { $0.lastSeen < $1.lastSeen ? $1 : $0 }
        providers = newest.values.sorted { $0.id < $1.id }
        obstacle = [obstacle, other.obstacle].compactMap(\.self).min()
        isEarly = isEarly || other.isEarly
        exhausted.formUnion(other.exhausted)
        lookup = lookup.map { $0.merged(with: other.lookup) } ?? other.lookup
        switch (verdict, other.verdict) {
        case (.found, _), (_, .found): verdict = .found
        case (.unknown(let one), .unknown(let two)): verdict = .unknown(min(one, two))
        case (.unknown, .absent): break
        case (.absent, let verdict): self.verdict = verdict
        }
    }
}

extension Discovered.Obstacle: Comparable {
    init(_ error: MainlineError) {
        switch error {
        case .refused(.tooManyLookups): self = .overCapacity
        case .refused(.deadlinePassed): self = .deadline
        case .familyGone: self = .familyGone
        default: self = .unreachable
        }
    }

    init(_ report: LookupReport) {
        switch report.end {
        case .deadline where report.isHeldBack: self = .overCapacity
        // The deadline came first, but longer would not have helped.
        case .deadline where report.responded == 0: self = .unreachable
        case .deadline, .hopCap, .packetBudget, .complete, .satisfied: self = .deadline
        case .noContacts, .unreachable, .tooFewAnswers, .cancelled: self = .unreachable
        }
    }

    /// Whether it says something about us and nothing about the network.
    var isOurs: Bool {
        switch self {
        case .overCapacity, .deadline: true
        case .unreachable, .familyGone: false
        }
    }

    private var rank: Int {
        switch self {
        case .overCapacity: 0
        case .deadline: 1
        case .unreachable: 2
        case .familyGone: 3
        }
    }

    /// The one that trying again helps most comes first.
    static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }
}

/// What a lookup cost, as an answer tells it (contract, section 3.2).
struct LookupSummary: Sendable, Equatable {
    enum Winner: String, Sendable {
        case alpha, beta, none
    }

    var hops: Int
    var queried: Int
    var responded: Int
    var hedged: Int
    var winner: Winner
    var elapsedMilliseconds: Int

    init(_ report: LookupReport) {
        hops = report.hops
        queried = report.queried
        responded = report.responded
        hedged = report.hedged
        winner =
            switch report.winner {
            case .alpha: .alpha
            case .beta: .beta
            case nil: .none
            }
        elapsedMilliseconds = Int(report.elapsed.milliseconds.rounded())
    }

    /// Two families' lookups as one: the sums, and the first wave where either was won by it.
    func merged(with other: LookupSummary?) -> LookupSummary {
        guard let other else { return self }
        var sum = self
        sum.hops = max(hops, other.hops)
        sum.queried += other.queried
        sum.responded += other.responded
        sum.hedged += other.hedged
        if winner == .none || other.winner == .alpha { sum.winner = other.winner }
        sum.elapsedMilliseconds = max(elapsedMilliseconds, other.elapsedMilliseconds)
        return sum
    }
}
