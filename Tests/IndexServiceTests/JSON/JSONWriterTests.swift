import IndexService
import Testing

@Suite struct JSONWriterTests {
    @Test func commasStandBetweenSiblingsOnly() throws {
        let text = makeText { writer in
            writer.beginObject()
            writer.key("a")
            writer.beginArray()
            writer.integer(1)
            writer.beginArray()
            writer.endArray()
            writer.beginObject()
            writer.endObject()
            writer.null()
            writer.endArray()
            writer.key("b")
            writer.bool(true)
            writer.key("c")
            writer.beginObject()
            writer.key("d")
            writer.string("x")
            writer.key(escaping: "e\n")
            writer.string(literal: "y")
            writer.endObject()
            writer.endObject()
        }
        #expect(text == #"{"a":[1,[],{},null],"b":true,"c":{"d":"x","e\n":"y"}}"#)
    }

    @Test func stringsAreEscapedWhateverTheyHold() throws {
        for seed in 0..<500 as Range<UInt64> {
            var random = RandomJSON(seed: seed)
            guard case .string(let string) = try makeJSON(random.text(depth: 0)) else { continue }
            let written = makeText { $0.string(string) }
            #expect(try makeJSON(written) == .string(string), "seed \(seed)")
            #expect(makeText { $0.string(utf8: string.utf8Span.span) } == written, "seed \(seed)")
        }
    }

    @Test func integersOfEveryTypeAreWrittenWhole() {
        #expect(makeText { $0.integer(0) } == "0")
        #expect(makeText { $0.integer(Int.min) } == "-9223372036854775808")
        #expect(makeText { $0.integer(UInt64.max) } == "18446744073709551615")
        #expect(makeText { $0.integer(UInt8(7)) } == "7")
    }

    static let rounded: [(Double, Int, String)] = [
        (0.8712345, 4, "0.8712"),
        (0.87, 4, "0.87"),
        (0.99996, 4, "1"),
        (1, 4, "1"),
        (0, 4, "0"),
        (0.125, 2, "0.13"),
        (-0.125, 2, "-0.13"),
        (12345, 2, "12000"),
        (0.000012345, 3, "0.0000123"),
        (1e-9, 3, "1e-9"),
        (1.2345e25, 3, "1.23e+25"),
        (0.1 + 0.2, 17, "0.30000000000000004"),
        (.leastNonzeroMagnitude, 1, "5e-324"),
        (9.99, 0, "10"),
        (.nan, 3, "null"),
        (.infinity, 3, "null"),
    ]

    @Test(arguments: rounded)
    func doublesHaveAtMostTheDigitsAskedFor(_ value: Double, _ digits: Int, _ text: String) {
        #expect(makeText { $0.double(value, significantDigits: digits) } == text)
    }

    @Test func rawBytesAreOneValue() {
        let text = makeText { writer in
            writer.beginArray()
            writer.raw(Array("{}".utf8).span)
            writer.raw(Array("1".utf8).span)
            writer.endArray()
        }
        #expect(text == "[{},1]")
    }
}

private func makeText(_ write: (inout JSONWriter) -> Void) -> String {
    var writer = JSONWriter(reserving: 64)
    write(&writer)
    return String(decoding: writer.bytes, as: UTF8.self)
}
