import IndexService
import Testing

@Suite struct JSONParserTests {
    @Test(arguments: AcceptedText.all)
    func acceptsWhatTheGrammarAllows(_ accepted: AcceptedText) throws {
        #expect(try makeCanonical(accepted.text) == accepted.canonical)
    }

    @Test(arguments: RefusedText.all)
    func refusesWithTheRuleAndThePlace(_ refused: RefusedText) {
        #expect(throws: JSONError.syntax(refused.rule, offset: refused.offset)) {
            try makeJSON(refused.bytes)
        }
    }

    @Test func depthIsCountedInOpenContainers() throws {
        let deep = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(try makeCanonical(deep) == deep)
        #expect(throws: JSONError.syntax(.tooDeep(limit: 64), offset: 64)) {
            try makeJSON("[" + deep + "]")
        }
        #expect(throws: JSONError.syntax(.tooDeep(limit: 2), offset: 9)) {
            try makeJSON(#"[[],{"a":[]}]"#, depth: 2)
        }
        #expect(try makeJSON("1", depth: 0) == makeJSON("1"))
    }

    @Test func aMillionBracketsAreRefusedAtTheDepthLimit() {
        #expect(throws: JSONError.syntax(.tooDeep(limit: 64), offset: 64)) {
            try makeJSON([UInt8](repeating: UInt8(ascii: "["), count: 1_000_000))
        }
    }

    @Test func theSizeLimitIsTheLongestTextTaken() throws {
        #expect(try makeJSON("[12]", bytes: 4) == makeJSON("[12]"))
        #expect(throws: JSONError.syntax(.tooLarge(limit: 3), offset: 3)) {
            try makeJSON("[12]", bytes: 3)
        }
    }

    @Test func aParserIsAsGoodAsNewAfterAnError() throws {
        var parser = JSONParser(limits: JSONParser.Limits(bytes: 100))
        #expect(throws: JSONError.self) { try parser.parse(Array(#"{"a":[1,{"b":"#.utf8).span) }
        let value = try parser.parse(Array(#"{"b":[2]}"#.utf8).span)
        #expect(value == (try makeJSON(#"{"b":[2]}"#)))
    }

    @Test func stringsOfEveryLengthAndPlaceAreFoundWhole() throws {
        for length in 0...40 {
            for place in 0...length {
                let plain = String(repeating: "x", count: length)
                let head = plain.prefix(place)
                let tail = plain.dropFirst(place)
                let value = try makeJSON("\"\(head)\\n\u{E9}\(tail)\"")
                #expect(value == .string("\(head)\n\u{E9}\(tail)"), "\(length), \(place)")
            }
        }
    }

    @Test func detailSaysTheRuleAndThePlace() throws {
        let error = #expect(throws: JSONError.self) { try makeJSON(#"{"a":1,"a":2}"#) }
        #expect(error?.detail == #"the name "a" stands twice in one object, at byte 7"#)
    }

    @Test func detailBoundsAndEscapesWhatTheSenderWrote() throws {
        let name = String(repeating: "\\n", count: 500)
        let error = #expect(throws: JSONError.self) {
            try makeJSON("{\"\(name)\":1,\"\(name)\":2}")
        }
        let quoted = String(repeating: "\\n", count: 64)
        #expect(error?.detail.hasPrefix("the name \"\(quoted)\"… stands twice") == true)
    }

    @Test(arguments: RefusedText.all)
    func everyRuleHasItsOwnSentence(_ refused: RefusedText) {
        let detail = JSONError.syntax(refused.rule, offset: refused.offset).detail
        #expect(!detail.contains("the text is not JSON"))
        #expect(detail.hasSuffix(", at byte \(refused.offset)"))
    }
}

@Suite struct JSONValueTests {
    @Test func equalityIsThatOfTheCanonicalBytes() throws {
        #expect(try makeJSON(#"{"a":1,"b":-0}"#) == makeJSON(#"{"b":0,"a":1e0}"#))
        #expect(try makeJSON("\"\u{212A}\"") != makeJSON("\"K\""))
        #expect(try makeJSON("\"e\u{301}\"") != makeJSON("\"\u{E9}\""))
        #expect(try makeJSON("[1,2]") != makeJSON("[2,1]"))
        #expect(try makeJSON(#"{"a":1}"#) != makeJSON(#"{"a":2}"#))
        #expect(try makeJSON("0") != makeJSON("false"))
    }

    @Test func equalValuesHashAlike() throws {
        let first = try makeJSON(#"{"a":[1],"b":null}"#)
        let second = try makeJSON(#"{"b":null,"a":[1]}"#)
        #expect(Set([first, second]).count == 1)
    }

    @Test func membersAreFoundByCodeUnits() throws {
        guard case .object(let object) = try makeJSON("{\"a\":1,\"\u{212A}\":2}") else {
            Issue.record("not an object")
            return
        }
        #expect(object["a"] == (try makeJSON("1")))
        #expect(object["K"] == nil)
    }

    @Test func anObjectCannotBeMadeWithANameTwice() {
        let member = JSONObject.Member(name: "a", value: .null)
        #expect(JSONObject([member, member]) == nil)
        #expect(JSONObject([member])?.members == [member])
    }

    @Test func aNumberIsNeverNaNNorInfinite() {
        #expect(JSONNumber(.nan) == nil)
        #expect(JSONNumber(.infinity) == nil)
        #expect(JSONNumber(-.infinity) == nil)
        #expect(JSONNumber(-0.0)?.value.sign == .plus)
    }

    @Test(arguments: [(3.0, 3), (-3.0, -3), (0.5, nil), (1e300, nil), (0x1p62, 1 << 62)])
    func integerIsNilForFractionsAndWhatDoesNotFit(_ value: Double, _ integer: Int?) {
        #expect(JSONNumber(value)?.integer == integer)
    }
}
