import IndexService
import Testing

@Suite struct JSONObjectReaderTests {
    @Test func everyFieldComesOutAsItsType() throws {
        let reader = try makeReader(
            #"{"s":"x","i":3e2,"b":true,"l":["a","b"],"o":[{"k":1}],"v":null}"#
        )
        #expect(try reader.requiredString("s") == "x")
        #expect(try reader.requiredInteger("i", in: 1...300) == 300)
        #expect(try reader.requiredBool("b"))
        #expect(try reader.requiredStrings("l", count: 1...2) == ["a", "b"])
        let objects = try #require(try reader.objects("o", count: 0...1, fields: ["k"]))
        #expect(try objects.map { reader throws in try reader.integer("k", in: 0...1) } == [1])
        #expect(reader.value("v") == .null)
    }

    @Test func missingAndNullFieldsAreAbsent() throws {
        let reader = try makeReader(#"{"s":null,"i":null,"b":null,"l":null,"o":null}"#)
        for reader in [reader, try makeReader("{}")] {
            #expect(try reader.string("s") == nil)
            #expect(try reader.integer("i", in: 0...1) == nil)
            #expect(try reader.bool("b") == nil)
            #expect(try reader.strings("l", count: 0...1) == nil)
            #expect(try reader.objects("o", count: 0...1, fields: []) == nil)
            #expect(detail { try reader.requiredString("s") } == #"field "s" is required"#)
        }
    }

    @Test func anUnknownFieldIsNamedWithTheAllowedOnes() {
        #expect(
            detail { try makeReader(#"{"foo":1}"#) }
                == #"unknown field "foo"; allowed: s, i, b, l, o, v"#
        )
        #expect(
            detail { try makeReader("{\"\u{131}\":1}") }
                == "unknown field \"\u{131}\"; allowed: s, i, b, l, o, v"
        )
    }

    @Test func whatIsNotAnObjectIsRefused() {
        #expect(detail { try makeReader("[]") } == "the body must be a JSON object")
    }

    @Test(arguments: ["0", "31536001", "1.5", #""300""#, "true", "1e300", "[]"])
    func anIntegerOutsideItsRangeIsRefused(_ text: String) throws {
        let reader = try makeReader("{\"i\":\(text)}")
        #expect(
            detail { try reader.integer("i", in: 1...31_536_000) }
                == #"field "i" must be an integer from 1 to 31536000"#
        )
    }

    @Test(arguments: [#""""#, #""xxxxx""#, "1", #""ééé""#])
    func aStringOutsideItsLengthIsRefused(_ text: String) throws {
        let reader = try makeReader("{\"s\":\(text)}")
        #expect(
            detail { try reader.string("s", bytes: 1...4) }
                == #"field "s" must be a string of 1 to 4 bytes"#
        )
    }

    @Test func otherTypesAreRefusedInTheirWords() throws {
        let reader = try makeReader(#"{"b":1,"l":["a",1],"o":[{},{"k":1,"x":2}]}"#)
        #expect(detail { try reader.bool("b") } == #"field "b" must be true or false"#)
        #expect(
            detail { try reader.strings("l", count: 0...2) }
                == #"field "l[1]" must be a string of 1 to 2048 bytes"#
        )
        #expect(
            detail { try reader.strings("l", count: 0...1) }
                == #"field "l" must be an array of 0 to 1 strings"#
        )
        #expect(
            detail { try reader.objects("o", count: 0...2, fields: ["k"]) }
                == #"unknown field "x" in o[1]; allowed: k"#
        )
        let objects = try #require(try reader.objects("o", count: 0...2, fields: ["k", "x"]))
        #expect(
            detail { try objects[0].requiredString("k") } == #"field "o[0].k" is required"#
        )
        #expect(objects[1].refusal("k", "is odd").detail == #"field "o[1].k" is odd"#)
        #expect(
            detail { try reader.objects("l", count: 0...2, fields: []) }
                == #"field "l[0]" must be a JSON object"#
        )
    }
}

private func makeReader(_ text: String) throws(JSONError) -> JSONObjectReader {
    try JSONObjectReader(try makeJSON(text), fields: ["s", "i", "b", "l", "o", "v"])
}

/// The sentence of the error that the body throws; nil when it throws none.
private func detail<Value>(_ body: () throws -> Value) -> String? {
    do {
        _ = try body()
        return nil
    } catch {
        return (error as? JSONError)?.detail
    }
}
