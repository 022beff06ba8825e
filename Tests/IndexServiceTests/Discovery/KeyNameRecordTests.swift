import DHTCore
import Testing

@testable import IndexService

/// What an item says about a key name, which of two is believed, and what publishing makes of it.
@Suite struct KeyNameRecordTests {
    private func makePacket(_ links: [String: String]) throws -> PkarrPacket {
        var packet = PkarrPacket()
        for (labels, content) in links.sorted(by: { $0.key < $1.key }) {
            try packet.setLink(makeLink(content), of: try makeKeyName(labels))
        }
        return packet
    }

    private func makeRecord(_ content: String = "a", sequence: Int64 = 1) throws -> KeyNameRecord {
        let name = try makeKeyName()
        let item = try makeItem(makePacket(["": content]), key: name, sequence: sequence)
        return try KeyNameRecord(of: name, in: item)
    }

    @Test func aNameIsItsLabelsAndItsKey() throws {
        let key = "o4dksfbqk85ogzdb5osziw6befigbuxmuxkuxq8434q89uj56uyy"
        let name = try #require(KeyName(try Name(parsing: "A.b." + key.uppercased())))
        #expect(name.labels == ["a", "b"])
        #expect(name.description == "a.b." + key)
        #expect(KeyName(name.publicKey).description == key)
        #expect(KeyName(name.publicKey) == KeyName(try Name(parsing: key)))
        #expect(name.recordName == DNSName(labels: ["_dnslink", "a", "b", key]))
        #expect(KeyName(try Name(parsing: "libc6")) == nil)
        #expect(KeyName(try Name(parsing: key + ".libc6")) == nil)
    }

    @Test func aRecordCarriesItsProof() throws {
        let name = try makeKeyName("blog")
        let item = try makeItem(makePacket(["blog": "x", "": "y"]), key: name, sequence: 42)
        let record = try KeyNameRecord(of: name, in: item)
        #expect(record.manifestID == makeContentID("x"))
        #expect(record.ttl == 600)
        #expect(record.sequence == 42)
        #expect(record.item == item)
    }

    @Test func anItemWithoutTheRecordSaysWhy() throws {
        let name = try makeKeyName("blog")
        func refusal(_ item: StoredItem) -> KeyNameRecordError? {
            do throws(KeyNameRecordError) {
                _ = try KeyNameRecord(of: name, in: item)
                return nil
            } catch {
                return error
            }
        }
        let packet = try makePacket(["other": "x"])
        #expect(refusal(try makeItem(packet, key: name)) == .noRecord)
        #expect(refusal(try makeItem(packet, key: makeKeyName(seed: 2))) == .otherKey)
        #expect(refusal(try makeItem(packet, key: name, salt: [1])) == .otherKey)
        var item = try makeItem(packet, key: name)
        item.mutable = nil
        #expect(refusal(item) == .otherKey)
        for value in ["i1e", "", "5:abc", "1:ab", "le"] {
            item = try makeItem(packet, key: name)
            item.value = Array(value.utf8)
            #expect(refusal(item) == .notBytes, "\(value)")
        }
        item.value = Array("12:Hello World!".utf8)
        #expect(refusal(item) == .packet(.notAnswersOnly))
    }

    @Test func theNewestRecordWinsWhateverTheOrder() throws {
        let (old, new) = (try makeRecord("a", sequence: 1), try makeRecord("b", sequence: 2))
        #expect(new.supersedes(old) && !old.supersedes(new))
        #expect(!new.supersedes(new))
        let twins = try [makeRecord("c"), makeRecord("d")]
        let larger = twins[0].supersedes(twins[1]) ? 0 : 1
        #expect(twins[larger].supersedes(twins[1 - larger]))
        #expect(!twins[1 - larger].supersedes(twins[larger]))
        #expect(
            twins[1 - larger].proof.value.lexicographicallyPrecedes(twins[larger].proof.value)
        )
    }

    @Test func publishingKeepsTheKeysOtherRecords() throws {
        let (apex, blog) = (try makeKeyName(), try makeKeyName("blog"))
        let first = try KeyNameUpdate(pointing: apex, at: makeLink("1"), in: nil, microseconds: 50)
        #expect(first.sequence == 50)
        var item = try makeItem(key: apex, sequence: first.sequence)
        item.value = first.value
        let second = try KeyNameUpdate(
            pointing: blog,
            at: makeLink("2"),
            in: item,
            microseconds: 10
        )
        #expect(second.sequence == 51)
        item.value = second.value
        #expect(try KeyNameRecord(of: apex, in: item).manifestID == makeContentID("1"))
        #expect(try KeyNameRecord(of: blog, in: item).manifestID == makeContentID("2"))
    }

    @Test func whatCannotBeKeptIsNotWrittenOver() throws {
        let name = try makeKeyName()
        var item = try makeItem(key: name, sequence: .max)
        #expect(throws: KeyNameUpdateError.sequenceExhausted) {
            try KeyNameUpdate(pointing: name, at: makeLink(), in: item, microseconds: 1)
        }
        item.value = Array("2:hi".utf8)
        #expect(throws: KeyNameUpdateError.unreadable(.packet(.malformed))) {
            try KeyNameUpdate(pointing: name, at: makeLink(), in: item, microseconds: 1)
        }
    }
}
