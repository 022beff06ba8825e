/// One iterative Kademlia traversal with hedging (DHT.md section 2): facts and time in, the next
/// query out.
///
/// It keeps alpha queries in flight at the top of its shortlist. A query that has not been answered
/// after the hedge delay is stalled: it stays open, and opens one more slot, up to beta of them.
/// The owner sends what `nextQuery` names, reports what came back, and asks `ending` when to stop.
package struct Lookup: Sendable {
    package let goal: LookupGoal
    package let family: AddressFamily
    package let startedAt: DHTInstant
    package let deadline: DHTInstant
    let settings: LookupSettings
    /// Answers among the k closest that it needs: k for a write, a quorum for a read.
    let quorum: Int
    /// Whether it is the search of a write, which no result ends.
    let needsAllTokens: Bool
    /// Whether it does without a few nodes that it would have to wait for.
    let givesWay: Bool
    /// Delays now in force; the owner renews them as reply times change.
    package var delays: Delays
    package internal(set) var shortlist: Shortlist
    package internal(set) var report = LookupReport()
    /// In the order of discovery.
    package internal(set) var providers: [FoundPeer] = []
    /// The place of the node that named each of them first.
    var providerSources: [UInt8] = []
    package internal(set) var item: StoredItem?
    /// Nodes that named a provider or gave a valid item.
    var givers = 0
    /// Queries to doubtful candidates.
    private var doubtfulAsked = 0
    /// The distances of nodes that were named at the end of too long a chain, the closest first.
    private var cappedAt: [Distance] = []

    /// When a query is stalled, when a complete lookup stops waiting for it, when it has failed.
    package struct Delays: Equatable, Sendable {
        package var hedge: TimeSpan
        package var settle: TimeSpan
        package var timeout: TimeSpan

        package init(hedge: TimeSpan, settle: TimeSpan, timeout: TimeSpan) {
            self.hedge = hedge
            self.settle = settle
            self.timeout = timeout
        }
    }

    package init(
        _ goal: LookupGoal,
        target: NodeID,
        family: AddressFamily,
        settings: LookupSettings,
        allowsSharedNetworks: Bool,
        delays: Delays,
        needsAllTokens: Bool = false,
        givesWay: Bool = false,
        deadline: DHTInstant,
        at now: DHTInstant
    ) {
        self.goal = goal
        self.family = family
        self.settings = settings
        self.delays = delays
        self.deadline = deadline
        startedAt = now
        self.needsAllTokens = needsAllTokens
        self.givesWay = givesWay
        quorum = needsAllTokens ? settings.k : min(settings.quorum, settings.k)
        shortlist = Shortlist(
            target: target,
            capacity: settings.shortlistCapacity,
            allowsSharedNetworks: allowsSharedNetworks,
            silentReferralsLimit: settings.silentReferralsLimit
        )
    }

    package var target: NodeID { shortlist.target }
}

// MARK: - What to ask next

extension Lookup {
    /// A query to be sent.
    package struct Next: Equatable, Sendable {
        package let place: UInt8
        package let endpoint: Endpoint
        package let wave: Wave
    }

    /// The next query that has a free slot; nil when none has.
    ///
    /// Slots are counted at the top of the list only: a step towards the target does not wait for
    /// stragglers that closer candidates have pushed down.
    package func nextQuery(at now: DHTInstant) -> Next? {
        guard report.queried < settings.packetBudget else { return nil }
        if let place = shortlist.firstToAsk(at: now), shortlist.openObligations < settings.alpha {
            return Next(place: place, endpoint: shortlist[place].endpoint, wave: .alpha)
        }
        let (open, stalled) = queriesAtTheTop(at: now)
        guard open < settings.alpha + min(settings.beta, stalled) else { return nil }
        let wave = open < settings.alpha ? Wave.alpha : .beta
        var answered = 0
        var overdue = 0
        /// A fresh candidate that is only taken when nothing better is in reach.
        var secondBest: Next?
        for place in shortlist.order {
            let candidate = shortlist[place]
            if candidate.state == .answered { answered += 1 }
            if candidate.state == .overdue { overdue += 1 }
            if answered == settings.k { break }
            // But for the doubtful ones above, the k closest are settled: what is below is no use.
            if secondBest != nil, isEnough(answered: answered, overdue: overdue) { break }
            guard candidate.state == .fresh, candidate.deferredUntil <= now else { continue }
            let next = Next(place: place, endpoint: candidate.endpoint, wave: wave)
            if isLastChoice(candidate, wave) {
                secondBest = secondBest ?? next
            } else {
                return next
            }
        }
        return secondBest
    }

    private func isLastChoice(_ candidate: Candidate, _ wave: Wave) -> Bool {
        candidate.isLikelyToStall || shortlist.isDoubtful(candidate)
            || (wave == .beta && sharesNetworkWithStalled(candidate))
    }

    /// Whether one result ends the lookup, so that it need not hear all of the closest.
    var endsEarly: Bool {
        switch goal {
        case .peers, .immutable: true
        case .nodes, .mutable: false
        }
    }

    /// The queries that hold a slot, and how many of them are stalled.
    ///
    /// An overdue query holds none: by the reply times of late it is lost, though it may answer.
    /// Without hedging (beta 0) every query keeps its slot until it has failed.
    private func queriesAtTheTop(at now: DHTInstant) -> (open: Int, stalled: Int) {
        // With fewer, all of the top could be asked and further queries would hold no slot.
        let top = max(settings.topOfList, settings.k + settings.alpha + settings.beta)
        var position = 0
        let overdueKeepsSlot = settings.overdueKeepsSlot ?? (settings.beta == 0)
        var open = 0
        var stalled = 0
        for place in shortlist.order where position < top {
            let candidate = shortlist[place]
            switch candidate.state {
            // Those that are passed over do not push what is asked instead out of the top.
            case .failed: continue
            case .fresh where candidate.deferredUntil > now || shortlist.isDoubtful(candidate):
                continue
            case .fresh, .answered: break
            case .overdue: open += overdueKeepsSlot ? 1 : 0
            case .open: open += 1
            case .stalled:
                open += 1
                stalled += 1
            }
            position += 1
        }
        return (open, stalled)
    }

    /// Takes note that a query was sent.
    package mutating func sent(_ next: Next, byteCount: Int, at now: DHTInstant) {
        report.queried += 1
        report.bytesSent += byteCount
        if shortlist.isDoubtful(shortlist[next.place]) { doubtfulAsked += 1 }
        if next.wave == .beta { report.hedged += 1 }
        shortlist[next.place].state = .open
        shortlist[next.place].wave = next.wave
        shortlist[next.place].sentAt = now
        shortlist[next.place].turn = UInt8(clamping: report.queried)
    }

    /// Passes over a candidate until its node may be sent another packet.
    package mutating func deferCandidate(_ place: UInt8, until time: DHTInstant) {
        shortlist[place].deferredUntil = time
    }

    /// Whether a hedge would go to the network that is already being waited for.
    private func sharesNetworkWithStalled(_ candidate: Candidate) -> Bool {
        let network = candidate.endpoint.network
        return shortlist.order.contains { place in
            let other = shortlist[place]
            return (other.state == .stalled || other.state == .overdue)
                && other.endpoint.network == network
        }
    }
}

// MARK: - Time

extension Lookup {
    /// Marks what has become stalled or overdue by now.
    package mutating func advance(to now: DHTInstant) {
        for place in shortlist.order where shortlist[place].state.isUnderWay {
            let age = now.since(shortlist[place].sentAt)
            if shortlist[place].state == .open, age >= delays.hedge { stall(place) }
            if shortlist[place].state == .stalled, age >= delays.settle {
                shortlist[place].state = .overdue
            }
        }
    }

    /// When `advance` or `ending` has something new to say.
    package func nextWake(after now: DHTInstant) -> DHTInstant {
        var wake = deadline
        for place in shortlist.order {
            let candidate = shortlist[place]
            switch candidate.state {
            case .open: wake = min(wake, candidate.sentAt + delays.hedge)
            case .stalled: wake = min(wake, candidate.sentAt + delays.settle)
            case .fresh where candidate.deferredUntil > now:
                wake = min(wake, candidate.deferredUntil)
            case .fresh, .overdue, .answered, .failed: break
            }
        }
        return max(wake, now)
    }

    private mutating func stall(_ place: UInt8) {
        shortlist[place].state = .stalled
        shortlist[place].wasStalled = true
        report.stalled += 1
        countReferral(of: place, silent: 1)
        shortlist.admitWaiting()
    }

    func referrer(of place: UInt8) -> UInt8? {
        let referrer = shortlist[place].referrer
        return referrer == Candidate.none ? nil : referrer
    }

    mutating func countReferral(of place: UInt8, silent: Int) {
        guard let referrer = referrer(of: place) else { return }
        let count = Int(shortlist[referrer].silentReferrals) + silent
        shortlist[referrer].silentReferrals = UInt8(clamping: max(0, count))
    }
}

// MARK: - The end

extension Lookup {
    /// How the lookup has ended by now; nil while it goes on.
    package func ending(at now: DHTInstant) -> LookupEnd? {
        if isSatisfied { return .satisfied }
        if let end = exhaustion { return end }
        guard now >= deadline else { return nil }
        if case .settled = settlement, mayEnd { return completeEnd }
        return .deadline
    }

    /// Whether the goal was reached before everything was asked.
    package var isSatisfied: Bool {
        switch goal {
        case _ where needsAllTokens: false
        case .nodes, .mutable: false
        case .peers(_, let enough):
            providers.count >= enough.providers && givers >= enough.responders
        case .immutable: item != nil
        }
    }

    /// Whether an answer may still come.
    package var hasQueriesUnderWay: Bool {
        shortlist.order.contains { shortlist[$0].state.isUnderWay }
    }

    /// The end that the state of the queries implies, whatever the time.
    private var exhaustion: LookupEnd? {
        if shortlist.count == 0 { return .noContacts }
        switch settlement {
        // With empty hands whoever may still answer is waited for, for as long as there is time.
        case .settled(let isAwaiting) where isAwaiting && isEmptyHanded: return nil
        case .settled where !mayEnd: return hasQueriesUnderWay ? nil : .tooFewAnswers
        case .settled: return completeEnd
        case .butForDoubtful:
            if report.queried >= settings.packetBudget { return .packetBudget }
            if doubtfulAsked >= settings.doubtfulLimit { return .tooFewAnswers }
            return nil
        case .open: break
        }
        var anyFresh = false
        for place in shortlist.order {
            let state = shortlist[place].state
            if state.isUnderWay { return nil }
            if state == .fresh { anyFresh = true }
        }
        if anyFresh { return report.queried >= settings.packetBudget ? .packetBudget : nil }
        if report.responded == 0 { return .unreachable }
        if isCutShort { return .hopCap }
        return heardEnough && mayEnd ? .complete : .tooFewAnswers
    }

    private var completeEnd: LookupEnd { isCutShort ? .hopCap : .complete }

    /// Whether the answers speak for the network when nobody is left to ask and the k closest are
    /// not settled: a quorum of them, or those of all there are, as in a network of a few nodes.
    ///
    /// One answer amid silence says nothing of what the silent ones hold, nor do a few when our
    /// own limits kept others off the list.
    private var heardEnough: Bool {
        if report.responded >= min(settings.quorum, settings.k) { return true }
        return report.timedOut + report.failed == 0 && !shortlist.hasTurnedAway
    }

    /// How far the k closest are settled.
    private enum Settlement {
        case open
        /// There are doubtful ones among them that have not been asked yet.
        case butForDoubtful
        /// With some of them awaited, or not.
        case settled(isAwaiting: Bool)
    }

    /// Whether the k closest are settled: answered, or asked for so long that, going by the reply
    /// times of late, no answer is to be expected, with a quorum of answers among them.
    ///
    /// Silence of a few of the closest is the rule in a network where every third node ignores
    /// BEP 44; waiting for their timeout buys nothing that the quorum has not. Doubtful candidates
    /// are asked last, but asked: churn makes honest referrals look like those of a liar.
    private var settlement: Settlement {
        if shortlist.hasObligations { return .open }
        var answered = 0
        var overdue = 0
        var spared = 0
        var isDoubted = false
        for place in shortlist.order {
            switch shortlist[place].state {
            case .fresh where shortlist.isDoubtful(shortlist[place]):
                isDoubted = true
                continue
            case .fresh where isDispensable(shortlist[place]) && spared < settings.k - quorum:
                spared += 1
                overdue += 1
            case .fresh, .open, .stalled: return .open
            case .failed: continue
            case .answered: answered += 1
            case .overdue: overdue += 1
            }
            if isEnough(answered: answered, overdue: overdue) {
                return isDoubted ? .butForDoubtful : .settled(isAwaiting: overdue > spared)
            }
        }
        return .open
    }

    /// Whether a candidate that has not been asked may count as silent: its node has had its share
    /// of packets, and whoever gives way leaves it to others.
    ///
    /// Not while nothing has been found, for then it might be there.
    func isDispensable(_ candidate: Candidate) -> Bool {
        givesWay && candidate.deferredUntil > .distantPast && !isEmptyHanded
    }

    private func isEnough(answered: Int, overdue: Int) -> Bool {
        answered >= quorum && answered + overdue >= settings.k
    }

    /// Whether a node closer than the k-th answer was left out because of the hop cap.
    private var isCutShort: Bool {
        guard let closest = cappedAt.first else { return false }
        return distanceOfKthAnswer.map { closest < $0 } ?? true
    }

    /// How far the k-th answer is; nil while there are fewer.
    var distanceOfKthAnswer: Distance? {
        let answered = shortlist.order.lazy.filter { shortlist[$0].state == .answered }
        return answered.dropFirst(settings.k - 1).first.map { shortlist[$0].distance }
    }

    /// Takes note of a node that was not followed because of the hop cap.
    mutating func capped(at distance: Distance) {
        let index = cappedAt.firstIndex { distance <= $0 } ?? cappedAt.endIndex
        if index < cappedAt.endIndex, cappedAt[index] == distance { return }
        cappedAt.insert(distance, at: index)
        // More than are ever asked; the closest decide.
        if cappedAt.count > settings.shortlistCapacity { cappedAt.removeLast() }
    }

    /// Takes note that a shorter chain has led to a node after all.
    mutating func uncap(at distance: Distance) {
        cappedAt.removeAll { $0 == distance }
    }
}
