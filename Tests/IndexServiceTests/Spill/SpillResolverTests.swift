import Cache
import Dispatch
import Testing

@testable import IndexService
@testable import Spill

/// The spill between RAM and the index, without a service around them.
@Suite struct SpillResolverTests {
    private final class Parts: Sendable {
        let directory: TemporaryDirectory
        let store: SpillStore
        let breaker: CircuitBreaker
        let cache: AnswerCache
        let refreshes = RefreshQueue()
        let metrics = Metrics()

        init(
            breaker: CircuitBreaker = CircuitBreaker(),
            _ change: (inout SpillConfiguration) -> Void = { _ in }
        ) throws {
            self.breaker = breaker
            directory = try TemporaryDirectory()
            var configuration = SpillConfiguration(maximumBytes: 16 << 20)
            change(&configuration)
            store = SpillStore(directory: directory.path, configuration: configuration)
            cache = AnswerCache(
                limits: CacheLimits(entries: 2, bytes: 16 << 20, negativePercent: 0),
                shards: 1,
                spill: AnswerSpill(store: store, breaker: breaker)
            )
        }

        func makeResolver(_ index: IndexStore) -> Resolver {
            Resolver(
                cache: cache,
                store: index,
                policy: .init(),
                pins: PinnedKeys(),
                refreshes: refreshes,
                metrics: metrics
            )
        }

        /// Puts an answer into RAM, and two more that drive it out.
        func spill(_ query: AnswerQuery, fresh: Int, stale: Int) throws {
            let now = MonotonicInstant.now()
            let made = MonotonicInstant(nanoseconds: now.nanoseconds - 100_000_000_000)
            let answer = makeAnswer(
                "{}",
                to: query,
                madeAt: made,
                freshUntil: made.advanced(bySeconds: 100 + fresh),
                staleUntil: made.advanced(bySeconds: 100 + stale),
                subjects: cache.stamps(for: query.key)
            )
            cache.insert(.found(answer), for: query, pinned: false, at: now)
            try crowdOut()
        }

        func crowdOut() throws {
            for name in ["other-1", "other-2"] {
                let query = AnswerQuery(.resolution, .name(try makeName(name)))
                let answer = makeAnswer("[]", to: query, subjects: cache.stamps(for: query.key))
                cache.insert(.found(answer), for: query, pinned: false, at: .now())
            }
        }

        func end() async { await store.close() }
    }

    private func makeQuery() throws -> AnswerQuery {
        AnswerQuery(.resolution, .name(try makeName()))
    }

    @Test func whatRAMEvictsComesBackOnceAndThenIsInRAM() async throws {
        let (parts, query) = (try Parts(), try makeQuery())
        try await withStore { index in
            let resolver = parts.makeResolver(index)
            try parts.spill(query, fresh: 50, stale: 90)
            #expect(parts.cache.outcome(for: query, at: .now()) == nil)
            let resolved = try await resolver.resolve(query, for: .caller)
            #expect(resolved.source == .spill)
            // The disk counts in milliseconds.
            #expect([149, 150].contains(resolved.outcome.answer?.life))
            #expect(parts.cache.outcome(for: query, at: .now())?.isStale == false)
            #expect(parts.refreshes.takeNext() == nil)
        }
        await parts.end()
        #expect(parts.store.status.hits == 1)
    }

    @Test func pastItsLifeItIsStaleAndRefreshedByOne() async throws {
        let (parts, query) = (try Parts(), try makeQuery())
        try await withStore { index in
            let resolver = parts.makeResolver(index)
            try parts.spill(query, fresh: -10, stale: 60)
            let resolved = try await resolver.resolve(query, for: .caller)
            #expect(resolved.source == .stale)
            #expect(parts.refreshes.takeNext() == query)
            let cached = try #require(resolver.cachedOutcome(for: query, at: .now()))
            #expect(cached.isStale && !cached.wantsRefresh)
        }
        await parts.end()
    }

    @Test func whatMayNotBeGivenOutAnyMoreIsNotKept() async throws {
        let (parts, query) = (try Parts(), try makeQuery())
        try parts.spill(query, fresh: -10, stale: -5)
        let absence = Absence(
            of: query,
            freshUntil: .distantFuture,
            subjects: parts.cache.stamps(for: query.key)
        )
        parts.cache.insert(.absent(absence), for: query, pinned: false, at: .now())
        try parts.crowdOut()
        await parts.store.flush()
        #expect(parts.store.status.entries == 0)
        await parts.end()
    }

    /// Whether the write comes before or after the eviction.
    @Test(arguments: [false, true])
    func aWriteEndsWhatIsSpilled(beforeEviction: Bool) async throws {
        let (parts, query) = (try Parts(), try makeQuery())
        try await withStore { index in
            let resolver = parts.makeResolver(index)
            if beforeEviction {
                let stamps = parts.cache.stamps(for: query.key)
                parts.cache.invalidate([query.key])
                let answer = makeAnswer("{}", to: query, subjects: stamps)
                // Evicted at the very moment of the write, past the check at the eviction.
                parts.cache.spill?.keep(answer)
            } else {
                try parts.spill(query, fresh: 50, stale: 90)
                parts.cache.invalidate([query.key])
            }
            let resolved = try await resolver.resolve(query, for: .caller)
            #expect(resolved.source == .index)
            #expect(resolved.outcome.isAbsent)
        }
        await parts.end()
    }

    /// Nothing comes back that was replaced meanwhile.
    @Test func anOutcomeMadeAnewEndsWhatIsSpilled() async throws {
        let (parts, query) = (try Parts(), try makeQuery())
        try await withStore { index in
            let resolver = parts.makeResolver(index)
            try parts.spill(query, fresh: 50, stale: 90)
            #expect(try await resolver.resolve(query).outcome.isAbsent)
            parts.cache.removeAll()
            await parts.store.flush()
            #expect(parts.store.status.entries == 0 || parts.store.status.entries == 2)
            let key = query.spillKey
            #expect(await parts.store.lookUp(key, at: 0) == .nothing)
        }
        await parts.end()
    }

    @Test func anAnswerThatRAMGotMeanwhileIsNotReplacedByASpilledOne() async throws {
        let (parts, query) = (try Parts(), try makeQuery())
        let stamps = parts.cache.stamps(for: query.key)
        let old = makeAnswer("old", to: query, subjects: stamps)
        let new = makeAnswer("new", to: query, subjects: stamps)
        parts.cache.insert(.found(new), for: query, pinned: false, at: .now())
        parts.cache.restore(old, for: query, pinned: false, at: .now())
        #expect(parts.cache.outcome(for: query, at: .now())?.answer == new)
        await parts.end()
    }

    /// What cannot be queued must not leave an older answer in its place.
    @Test func anAnswerThatIsDroppedTakesTheOlderOneWithIt() async throws {
        let (parts, query) = (try Parts { $0.queueBytes = 4000 }, try makeQuery())
        let spill = try #require(parts.cache.spill)
        let stamps = parts.cache.stamps(for: query.key)
        spill.keep(makeAnswer("small", to: query, subjects: stamps))
        await spill.flush()
        let large = String(repeating: "x", count: 3000)
        spill.keep(makeAnswer(large, to: query, subjects: stamps))
        #expect(parts.store.status.dropped == 1)
        guard case .nothing = await spill.take(query, by: .distantFuture) else {
            throw TestFailure()
        }
        await parts.end()
    }

    @Test func aFailingDiskIsLeftAloneAfterAWhile() async throws {
        let parts = try Parts()
        let spill = try #require(parts.cache.spill)
        await parts.store.close()
        var asked = 0
        for _ in 0..<30 {
            switch await spill.take(try makeQuery(), by: .distantFuture) {
            case .failed: asked += 1
            case .unasked: break
            case .found, .nothing: throw TestFailure()
            }
        }
        #expect(asked == 20)
        #expect(parts.breaker.phase(at: .now()) == .open)
    }

    /// Who had hardly any time learns nothing of the disk.
    @Test func theBreakerHearsNothingOfAReadThatHadNoTimeForAnAnswer() async throws {
        let parts = try Parts(breaker: .opened(afterFailures: 1)) { $0.readers = 1 }
        let spill = try #require(parts.cache.spill)
        await spill.flush()
        let gate = DispatchSemaphore(value: 0)
        #expect(parts.store.readers.submit { gate.wait() })
        let query = try makeQuery()
        guard case .failed = await spill.take(query, by: .now()) else { throw TestFailure() }
        #expect(parts.breaker.phase(at: .now()) == .closed)
        guard case .failed = await spill.take(query, by: .distantFuture) else {
            throw TestFailure()
        }
        #expect(parts.breaker.phase(at: .now()) == .open)
        gate.signal()
        await parts.end()
    }

    /// The store answers no read within a lookup's patience while its readers are held up.
    @Test func aHangingDiskCostsNoMoreThanItsDeadline() async throws {
        let parts = try Parts { $0.readers = 1 }
        let gate = DispatchSemaphore(value: 0)
        #expect(parts.store.readers.submit { gate.wait() })
        let spill = try #require(parts.cache.spill)
        let query = try makeQuery()
        let deadline = MonotonicInstant.now().advanced(by: 20_000_000)
        guard case .failed = await spill.take(query, by: deadline) else { throw TestFailure() }
        #expect(parts.store.status.lateReads == 1)
        gate.signal()
        await parts.end()
    }
}
