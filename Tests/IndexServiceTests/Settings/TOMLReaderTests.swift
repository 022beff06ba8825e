import Randomness
import Testing

@testable import IndexService

@Suite struct TOMLReaderTests {
    @Test(
        "values mean what TOML says",
        arguments: [
            ("\"\"", .string("")), ("'a\\b'", .string("a\\b")),
            ("\"a\\\"b\\\\\"", .string("a\"b\\")),
            ("\"\\t\\n\\r\\b\\f\"", .string("\t\n\r\u{8}\u{C}")), ("\"é#=]\"", .string("é#=]")),
            ("\"\\u00e9\\U0001F600\"", .string("é😀")), ("'it''s'", nil), ("true", .boolean(true)),
            ("false", .boolean(false)), ("0", .integer(0)), ("-0", .integer(0)),
            ("+9", .integer(9)),
            ("-17", .integer(-17)), ("1_000", .integer(1000)),
            ("0xDEAD_beef", .integer(0xDEAD_BEEF)),
            ("0o755", .integer(0o755)), ("0b101", .integer(5)),
            ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
            ("9223372036854775808", .unsupported("number of more than 64 bits")),
            ("1.5", .unsupported("number that is not whole")),
            ("-1e9", .unsupported("number that is not whole")),
            ("inf", .unsupported("number that is not whole")),
            ("1979-05-27T07:32:00Z", .unsupported("date or time")),
            ("07:32:00", .unsupported("date or time")),
            ("[]", .list([])), ("[ 'a' , \"b\", ]", .list(["a", "b"])),
            ("[ # none\n 'a', # one\r\n\n 'b' ]", .list(["a", "b"])),
            ("[1, 'a']", .unsupported("array with other things than strings")),
            ("", nil), ("tru", nil), ("text", nil), ("True", nil), ("1__0", nil), ("_1", nil),
            ("1_", nil), ("01", nil), ("0x", nil), ("-0x1", nil), ("0o8", nil), ("+-1", nil),
            ("1 2", nil), ("5MiB", nil), ("٥", nil), ("'a", nil), ("\"a", nil), ("\"a\\x\"", nil),
            ("\"\\u12\"", nil), ("\"\\uD800\"", nil), ("\"\\U00110000\"", nil), ("\"\u{1}\"", nil),
            ("'\u{7F}'", nil), ("\"\"\"a\"\"\"", nil), ("'''a'''", nil), ("[1", nil), ("[,]", nil),
            ("['a' 'b']", nil), ("[['a']]", nil), ("[{}]", nil), ("{a={b=1}}", nil),
            ("{a=1,}", nil),
            ("{a=1\n}", nil), ("\"a\" b", nil), ("1 # ok", .integer(1)), ("1 # \u{1}", nil),
        ] as [(String, RawSetting?)]
    )
    func values(text: String, expected: RawSetting?) {
        let reader = TOMLReader("key = \(text)\n")
        if let expected {
            #expect(reader.items == [TOMLItem(path: ["key"], value: expected, line: 1)])
            #expect(reader.faults == [])
        } else {
            #expect(!reader.faults.isEmpty)
        }
    }

    @Test(
        "every way of writing a key has its path and its line",
        arguments: [
            ("cache.entries = 5", 1), ("[cache]\nentries=5", 2),
            ("[ cache ]\r\n\tentries = 5\r\n", 2),
            ("[log]\n[cache]\nshards = 1\n\n \"entries\" = 5", 5),
            ("\u{FEFF}# x\n'cache' . entries = 5", 2),
            ("\ncache = { shards = 1, entries = 5 }", 2), ("cache = { \"entries\" = 5 } # x", 1),
            ("rank.deny = [\n'[cache]',\n]\ncache.entries = 5", 4),
        ]
    )
    func paths(text: String, line: Int) {
        let reader = TOMLReader(text)
        #expect(reader.faults.isEmpty)
        #expect(
            reader.items.last
                == TOMLItem(path: ["cache", "entries"], value: .integer(5), line: line)
        )
    }

    @Test(
        "what is complete is not written again",
        arguments: [
            "a = 1\na = 2", "a.b = 1\na.b = 2", "[a]\n[a]", "[a]\nb = 1\nb = 2", "a = 1\n[a]",
            "a = 1\na.b = 2", "a = 1\n[a.b]", "a = {}\n[a]", "a = {}\na.b = 1",
            "[a.b]\n[a]\nb.c = 1",
            "[a]\nb.c = 1\n[a.b]", "a = { b = 1, b = 2 }", "a = { b.c = 1, b = 2 }", "[[a]]\n[a]",
            "[a]\n[[a]]", "\"a\" = 1\na = 2", "a = []\n[[a]]",
        ]
    )
    func secondTime(text: String) {
        #expect(TOMLReader(text).faults.count == 1)
    }

    @Test(
        "what is open may be added to",
        arguments: [
            "a.b = 1\na.c = 2", "[a.b]\n[a]\nc = 1", "[a]\nb.c = 1\nb.d = 2",
            "[a]\nb.c = 1\n[a.b.d]",
            "[[a]]\nb = 1\n[[a]]\nb = 2\n[a.c]\nd = 1", "[a]\n[b]\n[a.c]", "", "\n\n", "# x",
            "\r\n",
            "a = { b.c = 1, b.d = 2 }",
        ]
    )
    func addedTo(text: String) {
        #expect(TOMLReader(text).faults == [])
    }

    @Test(
        "headers and keys that are none are refused with their line",
        arguments: [
            "[", "[]", "[a", "[a]]", "[[a]", "[a] b", "[.a]", "[=]", "[é]", "[a.]", "[a b]", "= 1",
            ".a = 1",
            "a. = 1", "a", "a b = 1", "é = 1", "a : 1", "]", "}", "a.b.c.d.e.f.g.h.i = 1", "\r",
            "\"a",
            "[\n]", "[#",
        ]
    )
    func malformed(text: String) {
        #expect(TOMLReader("\n" + text).faults.first?.line == 2)
    }

    @Test("a mistake ends its line and not the file; under a broken header nothing is taken")
    func goesOn() {
        let reader = TOMLReader("a = x\nb = 1\n[c\nd = 1\n[e]\nf = 1")
        #expect(reader.faults.map(\.line) == [1, 3])
        #expect(reader.items.map(\.path) == [["b"], ["e"], ["e", "f"]])
    }

    @Test("mistakes have a limit, and do not show what stands on the line")
    func faultsAreLimited() {
        let reader = TOMLReader(String(repeating: "token hunter2\n", count: 1000))
        #expect(reader.faults.count == TOMLReader.mostFaults)
        #expect(reader.faults.allSatisfy { !$0.text.contains("hunter2") })
    }

    @Test("no text traps or goes on for ever", arguments: 1...4 as ClosedRange<UInt64>)
    func randomText(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let pieces = [
            "[", "]", "[[", "]]", "=", ".", ",", "\"", "'", "\"\"\"", "'''", "\n", "\r\n", " ", "{",
            "}", "#", "a", "b", "log", "5", "-", "1.5", "true", "1979-05-27", "\\", "é", "\\u00e9",
            "inf", "0x", "_", "\u{FEFF}", "\u{1}", "99999999999999999999", "\r", "\0", "a = 1\n",
        ]
        for round in 0..<500 {
            let count = Int.random(in: 0..<40, using: &random)
            let text = (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            let reader = TOMLReader(text)
            #expect(
                reader.position == text.utf8.count || !reader.faults.isEmpty,
                "seed \(seed), round \(round): \(text.debugDescription)"
            )
        }
    }

    @Test(
        "a full file of the worst kinds is read in no time",
        arguments: [
            "a", "[", "\"", "a.", "a=[", "[a]\n", "#\n", "a={", "\n",
        ]
    )
    func largeFiles(piece: String) {
        let text = String(repeating: piece, count: SettingsFile.maxBytes / piece.utf8.count)
        let source = SettingsFile.parse(text, path: "x", schema: .current)
        #expect(source.problems.count <= 101)
    }
}
