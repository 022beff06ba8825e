internal import Cache
internal import DHTClient
internal import DHTCore
internal import Synchronization

/// Asks the DHT for what the index does not have: providers, and where a key name points.
///
/// Every lookup is hedged, bounded by its deadline, by a rate and by a circuit breaker, and told as
/// it went. Who wants the same with the same effort at the same time causes one lookup, whatever
/// the questions are that it is for.
final class Discovery: Sendable {
    /// How much a lookup is to find before it answers, and who goes first.
    enum Effort: Sendable {
        /// Somebody waits: the first provider will do, a thorough lookup can follow.
        case first
        /// Somebody waits whom the first did not help: all of the closest nodes are asked.
        case all
        /// Nobody waits: all of the closest nodes are asked, as far as callers leave room.
        case thorough

        fileprivate var isAwaited: Bool { self != .thorough }
    }

    /// How the lookups of the families ended.
    private struct Findings: Sendable {
        typealias Finding = Result<LookupResult, Discovered.Obstacle>

        var results: [Finding]
        /// Whether a family was not asked to the end, because another one had enough.
        var isEarly = false

        init(_ results: [Finding]) { self.results = results }
        init(_ obstacle: Discovered.Obstacle) { results = [.failure(obstacle)] }
    }

    /// What lookups that may be joined have in common.
    private struct Question: Hashable {
        let goal: LookupGoal
        /// Who waits does not wait for a lookup that gives way to others, nor for all when one
        /// provider will do.
        let effort: Effort
        /// How much of the budget there is time for, in quarters: who joins neither suffers from
        /// another's haste nor waits much longer than it may.
        let quarters: Int
    }

    /// The longest that one resolve may spend in the DHT, in nanoseconds.
    ///
    /// A thorough lookup that gives way to callers takes longer, and what it could not finish would
    /// replace a better answer.
    func budget(for effort: Effort) -> UInt64 {
        let budget = budgetCell.load(ordering: .relaxed)
        return effort.isAwaited ? budget : budget * 4
    }
    private let budgetCell: Atomic<UInt64>
    private let client: MainlineClient
    private let rates: Mutex<LookupRates>
    private let breaker: CircuitBreaker
    private let newest: NewestRecords
    /// Bounded by those who ask: the misses that run, and the refreshes.
    private let flights = InFlightMisses<Question, Findings, Never>(
        maximumWaiters: .max,
        maximumKeys: .max
    )

    /// - Parameter lookupsPerSecond: lookups started a second, with a burst of as many.
    init(
        client: MainlineClient,
        budget: UInt64,
        lookupsPerSecond: Int = 500,
        breaker: CircuitBreaker = CircuitBreaker(),
        newest: NewestRecords = NewestRecords()
    ) {
        self.client = client
        budgetCell = Atomic(budget)
        self.breaker = breaker
        self.newest = newest
        rates = Mutex(LookupRates(perSecond: lookupsPerSecond))
    }

    /// Does the lookups, until its task is cancelled; then those under way end, and nobody can ask
    /// any more.
    ///
    /// Called once. Who asks before waits for it.
    func run() async {
        await flights.run()
    }

    /// Lookups that are under way, and those who wait for them.
    var load: (lookups: Int, waiting: Int) {
        let load = flights.load
        return (load.keys, load.waiting)
    }

    /// Changes how many lookups a second may start; a full burst is free again.
    func change(lookupsPerSecond: Int) {
        rates.withLock { $0 = LookupRates(perSecond: lookupsPerSecond) }
    }

    /// Changes how lookups run and how long, in nanoseconds; those under way end as they began.
    func change(_ lookups: LookupSettings, budget: UInt64) {
        client.change(lookups)
        budgetCell.store(budget, ordering: .relaxed)
    }

    /// What the circuit breaker makes of the DHT.
    func phase(at now: MonotonicInstant) -> CircuitBreaker.Phase {
        breaker.phase(at: now)
    }

    /// The DHT answers again after it did not: nobody has to wait for the breaker's pause.
    func networkReturned() {
        breaker.reset()
    }

    /// Finds out whether lookups work, if the breaker lets one through to see.
    func probe() async {
        var random = SystemRandomNumberGenerator()
        let goal = LookupGoal.peers(.random(using: &random), LookupGoal.Enough())
        _ = await lookUp(goal, .first, by: .now().advanced(by: budget(for: .first)))
    }

    /// Looks for providers of `id`; every family that the client speaks is asked.
    func providers(
        of id: ContentID,
        effort: Effort,
        by deadline: MonotonicInstant
    ) async -> Discovered {
        let enough = LookupGoal.Enough(providers: effort == .first ? 1 : .max)
        let found = await look(for: .peers(id.infoHash, enough), effort, by: deadline)
        let now = UnixTime.now()
        return found.results.reduce(into: Discovered(.absent)) { whole, result in
            switch result {
            case .success(let result): whole.merge(Discovered(result, at: now))
            case .failure(let obstacle): whole.merge(Discovered(obstacle))
            }
        }
    }

    /// Where a key name points: the newest record that was found, or is known from before.
    ///
    /// A record is only ever replaced by a newer one: an old one that is served again by whoever
    /// kept it changes nothing. One that the DHT has no more is answered for some time, as not
    /// current, and then no more.
    ///
    /// - Parameter isNews: set where this lookup is the first to have seen a newer item of the key
    ///   than what was known: whatever was made from that is not true any more.
    func record(
        of name: KeyName,
        effort: Effort,
        isNews: inout Bool,
        by deadline: MonotonicInstant
    ) async -> FoundRecord {
        let found = await look(for: .mutable(name.publicKey, salt: []), effort, by: deadline)
        let record = FoundRecord(
            of: name,
            in: found.results,
            isEarly: found.isEarly,
            newest,
            isNews: &isNews,
            at: .now()
        )
        if case .found = record { return record }
        guard found.isEarly else { return record }
        // The item of one family says nothing of this name; a newer one of another family may.
        return await self.record(of: name, effort: .all, isNews: &isNews, by: deadline)
    }

    /// What is found by the lookup for `goal` that is under way, or else by a new one.
    private func look(
        for goal: LookupGoal,
        _ effort: Effort,
        by deadline: MonotonicInstant
    ) async -> Findings {
        let budget = budget(for: effort)
        let share = Double(deadline.nanoseconds(since: .now())) / Double(max(1, budget))
        let quarters = Int((min(share, 1) * 4).rounded())
        let question = Question(goal: goal, effort: effort, quarters: quarters)
        do throws(JoinError<Never>) {
            return try await flights.join(question) { [self] in
                .success(await lookUp(goal, effort, by: deadline))
            }
        } catch {
            switch error {
            case .refused: return Findings(.overCapacity)
            case .cancelled, .closed: return Findings(.unreachable)
            }
        }
    }

    /// One lookup a family, at the same time; the first that has enough ends the others.
    private func lookUp(
        _ goal: LookupGoal,
        _ effort: Effort,
        by deadline: MonotonicInstant
    ) async -> Findings {
        let permit: CircuitBreaker.Permit
        do throws(Discovered.Obstacle) {
            permit = try await admit(effort, by: deadline)
        } catch {
            return Findings(error)
        }
        let budget = budget(for: effort)
        let time = min(deadline.nanoseconds(since: .now()), budget)
        let end = DHTInstant.now + TimeSpan(nanoseconds: Int64(clamping: time))
        var found = await ask(Set(client.endpoints.map(\.family)), for: goal, effort, by: end)
        found.results = await withoutEmptyFamilies(found.results)
        // A key name's record gets half of the budget, which is enough.
        report(found.results, of: effort, isHurried: time < budget / 8 * 3, permit)
        return found
    }

    /// A permit of the breaker with a place in the rate, for which who gives way waits.
    private func admit(
        _ effort: Effort,
        by deadline: MonotonicInstant
    ) async throws(Discovered.Obstacle) -> CircuitBreaker.Permit {
        let givesWay = !effort.isAwaited
        while true {
            let now = MonotonicInstant.now()
            // First the breaker: while it lets nobody through, the rate is not what is in the way.
            guard let permit = breaker.admit(at: now) else { throw .unreachable }
            let nextFree = rates.withLock { $0.take(at: now, givingWay: givesWay) }
            guard let nextFree else { return permit }
            breaker.withdrawn(permit)
            guard givesWay, nextFree < deadline else { throw .overCapacity }
            let pause = Int64(clamping: nextFree.nanoseconds(since: now))
            do { try await Task.sleep(for: .nanoseconds(pause)) } catch { throw .unreachable }
        }
    }

    private func ask(
        _ families: Set<AddressFamily>,
        for goal: LookupGoal,
        _ effort: Effort,
        by end: DHTInstant
    ) async -> Findings {
        await withTaskGroup(of: Findings.Finding.self) { group in
            for family in families {
                group.addTask { [client] in
                    let options = LookupOptions(
                        family: family,
                        priority: effort.isAwaited ? .caller : .background
                    )
                    do throws(MainlineError) {
                        return .success(
                            try await client.lookup(goal, options: options, deadline: end)
                        )
                    } catch {
                        return .failure(Discovered.Obstacle(error))
                    }
                }
            }
            var found = Findings([])
            for await result in group {
                found.results.append(result)
                // Who has enough from one family waits for no other, which may be silent.
                if case .success(let one) = result, isEnough(one, for: goal, effort) {
                    found.isEarly = found.results.count < families.count
                    group.cancelAll()
                    break
                }
            }
            return found
        }
    }

    /// Whether what one family has will do, without the others.
    ///
    /// The record of a key name does for who waits, unless a newer one is known: then another
    /// family may have that.
    private func isEnough(
        _ found: LookupResult,
        for goal: LookupGoal,
        _ effort: Effort
    ) -> Bool {
        if found.report.end == .satisfied { return true }
        guard effort == .first, found.report.end == .complete, let item = found.item,
            case .mutable(let key, _, _) = goal
        else { return false }
        return !newest.knowsNewer(than: item, of: key, at: .now())
    }

    /// Leaves out a family without any node to ask, or long without a socket or an answer, unless
    /// there is no other: where there is no network of that family, nothing can be in it.
    private func withoutEmptyFamilies(
        _ results: [Findings.Finding]
    ) async -> [Findings.Finding] {
        let others = results.filter { result in
            switch result {
            case .success(let result): result.report.end != .noContacts
            case .failure(let obstacle): obstacle != .familyGone
            }
        }
        guard !others.isEmpty, others.count < results.count else { return results }
        // A name that is still being resolved may lead to nodes of that family.
        return await client.status().isResolving ? results : others
    }

    /// Silence of everybody is the DHT's failure; our own refusals say nothing about it, nor does
    /// our own lateness.
    ///
    /// - Parameter isHurried: whether there was hardly time for an answer.
    private func report(
        _ results: [Findings.Finding],
        of effort: Effort,
        isHurried: Bool,
        _ permit: CircuitBreaker.Permit
    ) {
        let responded = results.contains { result in
            if case .success(let result) = result { result.report.responded > 0 } else { false }
        }
        let saysNothing = results.allSatisfy { result in
            switch result {
            case .success(let result) where isHurried && result.report.end == .deadline: true
            // One that gives way may get no further than to the one node that is silent.
            case .success(let result) where !effort.isAwaited: result.report.heldBack > 0
            case .success(let result): result.report.isHeldBack
            // Without a result there was no lookup: its deadline had passed before it began.
            case .failure(let obstacle): obstacle.isOurs
            }
        }
        if responded {
            breaker.succeeded(permit, at: .now())
        } else if saysNothing {
            breaker.withdrawn(permit)
        } else {
            breaker.failed(permit, at: .now())
        }
    }
}
