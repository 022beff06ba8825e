import Cache
import Synchronization
import Testing

@testable import IndexService

/// Questions while others write.
@Suite struct ResolverRaceTests {
    @Test func aStormOfWritesCostsTheCacheAndNotTheAnswer() async throws {
        try await withStore { store in
            _ = try store.importBatch([try makeEntry()], at: .testNow)
            let race = try ResolverRace(store)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await race.storm() }
                for _ in 0..<50 {
                    #expect(try await race.resolver.resolve(race.query).outcome.answer != nil)
                }
                race.isOver.store(true, ordering: .relaxed)
                try await group.waitForAll()
            }
            _ = try await race.resolver.resolve(race.query)
            #expect(race.resolver.cachedOutcome(for: race.query, at: .now()) != nil)
        }
    }

    /// The whole way of an admin write: commit, end the answers, acknowledge.
    @Test func nobodyIsAnsweredWithLessThanWasAcknowledged() async throws {
        try await withTemporaryDirectory { path in
            try await withStore(at: path) { store in
                let race = try ResolverRace(store)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await race.write() }
                    for _ in 0..<2 { group.addTask { try await race.ask() } }
                    try await group.waitForAll()
                }
                #expect(race.violations.load(ordering: .relaxed) == 0)
                #expect(race.answers.load(ordering: .relaxed) > 0)
                #expect(try await race.answeredNumber() == race.ids.count - 1)
            }
        }
    }

    /// Who joins work that began before a write must not be given what it found.
    @Test func nobodyIsAnsweredWithLessByWorkThatWasJoined() async throws {
        try await withTemporaryDirectory { path in
            try await withStore(at: path) { store in
                let race = try ResolverRace(store)
                let misses = race.makeMisses()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try? await misses.run() }
                    group.addTask { try await race.write() }
                    for _ in 0..<8 { group.addTask { try await race.ask(misses) } }
                    for _ in 0..<9 { try await group.next() }
                    group.cancelAll()
                    misses.giveUp()
                    try await group.waitForAll()
                }
                #expect(race.violations.load(ordering: .relaxed) == 0)
                #expect(race.answers.load(ordering: .relaxed) > 0)
            }
        }
    }
}

/// One name whose manifest changes 300 times, in a known order, while others ask for it.
private final class ResolverRace: Sendable {
    let ids = (0...300).map { makeContentID("\($0)") }
    let query: AnswerQuery
    let store: IndexStore
    let cache = makeCache()
    let resolver: Resolver
    let isOver = Atomic<Bool>(false)
    let acknowledged = Atomic<Int>(0)
    let answers = Atomic<Int>(0)
    let violations = Atomic<Int>(0)

    init(_ store: IndexStore) throws {
        self.store = store
        resolver = makeResolver(store, cache: cache)
        query = AnswerQuery(.resolution, .name(try makeName()))
    }

    /// Ends the answers of another key, again and again.
    func storm() async throws {
        let other = ResolveKey.name(try makeName("other"))
        while !isOver.load(ordering: .relaxed) {
            for _ in 0..<1000 { cache.invalidate([other]) }
            await Task.yield()
        }
    }

    func write() async throws {
        defer { isOver.store(true, ordering: .sequentiallyConsistent) }
        for (number, id) in ids.enumerated().dropFirst() {
            try await store.writing { store in
                try store.point(at: id)
            }
            cache.invalidate([query.key])
            acknowledged.store(number, ordering: .sequentiallyConsistent)
        }
    }

    func makeMisses() -> Misses {
        let metrics = Metrics()
        return Misses(
            resolver: resolver,
            metrics: metrics,
            bus: EventBus { _ in },
            gates: RouteGates(metrics: metrics)
        )
    }

    /// Asks through `misses`, or the resolver itself.
    func ask(_ misses: Misses? = nil) async throws {
        while !isOver.load(ordering: .relaxed) {
            // A hit never suspends: without this the asking tasks would keep the writer out.
            await Task.yield()
            let seen = acknowledged.load(ordering: .sequentiallyConsistent)
            let number = try await answeredNumber(misses)
            answers.add(1, ordering: .relaxed)
            if number < seen { violations.add(1, ordering: .relaxed) }
            // A hit never suspends: without this the writer might find no thread.
            await Task.yield()
        }
    }

    /// Which of the manifests the answer names; 0 for none.
    func answeredNumber(_ misses: Misses? = nil) async throws -> Int {
        var outcome = resolver.cachedOutcome(for: query, at: .now())?.outcome
        if outcome == nil {
            outcome =
                if let misses {
                    try await misses.resolve(query, by: .distantFuture).outcome
                } else {
                    try await resolver.resolve(query).outcome
                }
        }
        guard let answer = outcome?.answer else { return 0 }
        guard case .string(let text)? = try answer.json()["manifest_cid"] else {
            throw TestFailure()
        }
        return ids.firstIndex { $0.description == text } ?? -1
    }
}
