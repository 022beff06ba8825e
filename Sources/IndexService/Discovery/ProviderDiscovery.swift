internal import Cache
internal import DHTClient
internal import DHTCore

/// Finds providers in the DHT: one hedged lookup, within its deadline, told as it went.
struct ProviderDiscovery: Sendable {
    /// How much a lookup is to find before it answers.
    enum Effort: Sendable {
        /// Somebody waits: the first provider will do, a thorough lookup can follow.
        case first
        /// Nobody waits: all of the closest nodes are asked.
        case thorough
    }

    let client: MainlineClient
    /// The longest that one lookup may take, in nanoseconds.
    let budget: UInt64

    /// Looks for providers of `id`; every family that the client speaks is asked.
    ///
    /// - Parameter deadline: whoever waits is gone then; the lookup ends at the latest.
    func providers(
        of id: ContentID,
        effort: Effort,
        by deadline: MonotonicInstant
    ) async -> Discovered {
        let now = MonotonicInstant.now()
        let time = min(deadline.nanoseconds(since: now), budget)
        let end = DHTInstant.now + TimeSpan(nanoseconds: Int64(clamping: time))
        let enough = LookupGoal.Enough(providers: effort == .first ? 1 : .max)
        let goal = LookupGoal.peers(id.infoHash, enough)
        return await withTaskGroup(of: Discovered.self) { group in
            for family in Set(client.endpoints.map(\.family)) {
                group.addTask { await look(for: goal, in: family, by: end) }
            }
            return await group.reduce(into: Discovered(.absent)) { $0.merge($1) }
        }
    }

    private func look(
        for goal: LookupGoal,
        in family: AddressFamily,
        by deadline: DHTInstant
    ) async -> Discovered {
        do {
            let options = LookupOptions(family: family)
            let result = try await client.lookup(goal, options: options, deadline: deadline)
            return Discovered(result, at: .now())
        } catch {
            return Discovered(error)
        }
    }
}

/// What the DHT said of a content id.
struct Discovered: Sendable {
    /// The three truths (contract, section 3.4).
    enum Verdict: Sendable, Equatable {
        case found
        /// Asked everywhere, and nobody has announced it.
        case absent
        /// Could not look, or not to the end; never said as absent.
        case unknown(Obstacle)
    }

    /// Why a lookup says nothing about what is there.
    enum Obstacle: Sendable, Equatable {
        /// The deadline passed first.
        case deadline
        /// As many lookups as allowed are running.
        case overCapacity
        /// No socket, no nodes, nobody who answers.
        case unreachable
    }

    var verdict: Verdict
    var providers: [Provider] = []
    /// Whether all was asked that should have been.
    var isComplete = true
    /// Whether a more thorough lookup may find more.
    var isEarly = false
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
            case .unknown: .unknown(Obstacle(end))
            }
        isComplete = end == .complete || end == .satisfied
        isEarly = end == .satisfied
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

    init(_ error: MainlineError) {
        switch error {
        case .refused(.tooManyLookups): self.init(.unknown(.overCapacity))
        case .refused(.deadlinePassed): self.init(.unknown(.deadline))
        default: self.init(.unknown(.unreachable))
        }
        isComplete = false
    }

    /// Takes in what was found elsewhere; the same parts in any order make the same whole.
    mutating func merge(_ other: Discovered) {
        let known = Set(providers.map(\.id))
        providers += other.providers.filter { !known.contains($0.id) }
        providers.sort { $0.id < $1.id }
        isComplete = isComplete && other.isComplete
        isEarly = isEarly || other.isEarly
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
    fileprivate init(_ end: LookupEnd) {
        switch end {
        case .deadline, .hopCap, .packetBudget, .complete, .satisfied: self = .deadline
        case .noContacts, .unreachable, .cancelled: self = .unreachable
        }
    }

    private var rank: Int {
        switch self {
        case .overCapacity: 0
        case .deadline: 1
        case .unreachable: 2
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

    /// Two families' lookups as one: the sums, and the first winner's wave.
    func merged(with other: LookupSummary?) -> LookupSummary {
        guard let other else { return self }
        var sum = self
        sum.hops = max(hops, other.hops)
        sum.queried += other.queried
        sum.responded += other.responded
        sum.hedged += other.hedged
        if winner == .none { sum.winner = other.winner }
        sum.elapsedMilliseconds = max(elapsedMilliseconds, other.elapsedMilliseconds)
        return sum
    }
}
