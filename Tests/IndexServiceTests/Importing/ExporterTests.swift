import Randomness
import Testing

@testable import IndexService

@Suite struct ExporterTests {
    /// Whatever was imported, the export imported elsewhere is the same store and the same export.
    @Test(arguments: 0..<6 as Range<UInt64>)
    func anExportOfAnImportGivesTheSameLinesBack(_ seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        var names: Set<String> = []
        while names.count < 60 { names.insert(try random.name().text) }
        let input = names.map { makeLine($0, &random) }
        let first = try await exportAfterImporting(input)
        let second = try await exportAfterImporting(first.lines)
        #expect(second.lines == first.lines, "seed \(seed)")
        #expect(second.names == first.names, "seed \(seed)")
        // Lines that were canonical and in order already come back byte for byte.
        #expect(first.lines == input.sorted { name(of: $0) < name(of: $1) }, "seed \(seed)")
    }

    @Test func linesAreWrittenInTheirCanonicalForm() async throws {
        let export = try await exportAfterImporting([
            #"{ "manifest": {"b": 1.0, "a": "\u0041"}, "name": "A", "ttl_s": 9 }"#
        ])
        #expect(export.lines == [#"{"name":"a","manifest":{"a":"A","b":1},"ttl_s":9}"#])
    }

    @Test func aManifestThatNoLineCanCarryIsNamedByItsContentID() async throws {
        try await withStore { store in
            let manifests = [
                makeManifest("no json", mediaType: .octets), makeManifest(#"{"b":1, "a":2}"#),
                makeManifest("1"),
            ]
            for (number, manifest) in manifests.enumerated() {
                let entry = try makeEntry("n\(number)", manifest: manifest)
                _ = try store.importBatch([entry], at: .testNow)
            }
            let (lines, summary) = try export(store)
            #expect(
                lines == [
                    #"{"name":"n0","manifest_cid":"\#(manifests[0].id)"}"#,
                    #"{"name":"n1","manifest_cid":"\#(manifests[1].id)"}"#,
                    #"{"name":"n2","manifest":1}"#,
                ]
            )
            #expect(summary == Exporter.Summary(names: 3, unembeddable: 2))
        }
    }

    @Test func aDamagedManifestCostsOnlyItself() async throws {
        try await withStore { store in
            for number in 0..<3 {
                let entry = try makeEntry("n\(number)", manifest: makeManifest("\(number)"))
                _ = try store.importBatch([entry], at: .testNow)
            }
            try store.execute("UPDATE manifests SET bytes = x'30' WHERE bytes = x'31'")
            var damaged: [String] = []
            let (lines, summary) = try export(store) { damaged.append($0.name.text) }
            let id = makeManifest("1").id
            #expect(
                lines == [
                    #"{"name":"n0","manifest":0}"#, #"{"name":"n1","manifest_cid":"\#(id)"}"#,
                    #"{"name":"n2","manifest":2}"#,
                ]
            )
            #expect(damaged == ["n1"])
            #expect(summary == Exporter.Summary(names: 3, damaged: 1))
        }
    }

    @Test func theEndOfAnAnnouncementComesThroughAsWhatIsLeftOfIt() async throws {
        let entry = try makeEntry(
            manifest: makeManifest("1"),
            providers: [
                makeProvider("ended", expiresAt: 1000), makeProvider("lasting"),
                makeProvider("later", expiresAt: 1060),
            ]
        )
        let now = UnixTime(seconds: 1000)
        let bytes = entry.line(at: now)
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == #"{"name":"libc6","manifest":1,"providers":["#
                + #"{"id":"lasting","addr":"192.0.2.1:80"},"#
                + #"{"id":"later","addr":"192.0.2.1:80","ttl_s":60}]}"# + "\n"
        )
        var reader = ImportLineReader()
        let later = UnixTime(seconds: 5000)
        let text = Array(bytes.dropLast())
        let read = try ImportEntry(try reader.read(text.span), at: later)
        #expect(read.providers.map(\.expiresAt?.seconds) == [nil, 5060])
    }

    @Test func announcementsThatHaveEndedAreLeftOut() async throws {
        try await withStore { store in
            let now = UnixTime.now().seconds
            let entry = try makeEntry(
                manifest: makeManifest("1"),
                providers: [
                    makeProvider("ended", expiresAt: now - 1), makeProvider("lasting"),
                    makeProvider("later", expiresAt: now + 1000),
                ]
            )
            #expect(try store.importBatch([entry], at: .testNow) == [nil])
            let line = try #require(try export(store).0.first)
            #expect(!line.contains("ended") && line.contains("lasting") && line.contains("later"))
            #expect(line.contains(#""ttl_s":1000"#) || line.contains(#""ttl_s":99"#))
        }
    }

    @Test func removedNamesAreNotExported() async throws {
        try await withStore { store in
            _ = try store.importBatch([try makeEntry()], at: .testNow)
            _ = try store.removeName(makeName(), precondition: .none, at: .testNow)
            #expect(try export(store).0.isEmpty)
        }
    }

    @Test func aStoreOfManyPagesIsExportedWhole() async throws {
        let input = (1000..<2301).map { #"{"name":"n\#($0)","manifest":\#($0)}"# }
        #expect(try await exportAfterImporting(input).lines == input)
    }

    @Test func aWriterThatFailsEndsTheExportWithItsError() async throws {
        try await withStore { store in
            _ = try store.importBatch([try makeEntry()], at: .testNow)
            #expect(throws: TestFailure.self) {
                try Exporter(store: store).run { _ in throw TestFailure() }
            }
        }
    }
}

private func export(
    _ store: IndexStore,
    onDamage: (NameRecord) -> Void = { _ in }
) throws -> ([String], Exporter.Summary) {
    var bytes: [UInt8] = []
    let summary = try Exporter(store: store).run({ bytes += $0 }, onDamage: onDamage)
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(text.isEmpty || text.hasSuffix("\n"))
    return (text.split(separator: "\n").map(String.init), summary)
}

private func exportAfterImporting(
    _ lines: [String]
) async throws -> (lines: [String], names: [NameRecord]) {
    try await withStore { store in
        let input = Array(lines.joined(separator: "\n").utf8)
        let run = try await importing([input]) { try await store.storeBatch($0) }
        #expect(run.refused.isEmpty)
        let records = try store.names(prefix: "", after: nil, limit: 5000)
        // When they were stored differs; all else must not.
        let timeless = records.map { record in
            NameRecord(
                name: record.name,
                manifestID: record.manifestID,
                ttl: record.ttl,
                version: record.version,
                updatedAt: .testNow
            )
        }
        return (try export(store).0, timeless)
    }
}

/// A random import line, written as the exporter writes it.
private func makeLine(_ name: String, _ random: inout SeededRandom) -> String {
    var json = JSONWriter()
    json.beginObject()
    json.field("name", name)
    if random.oneIn(4) {
        json.field("manifest_cid", makeContentID(name + "never held").description)
    } else {
        // A document of its own for each name: names that share one share its providers too.
        json.key("manifest")
        json.beginObject()
        json.field("n", name)
        json.field("v", random.text(of: "é\"\\/\u{1}a", count: 2))
        json.endObject()
        if random.oneIn(3) { json.field("media_type", "text/x; a=b") }
    }
    if random.oneIn(3) { json.field("ttl_s", random.int(in: 1...1000)) }
    let count = random.int(in: 0...3)
    if count > 0 {
        json.key("providers")
        json.beginArray()
        for number in 0..<count {
            json.beginObject()
            json.field("id", "p\(number)")
            json.field("addr", random.pick(["x:1", "http://[::1]:8080/a?b=c&d", "1.2.3.4:5"]))
            if random.oneIn(2) { json.field("region", "eu-west-1") }
            json.endObject()
        }
        json.endArray()
    }
    json.endObject()
    return String(decoding: json.bytes, as: UTF8.self)
}

private func name(of line: String) -> String {
    String(line.dropFirst(#"{"name":""#.utf8.count).prefix { $0 != "\"" })
}
