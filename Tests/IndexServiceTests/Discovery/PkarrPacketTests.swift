import BLAKE3
import DHTCore
import Testing

@testable import IndexService

/// What a key's packet says, and what publishing makes of it.
@Suite struct PkarrPacketTests {
    @Test func aPacketWrittenByHandIsRead() throws {
        let name = try makeKeyName("blog")
        var raw = RawPacket(answers: 2)
        // `_dnslink.<key>` first, then `_dnslink.BLOG.<key>` whose key is a pointer.
        raw.label("_dnslink")
        let keyOffset = raw.bytes.count
        raw.label(name.keyText.uppercased())
        raw.bytes.append(0)
        raw.text("dnslink=/b3/" + makeContentID("apex").digest.hex, ttl: 1)
        raw.label("_DNSLINK")
        raw.label("BLOG")
        raw.pointer(to: keyOffset)
        raw.text("dnslink=/b3/" + makeContentID("blog").digest.hex)
        let packet = try PkarrPacket(reading: raw.bytes)
        #expect(packet.link(of: name) == makeLink("blog"))
        #expect(packet.link(of: try makeKeyName()) == makeLink("apex", ttl: 300))
        #expect(packet.link(of: try makeKeyName("other")) == nil)
        #expect(packet.link(of: try makeKeyName("blog", seed: 2)) == nil)
    }

    @Test func theFirstRecordIsWrittenByteForByte() throws {
        let name = try makeKeyName("a")
        var packet = PkarrPacket()
        try packet.setLink(makeLink("x", ttl: 3600), of: name)
        var raw = RawPacket(flags: 0x8000)
        raw.label("_dnslink")
        raw.label("a")
        raw.label(name.keyText)
        raw.bytes.append(0)
        raw.text("dnslink=/b3/" + makeContentID("x").digest.hex, ttl: 3600)
        #expect(try packet.encoded() == raw.bytes)
    }

    @Test(arguments: [(0, 300), (299, 300), (301, 301), (86_400, 86_400), (86_401, 86_400)])
    func lifeIsClamped(_ wire: Int, _ life: Int) {
        #expect(ContentLink(target: makeContentID(), wireTTL: UInt32(wire)).ttl == life)
    }

    @Test func aLifeWithTheHighestBitIsNone() {
        #expect(ContentLink(target: makeContentID(), wireTTL: .max).ttl == 300)
        #expect(ContentLink(target: makeContentID(), wireTTL: 1 << 31 - 1).ttl == 86_400)
    }

    @Test func onlyLinksToBLAKE3Count() throws {
        let hex = makeContentID("").digest.hex
        let cid = "bafkr4ifpcne3t5pzugtkaqcn5i3nzskjtpfslsnnyejlpte2spfoihzsmi"
        let good = ["dnslink=/b3/\(hex)", "dnslink=/ipfs/\(cid)"]
        for text in good {
            #expect(ContentLink.target(of: Array(text.utf8)) == makeContentID(""))
        }
        let bad = [
            "", "dnslink=", "dnslink=/b3/", "/b3/\(hex)", "dnslink=/b3/\(hex)0",
            "dnslink=/b3/\(hex.uppercased())", "dnslink=/b3/\(hex)/a", "DNSLINK=/b3/\(hex)",
            "dnslink=/ipfs/Qmaaaa", "dnslink=/ipfs/\(cid)/a", "dnslink=/ipns/\(cid)",
            " dnslink=/b3/\(hex)",
        ]
        for text in bad { #expect(ContentLink.target(of: Array(text.utf8)) == nil, "\(text)") }
    }

    @Test func textInPiecesIsJoined() throws {
        let name = try makeKeyName()
        let link = Array("dnslink=/b3/\(makeContentID("x").digest.hex)".utf8)
        var raw = RawPacket(answers: 2)
        raw.label("_dnslink")
        raw.label(name.keyText)
        raw.bytes.append(0)
        raw.text("dnslink=/ipns/other")
        raw.pointer(to: 12)
        raw.body([10] + link.prefix(10) + [0] + [UInt8(link.count - 10)] + link.dropFirst(10))
        #expect(try PkarrPacket(reading: raw.bytes).link(of: name) == makeLink("x"))
    }

    @Test func aNewLinkTakesTheOldOnesPlaceAndNothingElses() throws {
        let (apex, blog) = (try makeKeyName(), try makeKeyName("blog"))
        var raw = RawPacket(answers: 3)
        raw.label(apex.keyText)
        raw.bytes.append(0)
        raw.body(type: 1, [192, 0, 2, 1])
        raw.label("_dnslink")
        raw.pointer(to: 12)
        raw.text("dnslink=/ipns/elsewhere")
        raw.label("www")
        raw.pointer(to: 12)
        raw.body(type: 5, [0xC0, 12])
        var packet = try PkarrPacket(reading: raw.bytes)
        let others = packet.records
        for content in ["1", "2", "3"] {
            try packet.setLink(makeLink(content), of: apex)
            try packet.setLink(makeLink("b" + content), of: blog)
        }
        #expect(packet.link(of: apex) == makeLink("3"))
        #expect(packet.link(of: blog) == makeLink("b3"))
        #expect(packet.records.count == 5)
        let again = try PkarrPacket(reading: packet.encoded())
        #expect(again == packet)
        #expect(Array(again.records.prefix(3)) == others)
    }

    @Test func aFullPacketSaysSo() throws {
        var packet = PkarrPacket()
        var held = 0
        while held < 100 {
            var next = packet
            try next.setLink(makeLink("\(held)"), of: try makeKeyName("label\(held)"))
            guard let bytes = try? next.encoded() else { break }
            #expect(bytes.count <= PkarrPacket.maximumCount)
            #expect(try next.itemValue().count <= StoredItem.maximumValueCount)
            (packet, held) = (next, held + 1)
        }
        // 64 bytes for the key's first name, about 100 for each record.
        #expect((7...10).contains(held))
        try packet.setLink(makeLink(), of: try makeKeyName("one.too.many"))
        #expect(throws: PkarrPacketError.full) { try packet.encoded() }
    }

    @Test func aNameThatDNSCannotHoldIsRefused() throws {
        let long = try makeKeyName(String(repeating: "a", count: 64))
        var packet = PkarrPacket()
        #expect(throws: PkarrPacketError.nameTooLong) { try packet.setLink(makeLink(), of: long) }
        #expect(packet.link(of: long) == nil)
        let fits = try makeKeyName(String(repeating: "a", count: 63))
        try packet.setLink(makeLink(), of: fits)
        #expect(packet.link(of: fits) == makeLink())
        // 9 and 53 bytes for the first and the last label, 1 for the end: 192 are left.
        let sixty = String(repeating: "b", count: 60) + "."
        #expect(try makeKeyName(sixty + sixty + sixty + "12345678").recordName != nil)
        #expect(try makeKeyName(sixty + sixty + sixty + "123456789").recordName == nil)
    }
}
