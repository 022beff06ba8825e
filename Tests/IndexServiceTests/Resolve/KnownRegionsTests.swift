import Testing

@testable import IndexService

/// Regions that nobody is in make no answers of their own.
@Suite struct KnownRegionsTests {
    private func makeQuery(_ region: String?, limit: Int = 5) throws -> AnswerQuery {
        AnswerQuery(
            .providers,
            .contentID(makeContentID()),
            limit: limit,
            region: try region.map { try Region(parsing: $0) },
            minimumFreshness: 7
        )
    }

    @Test func aRegionThatNobodyIsInIsOneWithAllOthersOfItsKind() throws {
        let regions = KnownRegions()
        #expect(try regions.folded(makeQuery("eu-west-1")) == regions.folded(makeQuery("x")))
        regions.learn([
            try makeProvider("a", region: "eu-west-1"), try makeProvider("b", region: "us"),
            try makeProvider("c"),
        ])
        for known in [nil, "eu-west-1", "us"] {
            #expect(try regions.folded(makeQuery(known)) == makeQuery(known))
        }
        let made = try ["eu", "eu-west-2", "eu-", "us-1", "us-2", "x", "-", "e"].map {
            try regions.folded(makeQuery($0))
        }
        #expect(made[0] == made[1] && made[1] == made[2])
        #expect(made[3] == made[4] && made[5] == made[6] && made[6] == made[7])
        #expect(Set(made).count == 3)
        #expect(try regions.folded(makeQuery("x", limit: 6)) != made[5])
    }

    /// The score knows regions of the same area.
    @Test func theFoldedQuestionHasTheSameAnswer() throws {
        let texts = ["eu-west-1", "eu-north-1", "us-east-1", nil, "ap", "-"]
        let providers = try texts.enumerated().map { number, region in
            try makeProvider("p\(number)", region: region)
        }
        let regions = KnownRegions()
        regions.learn(providers)
        for text in ["eu-west-1", "eu-west-9", "eu", "us", "ap", "ap-1", "x", "-", "-1", "?"] {
            guard let region = try? Region(parsing: text) else { continue }
            let folded = regions.folded(
                AnswerQuery(.providers, .contentID(makeContentID()), region: region)
            )
            func rank(_ region: Region?) -> [ProviderRanking.Ranked] {
                ProviderRanking(defaultRegion: providers[2].region).rank(
                    providers,
                    region: region,
                    minimumFreshness: nil,
                    at: .testNow
                )
            }
            let (own, other) = (rank(region), rank(folded.region))
            #expect(own.map(\.provider.id) == other.map(\.provider.id))
            #expect(own.map(\.score) == other.map(\.score))
        }
    }

    @Test func beyondTheBoundNoRegionIsTakenForAnother() throws {
        let regions = KnownRegions()
        let count = KnownRegions.maximumCount
        regions.learn(try (0...count).map { try makeProvider(region: "r\($0)") })
        for text in ["r0", "r\(count)", "x"] {
            #expect(try regions.folded(makeQuery(text)) == makeQuery(text))
        }
    }

    @Test func madeUpRegionsAndFreshnessesDriveNoOtherAnswersOut() async throws {
        try await withService { settings in
            settings.cache.entries = 100
            settings.cache.shards = 1
        } _: { service in
            try await SampleIndex.fill(service)
            let names = (0..<40).map { "n\($0)" }
            let questions = names.map { WireRequest("GET", "/resolve/\($0)") }
            _ = try await service.ask(names.map { SampleIndex.name($0, SampleIndex.unheldID) })
            _ = try await service.ask(questions)
            let id = SampleIndex.manifestID
            for number in 0..<200 {
                _ = try await service.get("/resolve/libc6?region=eu-\(number)")
                _ = try await service.get("/providers/\(id)?region=r\(number)")
                _ = try await service.get("/providers/\(id)?min_freshness=\(number)")
            }
            for answer in try await service.ask(questions) {
                #expect(answer["Cache-Status"] == SpillFixtures.ram)
            }
        }
    }

    @Test func theFirstQuestionOfARegionFindsWhoIsThere() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            let target = "/resolve/\(SampleIndex.providedID)?region=eu-west-1"
            for (region, match) in [(nil, "fresh"), ("eu-west-1", "region_match")] {
                let put = SampleIndex.provider("only", of: SampleIndex.providedID, region: region)
                _ = try await service.ask(put)
                for status in [SpillFixtures.index, SpillFixtures.ram] {
                    let answer = try await service.get(target)
                    #expect(answer["Cache-Status"] == status)
                    #expect(answer.fields["providers.0.class"] == match)
                }
            }
        }
    }
}
