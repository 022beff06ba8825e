import Randomness
import CZlib
import Testing

@testable import IndexService

@Suite struct InflateTests {
    static let codings = [ContentCoding.gzip, .deflate]

    @Test(arguments: codings, 0..<40 as Range<UInt64>)
    func whatWasDeflatedComesBack(_ coding: ContentCoding, _ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let count = random.int(in: 0...3000)
        let body =
            random.oneIn(2)
            ? random.bytes(count: count) : Array(random.text(of: "ab", count: count).utf8)
        let level = random.pick([0, 1, 9] as [Int32])
        let deflated = try deflate(body, coding, level: level)
        #expect(try inflate(deflated, coding) == body, "seed \(seed)")
    }

    @Test(arguments: codings)
    func theSizeCapIsExact(_ coding: ContentCoding) throws {
        for count in [1, 2, 1000, 1 << 20] {
            let deflated = try deflate([UInt8](repeating: 7, count: count), coding)
            #expect(try inflate(deflated, coding, maximumBytes: count).count == count)
            #expect(throws: InflateError.overCap(limit: count - 1)) {
                try inflate(deflated, coding, maximumBytes: count - 1)
            }
        }
    }

    /// Bodies that inflate to exactly so many times their size, and to one byte more.
    @Test(arguments: codings, [2, 10, 40])
    func theRatioCapIsExact(_ coding: ContentCoding, _ ratio: Int) throws {
        var tried = (fitting: false, over: false)
        for count in 20..<4000 where !(tried.fitting && tried.over) {
            let body = [UInt8](repeating: 7, count: count)
            let deflated = try deflate(body, coding)
            switch count - deflated.count * ratio {
            case 0:
                tried.fitting = true
                #expect(try inflate(deflated, coding, maximumRatio: ratio) == body)
            case 1:
                tried.over = true
                #expect(throws: InflateError.overRatio(ratio)) {
                    try inflate(deflated, coding, maximumRatio: ratio)
                }
            default: break
            }
        }
        #expect(tried.fitting && tried.over)
    }

    @Test(arguments: codings)
    func aBombIsRefusedAtTheFirstByteOverTheCap(_ coding: ContentCoding) throws {
        let bomb = try deflate([UInt8](repeating: 0, count: 8 << 20), coding)
        #expect(throws: InflateError.overRatio(10)) {
            try inflate(bomb, coding, maximumBytes: 1 << 20, maximumRatio: 10)
        }
        #expect(throws: InflateError.overCap(limit: 1 << 20)) {
            try inflate(bomb, coding, maximumBytes: 1 << 20)
        }
    }

    @Test(arguments: codings)
    func aBodyThatIsCutShortOrGoesOnIsMalformed(_ coding: ContentCoding) throws {
        let deflated = try deflate(Array("hello, hello, hello".utf8), coding)
        for count in deflated.indices {
            #expect(throws: InflateError.malformed) {
                try inflate(Array(deflated.prefix(count)), coding)
            }
        }
        #expect(throws: InflateError.malformed) { try inflate(deflated + [0], coding) }
        #expect(throws: InflateError.malformed) { try inflate(deflated + deflated, coding) }
    }

    @Test func eachCodingIsItsOwnFormat() throws {
        let gzip = try deflate([1, 2, 3], .gzip)
        #expect(throws: InflateError.malformed) { try inflate(gzip, .deflate) }
        let zlib = try deflate([1, 2, 3], .deflate)
        #expect(throws: InflateError.malformed) { try inflate(zlib, .gzip) }
        #expect(try inflate(gzip, .identity) == gzip)
    }

    @Test(arguments: codings, 0..<200 as Range<UInt64>)
    func flippedBitsAreABodyOrAnError(_ coding: ContentCoding, _ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var deflated = try deflate(Array(random.text(of: "abc", count: 300).utf8), coding)
        deflated[random.int(in: 0...deflated.count - 1)] ^= 1 << random.int(in: 0...7)
        let body = try? inflate(deflated, coding, maximumBytes: 400)
        #expect((body?.count ?? 0) <= 400, "seed \(seed)")
    }

    @Test func codingsAreTheOnesWeTake() {
        let known: [(String?, ContentCoding)] = [
            (nil, .identity), ("", .identity), ("Identity", .identity), ("gzip", .gzip),
            ("X-GZIP", .gzip), ("deflate", .deflate),
        ]
        for (header, coding) in known { #expect(ContentCoding(header: header) == coding) }
        for header in ["br", "gzip, gzip", "gzip;q=1", "*", "zstd"] {
            #expect(ContentCoding(header: header) == nil)
        }
    }

    private func inflate(
        _ body: [UInt8],
        _ coding: ContentCoding,
        maximumBytes: Int = 1 << 20,
        maximumRatio: Int = 10_000
    ) throws -> [UInt8] {
        try Inflate.inflate(
            body,
            coding: coding,
            maximumBytes: maximumBytes,
            maximumRatio: maximumRatio
        )
    }

    private func deflate(
        _ body: [UInt8],
        _ coding: ContentCoding,
        level: Int32 = 6
    ) throws -> [UInt8] {
        try makeDeflated(body, windowBits: coding == .gzip ? 15 + 16 : 15, level: level)
    }
}
