/// What answers bring: contacts, providers, items.
extension Lookup {
    /// Offers a contact of the own table, which is hop 1.
    ///
    /// One that is likely to stall, going by its last answers, is asked after the others.
    package mutating func start(
        with id: NodeID,
        _ endpoint: Endpoint,
        isLikelyToStall: Bool = false
    ) {
        let outcome = shortlist.offer(id, endpoint, hop: 1, referrer: nil)
        guard isLikelyToStall, settings.asksSlowContactsLast, outcome == .added, endsEarly
        else { return }
        shortlist.markLikelyToStall(endpoint)
    }

    /// Offers a bootstrap node, of which only the address is known.
    ///
    /// One that must be asked is asked before all others, in the order of offering, and the lookup
    /// does not end before it has answered or is overdue, however close others are: it may know a
    /// part of the network that those do not, or be honest where they are not.
    package mutating func start(withBootstrap endpoint: Endpoint, mustBeAsked: Bool = false) {
        _ = shortlist.offer(unidentified: endpoint)
        if mustBeAsked { shortlist.oblige(endpoint) }
    }

    /// A candidate has answered; what it said follows with `learn`, `found` and `received`.
    ///
    /// False when its query was not open any more.
    package mutating func answered(
        _ place: UInt8,
        by id: NodeID,
        byteCount: Int,
        at now: DHTInstant
    ) -> Bool {
        guard shortlist[place].state.isUnderWay else { return false }
        report.responded += 1
        report.bytesReceived += byteCount
        if shortlist[place].wasStalled { countReferral(of: place, silent: -1) }
        let isAsNamed = shortlist.id(of: place).map { $0 == id } ?? true
        if isAsNamed, let referrer = referrer(of: place) {
            let count = Int(shortlist[referrer].answeredReferrals) + 1
            shortlist[referrer].answeredReferrals = UInt8(clamping: count)
        }
        // Whoever named it under another id must not hide it: it answers for what it is.
        if shortlist.id(of: place) != id { shortlist.identify(place, as: id) }
        shortlist[place].state = .answered
        shortlist[place].endedAt = now
        if case .nodes = goal, report.winner == nil { report.firstResult = now.since(startedAt) }
        return true
    }

    /// A candidate's query has come to nothing.
    package mutating func failed(_ place: UInt8, _ failure: Candidate.Failure, at now: DHTInstant) {
        guard shortlist[place].state.isUnderWay else { return }
        if shortlist[place].state == .open, failure == .timeout {
            shortlist[place].wasStalled = true
            report.stalled += 1
            countReferral(of: place, silent: 1)
        }
        shortlist[place].state = .failed(failure)
        shortlist[place].endedAt = now
        if failure == .timeout { report.timedOut += 1 } else { report.failed += 1 }
        shortlist.admitWaiting()
    }

    /// A node that an answer named; nil when the hop cap keeps it from being asked.
    @discardableResult
    package mutating func learn(
        _ id: NodeID,
        _ endpoint: Endpoint,
        from place: UInt8
    ) -> Shortlist.Outcome? {
        let given = Int(shortlist[place].nodesGiven) + 1
        shortlist[place].nodesGiven = UInt8(clamping: given)
        let hop = Int(shortlist[place].hop) + 1
        let distance = id.distance(to: target)
        guard hop <= settings.hopCap else {
            if !shortlist.contains(endpoint) { capped(at: distance) }
            return nil
        }
        let outcome = shortlist.offer(id, endpoint, hop: UInt8(clamping: hop), referrer: place)
        switch outcome {
        case .added: uncap(at: distance)
        case .known: vouch(for: endpoint, by: place)
        case .tooFar, .sharedNetwork: break
        }
        return outcome
    }

    /// A second node names a candidate, so it no longer hangs on the word of the first alone.
    private mutating func vouch(for endpoint: Endpoint, by place: UInt8) {
        for known in shortlist.order where shortlist[known].endpoint == endpoint {
            guard shortlist[known].state == .fresh, shortlist[known].referrer != place else {
                return
            }
            shortlist[known].referrer = Candidate.none
            return
        }
    }

    /// Something that an answer named was no good.
    package mutating func discarded(_ count: Int = 1) {
        report.discarded += count
    }

    /// Providers that one answer named; call once per answer, with all of them.
    ///
    /// Returns how many providers had to go, these or earlier ones.
    @discardableResult
    package mutating func found(
        _ peers: [Endpoint],
        from place: UInt8,
        at now: DHTInstant
    ) -> Int {
        var named: Set<Endpoint> = []
        var dropped = 0
        // What is named twice in one answer is still the word of one node.
        for peer in peers where named.insert(peer).inserted {
            if let known = providers.firstIndex(where: { $0.endpoint == peer }) {
                providers[known].sightings += 1
            } else {
                providers.append(FoundPeer(endpoint: peer, sightings: 1))
                providerSources.append(place)
                if providers.count > settings.providersLimit {
                    dropProvider()
                    dropped += 1
                }
            }
            let given = Int(shortlist[place].valuesGiven) + 1
            shortlist[place].valuesGiven = UInt8(clamping: given)
        }
        guard !named.isEmpty else { return 0 }
        givers += 1
        tookResult(from: place, at: now)
        return dropped
    }

    /// Makes room for a provider: the node that named the most first loses the one that the fewest
    /// have named, so that no liar, however early, crowds out what others name.
    ///
    /// Of equals the one that sorts last goes, whatever the order in which they came.
    private mutating func dropProvider() {
        var shares = [Int](repeating: 0, count: 256)
        for source in providerSources { shares[Int(source)] += 1 }
        let most = shares.max() ?? 0
        var dropped: Int?
        for index in providers.indices where shares[Int(providerSources[index])] == most {
            guard let other = dropped else {
                dropped = index
                continue
            }
            let (one, two) = (providers[index], providers[other])
            let isLess =
                one.sightings == two.sightings
                ? one.endpoint.sortKey > two.endpoint.sortKey : one.sightings < two.sightings
            if isLess { dropped = index }
        }
        guard let dropped else { return }
        providers.remove(at: dropped)
        providerSources.remove(at: dropped)
    }

    /// What became of an item that an answer carried.
    package enum ItemOutcome: Sendable {
        case taken
        /// Older than the one that is known.
        case older
        case forged
    }

    /// An item that an answer carried.
    ///
    /// Verified here, so nothing unproven is ever kept.
    @discardableResult
    package mutating func received(
        _ candidate: StoredItem,
        from place: UInt8,
        _ cryptography: ItemCryptography,
        at now: DHTInstant
    ) -> ItemOutcome {
        // The same item again proves nothing new and costs no signature check.
        // Neither is the signature of an older one of interest.
        if item != candidate {
            guard item.map({ candidate.supersedes($0) }) ?? true else { return .older }
            guard candidate.target(cryptography) == target, candidate.isAuthentic(cryptography)
            else {
                report.forged += 1
                return .forged
            }
            item = candidate
        }
        shortlist[place].valuesGiven = 1
        givers += 1
        tookResult(from: place, at: now)
        return .taken
    }

    /// Keeps the write token of a node.
    package mutating func keepToken(_ token: [UInt8], of place: UInt8) {
        guard token.count <= settings.tokenLimit else { return discarded() }
        shortlist[place].token = token
    }

    private mutating func tookResult(from place: UInt8, at now: DHTInstant) {
        if report.firstResult == nil {
            report.firstResult = now.since(startedAt)
            report.hops = Int(shortlist[place].hop)
        }
        let isSatisfying =
            switch goal {
            case .mutable: true
            case .nodes, .peers, .immutable: isSatisfied
            }
        if isSatisfying, report.winner == nil { report.winner = shortlist[place].wave }
    }
}

// MARK: - The outcome

extension Lookup {
    /// The outcome as it stands.
    func result(_ id: LookupID, end: LookupEnd, traced: Bool, at now: DHTInstant) -> LookupResult {
        var report = report
        report.end = end
        report.elapsed = now.since(startedAt)
        report.hedgeDelay = delays.hedge
        let answered = shortlist.order.filter { shortlist[$0].state == .answered }
        if case .nodes = goal, let first = answered.first {
            report.hops = Int(shortlist[first].hop)
            report.winner = shortlist[first].wave
        }
        return LookupResult(
            id: id,
            goal: goal,
            target: target,
            family: family,
            report: report,
            providers: providers.sorted { $0.endpoint.sortKey < $1.endpoint.sortKey },
            item: item,
            closest: answered.prefix(settings.k).compactMap { place in
                shortlist.id(of: place).map {
                    LookupResult.NodeInfo(id: $0, endpoint: shortlist[place].endpoint)
                }
            },
            trace: traced ? trace : [],
            write: nil,
            isHarvesting: false
        )
    }

    /// Every query in the order of sending.
    private var trace: [QueryTrace] {
        shortlist.order.compactMap { place -> QueryTrace? in
            let candidate = shortlist[place]
            guard candidate.turn > 0 else { return nil }
            return QueryTrace(
                id: shortlist.id(of: place),
                endpoint: candidate.endpoint,
                wave: candidate.wave,
                hop: Int(candidate.hop),
                turn: Int(candidate.turn),
                sent: candidate.sentAt.since(startedAt),
                took: candidate.state.isUnderWay
                    ? nil : candidate.endedAt.since(candidate.sentAt),
                wasStalled: candidate.wasStalled,
                state: candidate.state,
                nodesGiven: Int(candidate.nodesGiven),
                valuesGiven: Int(candidate.valuesGiven)
            )
        }
        .sorted { $0.turn < $1.turn }
    }
}

extension Endpoint {
    /// A total order for output: by family, address and port.
    var sortKey: SortKey { SortKey(endpoint: self) }

    struct SortKey: Comparable {
        let endpoint: Endpoint

        static func < (left: SortKey, right: SortKey) -> Bool {
            let (a, b) = (left.endpoint, right.endpoint)
            return (a.family.rawValue, a.high, a.low, a.port)
                < (b.family.rawValue, b.high, b.low, b.port)
        }
    }
}
