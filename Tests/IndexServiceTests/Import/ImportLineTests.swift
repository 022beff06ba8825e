import IndexService
import Testing

@Suite struct ImportLineTests {
    @Test func aFullLineIsTakenApart() throws {
        let line = try readLine(
            #"""
            {"name":"libc6","manifest":{"b":1.0,"a":[ ]},"media_type":"text/x","ttl_s":300,
            "providers":[{"id":"p","addr":"192.0.2.1:80","region":"eu","ttl_s":9},
            {"addr":"http://x/"}]}
            """#
        )
        #expect(line.name == "libc6")
        #expect(line.manifest == .canonical(Array(#"{"a":[],"b":1}"#.utf8)))
        #expect(line.mediaType == "text/x")
        #expect(line.ttlSeconds == 300)
        #expect(line.providers.map(\.id) == ["p", nil])
        #expect(line.providers.map(\.address) == ["192.0.2.1:80", "http://x/"])
        #expect(line.providers.map(\.region) == ["eu", nil])
        #expect(line.providers.map(\.ttlSeconds) == [9, nil])
    }

    @Test func aLineMayBeANameAndAContentID() throws {
        let line = try readLine(#"{"name":"a","manifest_cid":"b3:00","ttl_s":null}"#)
        #expect(line.manifest == .contentID("b3:00"))
        #expect(line.mediaType == nil)
        #expect(line.ttlSeconds == nil)
        #expect(line.providers.isEmpty)
    }

    @Test(arguments: ["null", "false", "0", "\"\"", "[]", "{}"])
    func anyJSONIsAManifest(_ manifest: String) throws {
        let line = try readLine("{\"name\":\"a\",\"manifest\":\(manifest)}")
        #expect(line.manifest == .canonical(Array(manifest.utf8)))
    }

    static let refused: [(String, String)] = [
        ("[]", "the line must be a JSON object"),
        ("{", "the text ends before its value does, at byte 1"),
        (#"{"manifest":1}"#, #"field "name" is required"#),
        (#"{"name":1,"manifest":1}"#, #"field "name" must be a string of 1 to 2048 bytes"#),
        (#"{"name":"a"}"#, #"the line must have either "manifest" or "manifest_cid""#),
        (
            #"{"name":"a","manifest":1,"manifest_cid":"b3:"}"#,
            #"the line must have either "manifest" or "manifest_cid""#
        ),
        (
            #"{"name":"a","manifest":1,"ttl_s":0}"#,
            #"field "ttl_s" must be an integer from 1 to 31536000"#
        ),
        (
            #"{"name":"a","manifest":1,"ttl":1}"#,
            #"unknown field "ttl"; allowed: name, manifest, manifest_cid, "#
                + "media_type, ttl_s, providers"
        ),
        (
            #"{"name":"a","manifest":1,"providers":[{"id":"p"}]}"#,
            #"field "providers[0].addr" is required"#
        ),
        (
            #"{"name":"a","manifest":1,"providers":[{"addr":"x","port":1}]}"#,
            #"unknown field "port" in providers[0]; allowed: id, addr, region, ttl_s"#
        ),
        (
            #"{"name":"a","manifest":1,"providers":[{"addr":"x:1","ttl_s":0}]}"#,
            #"field "providers[0].ttl_s" must be an integer from 1 to 31536000"#
        ),
        (
            #"{"name":"a","name":"b","manifest":1}"#,
            #"the name "name" stands twice in one object, at byte 12"#
        ),
    ]

    @Test(arguments: refused)
    func aBadLineIsRefusedInOneSentence(_ text: String, _ detail: String) {
        let error = #expect(throws: JSONError.self) { try readLine(text) }
        #expect(error?.detail == detail)
    }

    @Test func everyLimitRefusesWhatIsOverIt() throws {
        let text = #"{"name":"a","manifest":1e20,"providers":[{"addr":"x"},{"addr":"y"}]}"#
        let limits = ImportLineReader.Limits(
            lineBytes: text.utf8.count,
            manifestBytes: 21,
            providers: 2,
            ttlSeconds: 1...2
        )
        #expect(try readLine(text, limits: limits).providers.count == 2)
        var tight = limits
        tight.lineBytes -= 1
        #expect(throws: JSONError.syntax(.tooLarge(limit: 67), offset: 67)) {
            try readLine(text, limits: tight)
        }
        tight = limits
        tight.manifestBytes -= 1
        #expect(throws: JSONError.field(#"field "manifest" is over 20 bytes as canonical JSON"#)) {
            try readLine(text, limits: tight)
        }
        tight = limits
        tight.providers -= 1
        #expect(throws: JSONError.field(#"field "providers" must be an array of 0 to 1 objects"#)) {
            try readLine(text, limits: tight)
        }
    }

    @Test func aBadLineDoesNotSpoilTheNext() throws {
        var reader = ImportLineReader()
        #expect(throws: JSONError.self) { try reader.read(Array(#"{"name":["#.utf8).span) }
        let line = try reader.read(Array(#"{"name":"a","manifest":[]}"#.utf8).span)
        #expect(line.name == "a")
    }

    @Test func mutatedLinesAreAnsweredWithALineOrAnError() {
        let line = Array(
            #"{"name":"a","manifest":{"b":[1]},"ttl_s":9,"providers":[{"addr":"x","id":"p"}]}"#.utf8
        )
        var reader = ImportLineReader()
        for seed in 0..<3000 as Range<UInt64> {
            var random = RandomJSON(seed: seed)
            var text = line
            for _ in 0...random.next() % 3 {
                text[Int(random.next() % UInt64(text.count))] = UInt8(
                    truncatingIfNeeded: random.next()
                )
            }
            guard let line = try? reader.read(text.span) else { continue }
            #expect((1...2048).contains(line.name.utf8.count), "seed \(seed)")
        }
    }
}

private func readLine(
    _ text: String,
    limits: ImportLineReader.Limits = ImportLineReader.Limits()
) throws(JSONError) -> ImportLine {
    var reader = ImportLineReader(limits: limits)
    return try reader.read(Array(text.utf8).span)
}
