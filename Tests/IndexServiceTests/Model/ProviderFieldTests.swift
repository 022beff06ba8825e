import Randomness
import Testing

@testable import IndexService

@Suite struct ProviderFieldTests {
    @Test func fieldsTakeWhatTheirRuleSaysAndNothingElse() {
        for seed in 0..<3000 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let count = random.pick([0, 1, 2, 3, 64, 65, 128, 129])
            var text = random.text(of: "abzAZ09-", count: count)
            if random.oneIn(2), !text.isEmpty {
                text = text.dropLast() + random.pick(["_", ":", ".", " ", "/", "é", "\u{0}", "-"])
            }
            let isID = text.wholeMatch(of: /[A-Za-z0-9._:\-]{1,128}/) != nil
            #expect(((try? ProviderID(parsing: text)) != nil) == isID, "seed \(seed): \(text)")
            let isRegion = text.wholeMatch(of: /[a-z0-9\-]{1,64}/) != nil
            #expect(((try? Region(parsing: text)) != nil) == isRegion, "seed \(seed): \(text)")
        }
    }

    @Test func fieldsPrintAndParseBackToThemselves() throws {
        for seed in 0..<500 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let id = try ProviderID(
                parsing: random.text(of: "aB0._:-", count: random.int(in: 1...9))
            )
            #expect(try ProviderID(parsing: id.description) == id, "seed \(seed)")
            let region = try Region(parsing: random.text(of: "a0-", count: random.int(in: 1...9)))
            #expect(try Region(parsing: region.description) == region, "seed \(seed)")
        }
    }

    @Test(arguments: [("eu-west-1", "eu"), ("eu", "eu"), ("us-", "us"), ("-", "")])
    func theAreaIsWhatStandsBeforeTheFirstHyphen(_ region: String, _ area: String) throws {
        #expect(try Region(parsing: region).area == area)
    }

    @Test func aDerivedIDIsTheSameForTheSameAddressAndValid() throws {
        let address = try ProviderAddress(parsing: "http://a.example/")
        let id = ProviderID(derivedFrom: address)
        #expect(id == ProviderID(derivedFrom: address))
        #expect(try ProviderID(parsing: id.description) == id)
        let other = try ProviderAddress(parsing: "http://b.example/")
        #expect(ProviderID(derivedFrom: other) != id)
    }
}

@Suite struct MediaTypeTests {
    @Test(
        arguments: [
            "application/json", "text/plain; charset=utf-8", "text/plain;charset=utf-8", "a/b",
            "application/vnd.x+json", "text/plain ; a=\"b c\"", "!#$%&'*+-.^_`|~/x",
            "text/x;" + String(repeating: "a", count: 248),
        ]
    )
    func mediaTypesPrintAndParseBackToThemselves(_ text: String) throws {
        let type = try MediaType(parsing: text)
        #expect(type.description == text)
        #expect(try MediaType(parsing: type.description) == type)
    }

    @Test(
        arguments: [
            "", "/", "a", "a/", "/b", "a/b/c", "a b/c", "text/plain garbage", "a/b\r\nX-Y: z",
            "a/b\u{0}", "a/é", "text/x;" + String(repeating: "a", count: 249), "a/b;\u{7f}",
            " a/b", "a@/b",
        ]
    )
    func whatIsNoMediaTypeIsRefused(_ text: String) {
        #expect(throws: FieldError.self) { try MediaType(parsing: text) }
    }

    @Test func anyTextThatParsesIsSafeInAHeader() {
        for seed in 0..<2000 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let bytes = Array("a/".utf8) + random.bytes(count: random.int(in: 1...4))
            guard let type = try? MediaType(parsing: String(decoding: bytes, as: UTF8.self)) else {
                continue
            }
            #expect(type.description.utf8.allSatisfy { (0x20..<0x7f).contains($0) })
        }
    }
}
