import Randomness
import Testing

@testable import IndexService

@Suite struct ContentIDTests {
    /// The hash of no bytes and of "abc", as `b3sum` prints them.
    @Test func itIsTheBLAKE3OfTheBytes() {
        #expect(
            ContentID(of: []).description
                == "b3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
        )
        #expect(
            ContentID(of: Array("abc".utf8)).description
                == "b3:6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"
        )
    }

    @Test func itPrintsAndParsesBackToItself() throws {
        for seed in 0..<300 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let bytes = random.bytes(count: 32)
            let id = try #require(ContentID(bytes: bytes))
            #expect(id.bytes == bytes, "seed \(seed)")
            #expect(try ContentID(parsing: id.description) == id, "seed \(seed)")
            #expect(try ResolveKey(parsing: id.description) == .contentID(id), "seed \(seed)")
        }
    }

    @Test(arguments: [0, 1, 31, 33, 64])
    func otherThan32BytesAreRefused(_ count: Int) {
        #expect(ContentID(bytes: [UInt8](repeating: 7, count: count)) == nil)
    }

    @Test func everyWrongDigitIsRefused() {
        let digits = String(repeating: "0123456789abcdef", count: 4)
        for byte in UInt8.min...UInt8.max {
            var bytes = Array(digits.utf8)
            bytes[Int(byte) % 64] = byte
            let text = "b3:" + String(decoding: bytes, as: UTF8.self)
            let isDigit = (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
            #expect(((try? ContentID(parsing: text)) != nil) == isDigit, "byte \(byte)")
        }
    }

    @Test func anyTextIsAContentIDOrAnError() {
        for seed in 0..<1000 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let count = random.pick([0, 1, 63, 64, 65])
            let text = random.pick(["b3:", "B3:", "b3", ""]) + random.text(of: "0af", count: count)
            let id = try? ContentID(parsing: text)
            #expect((id != nil) == (text.hasPrefix("b3:") && count == 64), "seed \(seed)")
            if let id { #expect(id.description == text, "seed \(seed)") }
        }
    }
}
