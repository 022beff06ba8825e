import Randomness
import Cache
import NIOCore
import Testing

@testable import IndexService

@Suite struct AnswerEncoderTests {
    @Test func aResolutionHasTheContractsShape() throws {
        let facts = try makeFacts(
            manifest: ManifestSummary(size: 812, mediaType: .json),
            providers: [makeProvider(region: "eu-west-1", lastSeen: 1_795_168_800)]
        )
        let id = facts.manifestID
        #expect(
            text(of: encode(facts))
                == #"{"key":"name:libc6","kind":"name","manifest_cid":"\#(id)","#
                + #""manifest":{"size":812,"media_type":"application/json","held":true},"#
                + #""providers":[{"id":"p","addr":"192.0.2.1:80","region":"eu-west-1","#
                + #""class":"fresh","score":0.4,"last_seen":"2026-11-20T10:00:00Z","#
                + #""source":"index","signed":false}],"#
                + #""providers_total":1,"complete":true,"ttl_s":300}"# + "\n"
        )
    }

    @Test func whatIsNotHeldAndNowhereIsNull() throws {
        let facts = try makeFacts(key: .contentID(makeContentID()), providers: [makeProvider()])
        let object = try encode(facts).json()
        #expect(object["kind"] == .string("cid"))
        #expect(object["key"] == .string(makeContentID().description))
        #expect(object["manifest"] == .null)
        guard case .array(let providers)? = object["providers"],
            case .object(let provider)? = providers.first
        else { throw TestFailure() }
        #expect(provider["region"] == .null)
    }

    @Test func aProviderSetHasTheContractsMembers() throws {
        let facts = try makeFacts(.providers, key: .contentID(makeContentID()), complete: false)
        let object = try encode(facts).json()
        #expect(
            object.members.map(\.name)
                == ["cid", "complete", "providers", "providers_total", "ttl_s"]
        )
        #expect(object["cid"] == .string(makeContentID().description))
        #expect(object["complete"] == .bool(false))
    }

    @Test(arguments: [
        (-1, 0), (0, 0), (1, 1), (5, 5), (32, 32), (33, 32), (Int.max, 32), (Int.min, 0),
    ])
    func theLimitIsClampedAndTheTotalIsNot(_ limit: Int, _ count: Int) throws {
        let providers = try (0..<40).map { try makeProvider("p\($0)") }
        let object = try encode(try makeFacts(limit: limit, providers: providers)).json()
        guard case .array(let encoded)? = object["providers"] else { throw TestFailure() }
        #expect(encoded.count == count)
        #expect(object["providers_total"] == JSONNumber(40).map(JSONValue.number))
    }

    @Test(arguments: 0..<100 as Range<UInt64>)
    func whateverTheFactsAreTheBodyParsesBack(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let providers = try (0..<random.int(in: 0...8)).map { number in
            try makeProvider(
                "p\(number)",
                address: "http://x/" + random.text(of: "\"\\<>&'/{}[]~%", count: 9),
                region: random.pick([nil, "eu"]),
                lastSeen: Int64(random.int(in: 0...2_000_000)),
                liveness: random.pick([nil, 0, 0.123456789, 1])
            )
        }
        let type = try MediaType(parsing: #"text/x; a="\"b\"""#)
        let facts = try makeFacts(
            manifest: random.oneIn(2) ? nil : ManifestSummary(size: 1 << 20, mediaType: type),
            providers: providers
        )
        let object = try encode(facts).json()
        guard case .array(let encoded)? = object["providers"] else { throw TestFailure() }
        for (value, ranked) in zip(encoded, facts.providers) {
            guard case .object(let provider) = value, case .number(let score)? = provider["score"]
            else { throw TestFailure() }
            let address = ranked.provider.address.description
            #expect(provider["addr"] == .string(address), "seed \(seed)")
            #expect((0...1).contains(score.value), "seed \(seed)")
            #expect(abs(score.value - ranked.score) < 0.0005, "seed \(seed)")
        }
    }

    @Test func theEntityTagIsTheContentIDOfTheBody() throws {
        let answer = encode(try makeFacts())
        let id = ContentID(of: Array(answer.body.readableBytesView))
        #expect(answer.entityTag == "\"\(id)\"")
        #expect(encode(try makeFacts()).entityTag == answer.entityTag)
    }

    @Test func lifeAndAgeAreCountedFromWhenItWasMade() throws {
        let answer = encode(try makeFacts(ttl: 300))
        func at(_ seconds: UInt64) -> MonotonicInstant {
            MonotonicInstant(nanoseconds: (1000 + seconds) * 1_000_000_000)
        }
        #expect(answer.life == 300)
        #expect(answer.age(at: at(0)) == 0)
        #expect(answer.age(at: at(7)) == 7)
        #expect(answer.maxAge(at: at(0)) == 60)
        #expect(answer.maxAge(at: at(240)) == 60)
        #expect(answer.maxAge(at: at(290)) == 10)
        #expect(answer.maxAge(at: at(400)) == 0)
        let early = encode(try makeFacts(ttl: 300), coverage: .early)
        #expect(early.maxAge(at: at(0)) == 5)
    }
}

private func makeFacts(
    _ document: AnswerQuery.Document = .resolution,
    key: ResolveKey? = nil,
    limit: Int = AnswerQuery.defaultLimit,
    manifest: ManifestSummary? = nil,
    providers: [Provider] = [],
    complete: Bool = true,
    ttl: Int = 300
) throws -> AnswerEncoder.Facts {
    let now = UnixTime(seconds: 1_795_168_800)
    let ranked = ProviderRanking().rank(providers, region: nil, minimumFreshness: nil, at: now)
    return AnswerEncoder.Facts(
        query: AnswerQuery(document, try key ?? .name(makeName()), limit: limit),
        manifestID: makeContentID(),
        manifest: manifest,
        providers: ranked,
        complete: complete,
        ttl: ttl
    )
}

private func encode(
    _ facts: AnswerEncoder.Facts,
    coverage: Answer.Coverage = .full
) -> Answer {
    AnswerEncoder().encode(
        facts,
        madeAt: MonotonicInstant(nanoseconds: 1000 * 1_000_000_000),
        coverage: coverage,
        subjects: SubjectEpochs().stamps(for: facts.query.key)
    )
}

private func text(of answer: Answer) -> String {
    String(buffer: answer.body)
}
