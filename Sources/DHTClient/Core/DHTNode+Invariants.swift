/// What must hold after every event; tests ask, production does not.
extension DHTNode {
    /// A sentence about the first rule that is broken; nil when all hold.
    package func brokenInvariant(at now: DHTInstant) -> String? {
        for family in AddressFamily.allCases {
            if let broken = tables[family].brokenInvariant { return broken }
        }
        if transactions.count > settings.pacing.queriesInFlight { return "too many under way" }
        if Set(starved).count != starved.count { return "a lookup waits twice" }
        var underWay = 0
        for case let active? in lookups {
            if let broken = active.lookup.brokenInvariant { return "\(active.id): \(broken)" }
            underWay += active.lookup.queriesUnderWay
            guard case .searching = active.phase else { continue }
            if active.lookup.ending(at: now) != nil { return "\(active.id): goes on after its end" }
            let isIdle = active.lookup.nextQuery(at: now) == nil
            if !isIdle, !active.isStarved { return "\(active.id): a free slot is not used" }
            if active.wake < now, active.wake != .distantPast { return "\(active.id): overslept" }
        }
        return underWay <= transactions.count ? nil : "a query without a transaction"
    }
}

extension Lookup {
    var queriesUnderWay: Int {
        shortlist.order.count { shortlist[$0].state.isUnderWay }
    }

    /// A sentence about the first rule that is broken; nil when all hold.
    package var brokenInvariant: String? {
        let candidates = shortlist.candidates
        if candidates.count > settings.shortlistCapacity { return "shortlist too long" }
        for (left, right) in zip(candidates, candidates.dropFirst())
        where right.distance < left.distance {
            return "shortlist not sorted"
        }
        if Set(candidates.map(\.endpoint)).count != candidates.count { return "an address twice" }
        let asked = candidates.filter { $0.turn > 0 }
        if asked.count != report.queried { return "asked \(asked.count) != \(report.queried)" }
        if report.queried > settings.packetBudget { return "over the packet budget" }
        let settled = report.responded + report.timedOut + report.failed
        if settled + queriesUnderWay != report.queried { return "queries do not add up" }
        if asked.count(where: { $0.wave == .beta }) != report.hedged { return "hedges miscounted" }
        if asked.count(where: \.wasStalled) != report.stalled { return "stalled miscounted" }
        if report.hedged > 0, report.stalled == 0 { return "a hedge without a stalled query" }
        if settings.beta == 0, report.hedged > 0 { return "a hedge with beta 0" }
        if candidates.contains(where: { Int($0.hop) > settings.hopCap }) { return "over the cap" }
        return brokenSlots ?? brokenEnd
    }

    /// More queries in flight than slots; told where the whole list is its top, so that no query
    /// was pushed out of it.
    private var brokenSlots: String? {
        guard shortlist.count <= settings.k + settings.alpha + settings.beta else { return nil }
        let states = shortlist.candidates.map(\.state)
        let stalled = states.count { $0 == .stalled }
        let inFlight = states.count { $0 == .open } + stalled
        return inFlight > settings.alpha + min(settings.beta, stalled) ? "too many at once" : nil
    }

    /// A complete lookup that left out one of the closest.
    private var brokenEnd: String? {
        guard ending(at: startedAt) == .complete else { return nil }
        var settled = 0
        for candidate in shortlist.candidates where settled < settings.k {
            let isLeftOut = candidate.state == .fresh
            if isLeftOut, !isDispensable(candidate) {
                return "complete, though a closer one was not asked"
            }
            if isLeftOut || candidate.state == .answered || candidate.state == .overdue {
                settled += 1
            }
        }
        return nil
    }
}

extension RoutingTable {
    /// A sentence about the first rule that is broken; nil when all hold.
    package var brokenInvariant: String? {
        let all = contacts
        if all.count != count { return "table: addresses and contacts differ" }
        if Set(all.map(\.id)).count != all.count { return "table: an id twice" }
        var position = 0
        for index in 0..<depth {
            let bucket = all[position..<position + count(inBucket: index)]
            position += bucket.count
            if bucket.count > capacity(of: index) { return "table: bucket \(index) too full" }
            if bucket.contains(where: { own.commonPrefixLength(with: $0.id) != index }) {
                return "table: a contact in the wrong bucket"
            }
        }
        return nil
    }
}
