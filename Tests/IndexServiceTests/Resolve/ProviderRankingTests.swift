import Randomness
import Foundation
import Testing

@testable import IndexService

@Suite struct ProviderRankingTests {
    static let now = UnixTime(seconds: 1_000_000)

    @Test(arguments: 0..<40 as Range<UInt64>)
    func theOrderDoesNotDependOnTheOrderOfTheInput(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let providers = try (0..<random.int(in: 0...30)).map { try randomProvider($0, &random) }
        let region = random.pick([nil, try Region(parsing: "eu-west-1")])
        let ranked = rank(providers, region: region)
        for _ in 0..<5 {
            let shuffled = providers.shuffled(using: &random)
            #expect(rank(shuffled, region: region) == ranked, "seed \(seed)")
        }
        #expect(Set(ranked.map(\.provider)) == Set(providers), "seed \(seed)")
        #expect(ranked.allSatisfy { (0...1).contains($0.score) }, "seed \(seed)")
        for (better, worse) in zip(ranked, ranked.dropFirst()) {
            #expect(better.score >= worse.score, "seed \(seed)")
        }
    }

    @Test func theScoreIsTheFormulaOfTheDocumentation() throws {
        var random = SeededRandom(seed: 1)
        for _ in 0..<300 {
            let provider = try randomProvider(0, &random)
            let region = try random.pick([nil, Region(parsing: "eu-west-1")])
            let match =
                switch (provider.region?.description, region?.description) {
                case (nil, _), (_, nil): 0.0
                case ("eu-west-1", _): 1.0
                case ("eu-north-1", _): 0.5
                default: 0.0
                }
            let age = max(0, Self.now.seconds - provider.lastSeen.seconds)
            let freshness = pow(0.5, Double(age) / 3600)
            let expected = 0.5 * match + 0.3 * freshness + 0.2 * (provider.liveness ?? 0.5)
            let ranked = try #require(rank([provider], region: region).first)
            #expect(abs(ranked.score - expected) < 1e-12)
        }
    }

    @Test(arguments: [1, 60, 3600, 86_400])
    func freshnessHalvesWithEveryHalfLife(_ halfLife: Int) throws {
        let ranking = ProviderRanking(halfLife: halfLife)
        for halves in 0...4 {
            let lastSeen = Self.now.seconds - Int64(halfLife * halves)
            let ranked = rank([try makeProvider(lastSeen: lastSeen)], by: ranking)
            #expect(abs(ranked[0].score - (0.1 + 0.3 / Double(1 << halves))) < 1e-12)
            #expect(ranked[0].class == (halves <= 1 ? .fresh : .any))
        }
    }

    @Test(
        arguments: [
            ("eu-west-1", "eu-west-1", .regionMatch, 1.0),
            ("eu-north-1", "eu-west-1", .fresh, 0.5), ("eu", "eu-west-1", .fresh, 0.5),
            ("us-west-1", "eu-west-1", .fresh, 0), ("europe", "eu-west-1", .fresh, 0),
            (nil, "eu-west-1", .fresh, 0), ("eu-west-1", nil, .fresh, 0), (nil, nil, .fresh, 0),
        ] as [(String?, String?, ProviderRanking.Class, Double)]
    )
    func aRegionMatchesItselfAndHalfItsArea(
        _ provider: String?,
        _ caller: String?,
        _ kind: ProviderRanking.Class,
        _ match: Double
    ) throws {
        let provider = try makeProvider(region: provider, lastSeen: Self.now.seconds)
        let region = try caller.map { try Region(parsing: $0) }
        let byCaller = rank([provider], region: region)
        #expect(byCaller[0].class == kind)
        #expect(abs(byCaller[0].score - (0.4 + 0.5 * match)) < 1e-12)
        // The configured region stands in for a caller who names none.
        #expect(rank([provider], by: ProviderRanking(defaultRegion: region)) == byCaller)
    }

    @Test func theCallersRegionIsStrongerThanTheConfiguredOne() throws {
        let ranking = ProviderRanking(defaultRegion: try Region(parsing: "us-east-1"))
        let providers = [
            try makeProvider("a", region: "us-east-1"), try makeProvider("b", region: "eu"),
        ]
        #expect(rank(providers, by: ranking)[0].provider.id.description == "a")
        let ranked = rank(providers, region: try Region(parsing: "eu"), by: ranking)
        #expect(ranked[0].provider.id.description == "b")
    }

    @Test func equalScoresAreOrderedByLastSeenThenByID() throws {
        // Older than any double can tell apart, and nobody's region: all scores are equal.
        let providers = try [("b", 5), ("a", 5), ("c", 9), ("B", 5)].map {
            try makeProvider($0.0, lastSeen: Int64($0.1))
        }
        let ids = rank(providers, by: ProviderRanking(halfLife: 1)).map(\.provider.id.description)
        #expect(ids == ["c", "B", "a", "b"])
    }

    @Test func minimumFreshnessLeavesOutTheOlderOnes() throws {
        let providers = try [0, 10, 11, -5].map { age in
            try makeProvider("p\(age + 5)", lastSeen: Self.now.seconds - Int64(age))
        }
        #expect(rank(providers, minimumFreshness: 10).count == 3)
        #expect(rank(providers, minimumFreshness: 0).count == 2)
        #expect(rank(providers, minimumFreshness: nil).count == 4)
    }

    @Test func denyIsStrongerThanAllow() throws {
        let providers = try ["a.example:1", "b.example:1", "[2001:db8::1]:1", "10.9.8.7:1"].map {
            try makeProvider(String($0.prefix(4).filter(\.isLetter)) + "0", address: $0)
        }
        func hosts(allow: [String] = [], deny: [String] = []) throws -> [String] {
            let ranking = ProviderRanking(
                allowed: try allow.map { try AddressPattern(parsing: $0) },
                denied: try deny.map { try AddressPattern(parsing: $0) }
            )
            return rank(providers, by: ranking).map(\.provider.address.host).sorted()
        }
        #expect(try hosts().count == 4)
        #expect(try hosts(allow: ["*.example"]) == ["a.example", "b.example"])
        #expect(try hosts(allow: ["*.example"], deny: ["a.example"]) == ["b.example"])
        #expect(try hosts(deny: ["10.0.0.0/8", "2001:db8::/32"]) == ["a.example", "b.example"])
        #expect(try hosts(allow: ["10.9.8.7"], deny: ["10.0.0.0/8"]).isEmpty)
    }

    private func rank(
        _ providers: [Provider],
        region: Region? = nil,
        minimumFreshness: Int? = nil,
        by ranking: ProviderRanking = ProviderRanking()
    ) -> [ProviderRanking.Ranked] {
        ranking.rank(providers, region: region, minimumFreshness: minimumFreshness, at: Self.now)
    }

    private func randomProvider(_ number: Int, _ random: inout SeededRandom) throws -> Provider {
        try makeProvider(
            "p\(number)",
            region: random.pick([nil, "eu-west-1", "eu-north-1", "us-east-1"]),
            lastSeen: Self.now.seconds - Int64(random.pick([0, 60, 3600, 100_000, -60])),
            liveness: random.pick([nil, 0, 0.5, 1])
        )
    }
}
