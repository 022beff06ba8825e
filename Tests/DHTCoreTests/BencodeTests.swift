import Randomness
import DHTCore
import Testing

struct BencodeTests {
    func scan(_ text: String, depth: Int = 10, items: Int = 500) throws -> Int {
        var limits = Bencode.Limits()
        limits.depth = depth
        limits.items = items
        return try Bencode.scan(ascii(text).span, limits: limits)
    }

    @Test(arguments: [
        "0:", "4:spam", "i0e", "i-3e", "i9223372036854775807e", "i-9223372036854775808e", "le",
        "de",
        "l4:spam4:eggse", "d3:cow3:moo4:spamli1ei2eee", "d1:bi1e1:ai2ee",
    ])
    func wholeValueIsRead(text: String) throws {
        #expect(try scan(text) == text.utf8.count)
    }

    @Test func bytesBehindTheValueAreNotRead() throws {
        #expect(try scan("i1eXYZ") == 3)
    }

    @Test(arguments: [
        ("", Bencode.Failure.truncated), ("l", .truncated), ("d1:a", .truncated),
        ("i", .badInteger), ("ie", .badInteger), ("i-e", .badInteger), ("i-0e", .badInteger),
        ("i01e", .badInteger), ("i1", .badInteger), ("i9223372036854775808e", .badInteger),
        ("i-9223372036854775809e", .badInteger), ("i1 e", .badInteger),
        ("5:spam", .badLength), ("4spam", .badLength), ("04:spam", .badLength), ("9", .badLength),
        ("99999999999999999999:a", .badLength), ("00:", .badLength),
        ("x", .unexpectedByte), ("e", .unexpectedByte), ("-1:", .unexpectedByte),
        ("di1ei2ee", .keyNotString), ("dlei1ee", .keyNotString),
        ("d1:ae", .keyWithoutValue), ("d1:ai1e1:be", .keyWithoutValue),
    ])
    func malformedBytesAreNamed(text: String, failure: Bencode.Failure) {
        #expect(throws: failure, "\(text)") { try scan(text) }
    }

    @Test func depthAndItemsAreBounded() throws {
        let nested = String(repeating: "l", count: 10) + String(repeating: "e", count: 10)
        #expect(try scan(nested) == 20)
        #expect(throws: Bencode.Failure.tooDeep) { try scan("l" + nested + "e") }
        let wide = "l" + String(repeating: "i1e", count: 499) + "e"
        #expect(try scan(wide) == wide.utf8.count)
        #expect(throws: Bencode.Failure.tooManyItems) {
            try scan("l" + String(repeating: "i1e", count: 500) + "e")
        }
    }

    @Test func deepNestingCostsNoStack() {
        let bomb = [UInt8](repeating: UInt8(ascii: "l"), count: 65_000)
        #expect(throws: Bencode.Failure.tooDeep) { try Bencode.scan(bomb.span) }
    }

    @Test func everyPrefixOfAMessageIsTruncatedOrBad() {
        let whole = ascii("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe")
        for count in 0..<whole.count {
            let prefix = Array(whole[..<count])
            #expect(throws: Bencode.Failure.self) { try Bencode.scan(prefix.span) }
        }
    }

    @Test func writerAndReaderAgree() throws {
        var writer = BencodeWriter()
        writer.beginList()
        let numbers: [Int64] = [0, 1, -1, 9, 10, 1000, -1234, .max, .min]
        for number in numbers { writer.integer(number) }
        writer.string(ascii("spam"))
        writer.string([])
        writer.end()
        let bytes = writer.bytes
        #expect(try Bencode.scan(bytes.span) == bytes.count)
        var offset = 1
        for number in numbers {
            let read = try #require(readInteger(bytes, at: offset))
            #expect(read.value == number)
            offset = read.end
        }
        #expect(readString(bytes, at: offset)?.count == 4)
    }

    @Test func randomBytesNeverTrap() {
        for seed in 0..<2_000 {
            var generator = SeededRandom(seed: UInt64(seed))
            let alphabet = ascii("dlie0123456789:-abqrtyv")
            let bytes = (0..<Int(generator.next() % 80)).map { _ in
                alphabet[Int(generator.next() % UInt64(alphabet.count))]
            }
            _ = try? Bencode.scan(bytes.span)
            _ = try? Message(bytes.span)
        }
    }
}
