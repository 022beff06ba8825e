import Randomness
import Testing

@testable import IndexService

@Suite struct ResolveKeyTests {
    @Test(arguments: ["libc6", "name:libc6", "LIBC6", "name:Libc6"])
    func aNameIsTheSameKeyHoweverItIsWritten(_ text: String) throws {
        let key = try ResolveKey(parsing: text)
        #expect(try key == .name(Name(parsing: "libc6")))
        #expect(key.description == "name:libc6")
        #expect(key.kind == .name)
    }

    static let refused: [(String, KeyError)] = [
        ("", .empty),
        ("name:", .empty),
        ("name:\u{301}libc6", .character(0xcc)),
        (String(repeating: "a", count: 254), .nameLength(254)),
        (".", .emptyLabel),
        ("a..b", .emptyLabel),
        (".a", .emptyLabel),
        ("a.", .emptyLabel),
        ("-a", .labelStart(UInt8(ascii: "-"))),
        ("a._b", .labelStart(UInt8(ascii: "_"))),
        ("a b", .character(0x20)),
        ("a/b", .character(UInt8(ascii: "/"))),
        ("../a", .emptyLabel),
        ("é", .character(0xC3)),
        ("a\u{0}", .character(0)),
        ("name:name:a", .character(UInt8(ascii: ":"))),
        ("B3:00", .character(UInt8(ascii: ":"))),
        ("b3:", .contentIDLength(0)),
        ("b3:00", .contentIDLength(2)),
        ("b3:" + String(repeating: "0", count: 65), .contentIDLength(65)),
        ("b3:" + String(repeating: "A", count: 64), .contentIDDigits),
        ("b3:" + String(repeating: "é", count: 32), .contentIDDigits),
    ]

    @Test(arguments: refused)
    func whateverElseIsRefusedByTheRuleThatBroke(_ text: String, _ error: KeyError) {
        #expect(throws: error) { try ResolveKey(parsing: text) }
        #expect(!error.description.isEmpty)
    }

    @Test func everyErrorCanBeReached() {
        var errors = Self.refused.map(\.1)
        do {
            _ = try ContentID(parsing: "a")
        } catch { errors.append(error) }
        do {
            _ = try ResolveKey(percentEncoded: "%2")
        } catch { errors.append(error) }
        #expect(Set(errors.map(ordinal)) == Set(0...8))
    }

    @Test func anyKeyPrintsAndParsesBackToItself() throws {
        for seed in 0..<3000 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let text =
                random.pick(["", "name:", "b3:", "%"])
                + random.text(of: "abAB019.-_+:%", count: random.int(in: 0...8))
            guard let key = try? ResolveKey(percentEncoded: text) else { continue }
            #expect(try ResolveKey(parsing: key.description) == key, "seed \(seed)")
        }
    }

    /// Says which case it is; a new case does not compile until it is counted above.
    private func ordinal(_ error: KeyError) -> Int {
        switch error {
        case .empty: 0
        case .nameLength: 1
        case .emptyLabel: 2
        case .labelStart: 3
        case .character: 4
        case .percentEncoding: 5
        case .contentIDPrefix: 6
        case .contentIDLength: 7
        case .contentIDDigits: 8
        }
    }
}

@Suite struct PercentDecodingTests {
    @Test func everyByteComesBackFromItsEncoding() throws {
        for byte in UInt8(0)..<0x80 {
            let hex = String(byte, radix: 16)
            let encoded = "a%" + (hex.utf8.count == 1 ? "0" : "") + hex + "b"
            let character = String(Unicode.Scalar(byte))
            #expect(try PercentDecoding.decode(encoded) == "a" + character + "b")
            #expect(try PercentDecoding.decode(encoded.uppercased()) == "A" + character + "B")
        }
    }

    @Test func itDecodesOnce() throws {
        #expect(try PercentDecoding.decode("%2541") == "%41")
        #expect(throws: KeyError.character(UInt8(ascii: "%"))) {
            try ResolveKey(percentEncoded: "lib%2563")
        }
    }

    @Test func encodedNamesAndContentIDsAreKeys() throws {
        #expect(try ResolveKey(percentEncoded: "g%2b%2B").description == "name:g++")
        let id = makeContentID()
        let encoded = "b3%3A" + id.description.dropFirst(3)
        #expect(try ResolveKey(percentEncoded: encoded) == .contentID(id))
    }

    @Test(arguments: ["%", "a%", "%4", "%4g", "%g4", "%%41", "% 41", "%é1"])
    func aPercentSignWithoutTwoHexDigitsIsRefused(_ text: String) {
        #expect(throws: KeyError.percentEncoding) { try PercentDecoding.decode(text) }
    }

    @Test(arguments: ["%ff", "%c3", "%00", "%2f", "%0a", "a%2e%2e"])
    func whatNoKeyAllowsStaysRefusedWhenEncoded(_ text: String) {
        #expect(throws: KeyError.self) { try ResolveKey(percentEncoded: text) }
    }

    @Test func anyTextIsDecodedOrRefused() throws {
        for seed in 0..<2000 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let text = random.text(of: "%%%0123456789abcdefABCDEFg ", count: random.int(in: 0...12))
            guard let decoded = try? PercentDecoding.decode(text) else {
                #expect(text.contains("%"), "seed \(seed)")
                continue
            }
            #expect(decoded.utf8.count <= 3 * text.utf8.count, "seed \(seed)")
        }
    }
}
