import Randomness
import DHTCore
import Testing

/// The rules of DHT.md section 2, one by one, on the lookup alone.
struct LookupTests {
    static let target = NodeID.zero
    let hash = LookupTests.target

    func makeLookup(
        _ goal: LookupGoal = .peers(LookupTests.target, .init()),
        contacts: Int = 16,
        shared: Bool = false,
        deadline: Int = 1_200,
        needsAllTokens: Bool = false,
        hedge: Int = 150,
        settle: Int = 400,
        _ change: (inout LookupSettings) -> Void = { _ in }
    ) -> Lookup {
        var settings = LookupSettings()
        change(&settings)
        var lookup = Lookup(
            goal,
            target: Self.target,
            family: .v4,
            settings: settings,
            allowsSharedNetworks: shared,
            delays: Lookup.Delays(
                hedge: .milliseconds(hedge),
                settle: .milliseconds(settle),
                timeout: .milliseconds(1_000)
            ),
            needsAllTokens: needsAllTokens,
            deadline: makeTime(deadline),
            at: makeTime(0)
        )
        for number in 0..<contacts { lookup.start(with: id(number), makeEndpoint(number)) }
        return lookup
    }

    /// Contact n is the n-th closest of the own table.
    func id(_ number: Int) -> NodeID { NodeID(high: UInt64(number + 1) << 32, middle: 0, low: 0) }

    /// Contacts that answers name; all closer than those of the own table.
    func nearID(_ number: Int) -> NodeID { NodeID(high: UInt64(number + 1), middle: 0, low: 0) }

    /// Sends everything that has a slot.
    @discardableResult
    func send(_ lookup: inout Lookup, at time: Int) -> [Lookup.Next] {
        var sent: [Lookup.Next] = []
        while let next = lookup.nextQuery(at: makeTime(time)) {
            lookup.sent(next, byteCount: 100, at: makeTime(time))
            sent.append(next)
        }
        #expect(lookup.brokenInvariant == nil)
        return sent
    }

    func answer(_ lookup: inout Lookup, _ next: Lookup.Next, at time: Int) throws {
        let id = lookup.shortlist.id(of: next.place) ?? nearID(900 + Int(next.place))
        #expect(lookup.answered(next.place, by: id, byteCount: 300, at: makeTime(time)) == true)
        #expect(lookup.brokenInvariant == nil)
    }

    @Test func alphaQueriesGoToTheClosest() {
        var lookup = makeLookup()
        let sent = send(&lookup, at: 0)
        #expect(sent.map(\.endpoint) == (0..<3).map { makeEndpoint($0) })
        #expect(sent.allSatisfy { $0.wave == .alpha })
    }

    @Test func aContactThatAnsweredLateIsAskedAfterTheOthers() {
        func firstAsked(_ goal: LookupGoal, asksLast: Bool = true) -> [Endpoint] {
            var lookup = makeLookup(goal, contacts: 0) { $0.asksSlowContactsLast = asksLast }
            for number in 0..<4 {
                let endpoint = makeEndpoint(number)
                lookup.start(with: id(number), endpoint, isLikelyToStall: number == 1)
            }
            return send(&lookup, at: 0).map(\.endpoint)
        }
        let closest = (0..<3).map { makeEndpoint($0) }
        #expect(firstAsked(.peers(hash, .init())) == [0, 2, 3].map { makeEndpoint($0) })
        #expect(firstAsked(.peers(hash, .init()), asksLast: false) == closest)
        // A lookup that must hear all of the closest had better ask the slow ones soon.
        #expect(firstAsked(.nodes(hash)) == closest)
    }

    @Test func stalledQueriesOpenUpToBetaSlots() {
        var lookup = makeLookup()
        send(&lookup, at: 0)
        lookup.advance(to: makeTime(149))
        #expect(send(&lookup, at: 149).isEmpty)
        lookup.advance(to: makeTime(150))
        let hedges = send(&lookup, at: 150)
        #expect(hedges.map(\.endpoint) == [makeEndpoint(3), makeEndpoint(4)])
        #expect(hedges.allSatisfy { $0.wave == .beta })
        #expect(lookup.report.hedged == 2)
        #expect(lookup.report.stalled == 3)
    }

    @Test func withoutBetaNothingIsHedged() {
        var lookup = makeLookup { $0.beta = 0 }
        send(&lookup, at: 0)
        lookup.advance(to: makeTime(390))
        #expect(send(&lookup, at: 390).isEmpty)
    }

    @Test func aStalledQueryStillCountsWhenItAnswers() throws {
        var lookup = makeLookup()
        let first = try #require(send(&lookup, at: 0).first)
        lookup.advance(to: makeTime(150))
        send(&lookup, at: 150)
        try answer(&lookup, first, at: 300)
        lookup.found([makeEndpoint(500)], from: first.place, at: makeTime(300))
        #expect(lookup.ending(at: makeTime(300)) == .satisfied)
        #expect(lookup.report.winner == .alpha)
        #expect(lookup.report.firstResult == .milliseconds(300))
    }

    @Test func theWaveOfTheFirstSatisfyingAnswerWins() throws {
        var lookup = makeLookup()
        send(&lookup, at: 0)
        lookup.advance(to: makeTime(150))
        let hedge = try #require(send(&lookup, at: 150).first)
        try answer(&lookup, hedge, at: 200)
        lookup.found([makeEndpoint(500)], from: hedge.place, at: makeTime(200))
        #expect(lookup.report.winner == .beta)
        #expect(lookup.report.hedge == .win)
    }

    @Test func anOverdueQueryHoldsNoSlotButMayAnswer() throws {
        var lookup = makeLookup()
        let first = try #require(send(&lookup, at: 0).first)
        lookup.advance(to: makeTime(150))
        send(&lookup, at: 150)
        lookup.advance(to: makeTime(400))
        #expect(send(&lookup, at: 400).count == 3)
        try answer(&lookup, first, at: 900)
    }

    @Test func hedgesGoToOtherNetworksFirst() {
        var lookup = makeLookup(contacts: 0, shared: true)
        // Closest first: three in one network, a fourth there, then another network.
        for number in 0..<4 {
            lookup.start(with: id(number), Endpoint(11, 0, 0, UInt8(number + 1), port: 1))
        }
        lookup.start(with: id(4), Endpoint(12, 0, 0, 1, port: 1))
        send(&lookup, at: 0)
        lookup.advance(to: makeTime(150))
        let hedges = send(&lookup, at: 150)
        #expect(hedges.first?.endpoint == Endpoint(12, 0, 0, 1, port: 1))
        #expect(hedges.count == 2)
    }

    @Test func stragglersFarBehindHoldNoSlot() throws {
        var lookup = makeLookup { $0.topOfList = 13 }
        let sent = send(&lookup, at: 0)
        try answer(&lookup, sent[0], at: 50)
        for number in 0..<20 {
            lookup.learn(nearID(number), makeEndpoint(100 + number), from: sent[0].place)
        }
        // The two open queries have been pushed below the top, so alpha new ones go out.
        #expect(send(&lookup, at: 50).count == 3)
    }

    @Test func aNamedContactIsOneHopFurther() throws {
        var lookup = makeLookup(contacts: 1)
        var next = try #require(send(&lookup, at: 0).first)
        for hop in 1...3 {
            try answer(&lookup, next, at: hop * 20)
            lookup.learn(nearID(10 - hop), makeEndpoint(100 + hop), from: next.place)
            next = try #require(send(&lookup, at: hop * 20).first)
        }
        try answer(&lookup, next, at: 100)
        lookup.found([makeEndpoint(500)], from: next.place, at: makeTime(100))
        #expect(lookup.report.hops == 4)
    }

    @Test func chainsEndAtTheHopCap() throws {
        var lookup = makeLookup(contacts: 1) { $0.hopCap = 2 }
        var next = try #require(send(&lookup, at: 0).first)
        try answer(&lookup, next, at: 10)
        lookup.learn(nearID(5), makeEndpoint(100), from: next.place)
        next = try #require(send(&lookup, at: 10).first)
        try answer(&lookup, next, at: 20)
        lookup.learn(nearID(1), makeEndpoint(101), from: next.place)
        #expect(send(&lookup, at: 20).isEmpty)
        #expect(lookup.ending(at: makeTime(20)) == .hopCap)
    }

    @Test func aKnownNodeAtTheEndOfALongChainCutsNothingShort() throws {
        var lookup = makeLookup(contacts: 2) { $0.hopCap = 1 }
        for next in send(&lookup, at: 0) {
            try answer(&lookup, next, at: 10)
            lookup.learn(id(0), makeEndpoint(0), from: next.place)
        }
        #expect(lookup.ending(at: makeTime(20)) == .complete)
    }

    @Test func thePacketBudgetEndsIt() {
        var lookup = makeLookup { $0.packetBudget = 4 }
        var now = 0
        while lookup.ending(at: makeTime(now)) == nil, now < 1_100 {
            let sent = send(&lookup, at: now)
            now += 10
            for next in sent { lookup.failed(next.place, .timeout, at: makeTime(now)) }
        }
        #expect(lookup.report.queried == 4)
        #expect(lookup.ending(at: makeTime(now)) == .packetBudget)
    }

    @Test func theDeadlineEndsIt() {
        var lookup = makeLookup(deadline: 500)
        send(&lookup, at: 0)
        #expect(lookup.ending(at: makeTime(499)) == nil)
        #expect(lookup.ending(at: makeTime(500)) == .deadline)
        #expect(lookup.nextWake(after: makeTime(450)) <= makeTime(500))
    }

    @Test func nobodyToAskIsUnknownNotAbsent() {
        let lookup = makeLookup(contacts: 0)
        #expect(lookup.ending(at: makeTime(0)) == .noContacts)
    }

    @Test func silenceOfAllIsUnreachable() {
        var lookup = makeLookup(contacts: 2)
        for next in send(&lookup, at: 0) {
            lookup.failed(next.place, .timeout, at: makeTime(1_000))
        }
        #expect(lookup.ending(at: makeTime(1_000)) == .unreachable)
    }

    @Test func theKClosestAnswersCompleteIt() throws {
        var lookup = makeLookup()
        var answered = 0
        while lookup.ending(at: makeTime(answered)) == nil {
            let sent = send(&lookup, at: answered)
            #expect(!sent.isEmpty)
            for next in sent {
                try answer(&lookup, next, at: answered)
                answered += 1
            }
        }
        #expect(lookup.ending(at: makeTime(answered)) == .complete)
        #expect(answered == 9)
    }

    /// One of eight is silent: who has found something waits no longer than replies take.
    private func makeOverdue(_ goal: LookupGoal) throws -> Lookup {
        var lookup = makeLookup(goal)
        let sent = send(&lookup, at: 0)
        try answer(&lookup, sent[0], at: 20)
        try answer(&lookup, sent[1], at: 20)
        // Contact 2 is silent; the others answer.
        for _ in 0..<5 {
            for next in send(&lookup, at: 20) where next.place != sent[2].place {
                try answer(&lookup, next, at: 40)
            }
        }
        lookup.advance(to: makeTime(399))
        #expect(lookup.ending(at: makeTime(399)) == nil)
        lookup.advance(to: makeTime(400))
        return lookup
    }

    @Test func aReadEndsWithAQuorumWhenTheRestIsOverdue() throws {
        let lookup = try makeOverdue(.nodes(Self.target))
        #expect(lookup.ending(at: makeTime(400)) == .complete)
    }

    @Test func emptyHandsWaitForTheOverdueAsLongAsThereIsTime() throws {
        let lookup = try makeOverdue(.mutable(try makeKey(), salt: []))
        #expect(lookup.ending(at: makeTime(400)) == nil)
        #expect(lookup.ending(at: lookup.deadline) == .complete)
    }

    @Test func fourAnswersAreNoQuorum() throws {
        var lookup = makeLookup(.mutable(try makeKey(), salt: []), contacts: 8)
        var answers = 0
        for step in 0..<10 {
            for next in send(&lookup, at: step * 400) where answers < 4 {
                try answer(&lookup, next, at: step * 400)
                answers += 1
            }
            lookup.advance(to: makeTime(step * 400 + 399))
        }
        lookup.advance(to: makeTime(900))
        #expect(lookup.report.responded == 4)
        #expect(lookup.ending(at: makeTime(900)) == nil)
    }

    @Test func aWriteWaitsForAllK() throws {
        var lookup = makeLookup(contacts: 9, needsAllTokens: true)
        var silent: UInt8?
        for step in 0..<6 {
            for next in send(&lookup, at: step) {
                silent = silent ?? next.place
                if next.place != silent { try answer(&lookup, next, at: step) }
            }
        }
        #expect(lookup.report.responded == 8)
        #expect(lookup.ending(at: makeTime(10)) == nil)
        lookup.advance(to: makeTime(450))
        #expect(lookup.ending(at: makeTime(450)) == .complete)
    }

    @Test func enoughNeedsProvidersAndResponders() throws {
        var lookup = makeLookup(.peers(hash, .init(providers: 2, responders: 2)))
        let sent = send(&lookup, at: 0)
        try answer(&lookup, sent[0], at: 10)
        lookup.found([makeEndpoint(500), makeEndpoint(501)], from: sent[0].place, at: makeTime(10))
        #expect(!lookup.isSatisfied)
        try answer(&lookup, sent[1], at: 20)
        lookup.found([makeEndpoint(500)], from: sent[1].place, at: makeTime(20))
        #expect(lookup.isSatisfied)
        #expect(lookup.report.firstResult == .milliseconds(10))
        #expect(lookup.providers.first?.sightings == 2)
    }

    @Test func aSecondAnswerOfTheSameQueryIsIgnored() throws {
        var lookup = makeLookup()
        let next = try #require(send(&lookup, at: 0).first)
        try answer(&lookup, next, at: 10)
        #expect(lookup.answered(next.place, by: id(0), byteCount: 1, at: makeTime(11)) == false)
        #expect(lookup.report.responded == 1)
    }

    @Test func resultsMergeInAnyOrder() throws {
        var generator = SeededRandom(seed: 5)
        let sets = (0..<5).map { set in (0..<4).map { makeEndpoint(set * 3 + $0) } }
        var reference: [FoundPeer]?
        for _ in 0..<10 {
            var lookup = makeLookup(.peers(hash, .init(providers: .max)), contacts: 8)
            let sent = send(&lookup, at: 0)
            for set in sets.shuffled(using: &generator) {
                lookup.found(set, from: sent[0].place, at: makeTime(1))
            }
            let merged = lookup.providers.sorted {
                $0.endpoint.description < $1.endpoint.description
            }
            if let reference { #expect(merged == reference) }
            reference = merged
        }
    }

    @Test func aLiarsDeadReferralsAreAskedLast() throws {
        var lookup = makeLookup()
        let sent = send(&lookup, at: 0)
        for next in sent { try answer(&lookup, next, at: 20) }
        for number in 0..<20 {
            lookup.learn(nearID(number), makeEndpoint(100 + number), from: sent[0].place)
        }
        let referrals = Set((100..<120).map { makeEndpoint($0) })
        #expect(send(&lookup, at: 20).allSatisfy { referrals.contains($0.endpoint) })
        lookup.advance(to: makeTime(170))
        // Three were silent, so the hedges go to contacts of the own table.
        let hedges = send(&lookup, at: 170)
        #expect(hedges.map(\.endpoint) == [makeEndpoint(3), makeEndpoint(4)])
    }

    @Test func aSecondWitnessClearsAReferral() throws {
        var lookup = makeLookup { $0.silentReferralsLimit = 0 }
        let sent = send(&lookup, at: 0)
        try answer(&lookup, sent[0], at: 20)
        lookup.learn(nearID(1), makeEndpoint(100), from: sent[0].place)
        #expect(lookup.nextQuery(at: makeTime(20))?.endpoint == makeEndpoint(3))
        try answer(&lookup, sent[1], at: 20)
        lookup.learn(nearID(1), makeEndpoint(100), from: sent[1].place)
        #expect(lookup.nextQuery(at: makeTime(20))?.endpoint == makeEndpoint(100))
    }

    @Test func deferredCandidatesAreTriedLater() {
        var lookup = makeLookup()
        lookup.deferCandidate(0, until: makeTime(100))
        #expect(lookup.nextQuery(at: makeTime(0))?.place == 1)
        #expect(lookup.nextQuery(at: makeTime(100))?.place == 0)
        #expect(lookup.nextWake(after: makeTime(0)) == makeTime(100))
    }

    @Test func bootstrapNodesTakeTheirPlaceWhenTheyAnswer() throws {
        var lookup = makeLookup(contacts: 1)
        lookup.start(withBootstrap: makeEndpoint(50))
        let sent = send(&lookup, at: 0)
        #expect(lookup.shortlist.id(of: sent[1].place) == nil)
        #expect(
            lookup.answered(sent[1].place, by: nearID(0), byteCount: 1, at: makeTime(5)) == true
        )
        #expect(lookup.shortlist.order.first == sent[1].place)
        #expect(lookup.brokenInvariant == nil)
    }
}

/// What the shortlist keeps and what it turns away.
struct ShortlistTests {
    func makeShortlist(capacity: Int = 100, shared: Bool = false) -> Shortlist {
        Shortlist(target: .zero, capacity: capacity, allowsSharedNetworks: shared)
    }

    func offer(_ list: inout Shortlist, _ distance: UInt64, _ endpoint: Endpoint)
        -> Shortlist.Outcome
    {
        list.offer(NodeID(high: distance, middle: 0, low: 0), endpoint, hop: 1, referrer: nil)
    }

    @Test func aNetworkHasOnePlace() {
        var list = makeShortlist()
        #expect(offer(&list, 5, Endpoint(11, 0, 0, 1, port: 1)) == .added)
        #expect(offer(&list, 1, Endpoint(11, 0, 0, 2, port: 1)) == .sharedNetwork)
        #expect(offer(&list, 1, Endpoint(11, 0, 0, 1, port: 1)) == .known)
        #expect(offer(&list, 1, Endpoint(11, 0, 1, 1, port: 1)) == .added)
        let v6 = (1...2).map { Endpoint(v6: 0x2001_0DB8 << 32, $0, port: 1) }
        #expect(offer(&list, 2, v6[0]) == .added)
        #expect(offer(&list, 3, v6[1]) == .sharedNetwork)
    }

    @Test func aFullListTakesCloserCandidatesOnly() {
        var list = makeShortlist(capacity: 10)
        for number in 0..<10 {
            #expect(offer(&list, UInt64(100 + number), makeEndpoint(number)) == .added)
        }
        #expect(offer(&list, 200, makeEndpoint(50)) == .tooFar)
        #expect(offer(&list, 50, makeEndpoint(51)) == .added)
        #expect(list.count == 10)
        #expect(list.candidates.first?.endpoint == makeEndpoint(51))
        #expect(!list.candidates.contains { $0.endpoint == makeEndpoint(9) })
    }

    @Test func askedCandidatesNeverLeave() {
        var list = makeShortlist(capacity: 4)
        for number in 0..<4 { _ = offer(&list, UInt64(100 + number), makeEndpoint(number)) }
        for place in list.order { list[place].state = .open }
        #expect(offer(&list, 1, makeEndpoint(50)) == .tooFar)
    }

    @Test(arguments: 1...20)
    func anyOrderOfOffersIsSorted(seed: UInt64) {
        var generator = SeededRandom(seed: seed)
        var list = makeShortlist(capacity: 20, shared: true)
        for number in 0..<200 {
            let id = NodeID.random(using: &generator)
            _ = list.offer(id, makeEndpoint(number), hop: 1, referrer: nil)
        }
        let distances = list.candidates.map(\.distance)
        #expect(distances == distances.sorted(), "seed \(seed)")
        #expect(list.count == 20)
    }
}

func makeKey(_ byte: UInt8 = 1) throws -> PublicKey {
    try #require(PublicKey([UInt8](repeating: byte, count: 32)))
}
