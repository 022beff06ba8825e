internal import DHTCore

/// What a public key says about its names: pkarr's value, a DNS reply of answers only (RFC 1035).
///
/// Keeps every answer, also of types that mean nothing here, so that publishing one record leaves
/// the others as they were.
package struct PkarrPacket: Hashable, Sendable {
    package private(set) var records: [DNSRecord] = []

    /// The largest packet that is written: the largest byte string that nodes store (BEP 44).
    package static let maximumCount = StoredItem.maximumStringCount
    private static let headerCount = 12
    /// The bit that makes a DNS message a reply.
    private static let reply: UInt16 = 0x8000

    /// A packet without records.
    package init() {}

    /// Reads a packet of at most 1000 bytes.
    package init(reading bytes: [UInt8]) throws(PkarrPacketError) {
        let packet = bytes.span
        guard bytes.count <= StoredItem.maximumValueCount else { throw .tooLarge }
        guard bytes.count >= Self.headerCount else { throw .malformed }
        guard packet.number(at: 2) & Self.reply != 0, packet.number(at: 4) == 0,
            packet.number(at: 8) == 0, packet.number(at: 10) == 0
        else { throw .notAnswersOnly }
        var offset = Self.headerCount
        for _ in 0..<packet.number(at: 6) {
            guard let record = DNSRecord(reading: packet, at: &offset) else { throw .malformed }
            records.append(record)
        }
        guard offset == bytes.count else { throw .malformed }
    }

    /// The packet's bytes, names compressed, at most `maximumCount`.
    package func encoded() throws(PkarrPacketError) -> [UInt8] {
        var writer = DNSPacketWriter()
        let numbers: [UInt16] = [0, Self.reply, 0, UInt16(clamping: records.count), 0, 0]
        for number in numbers { writer.number(number) }
        for record in records {
            writer.record(record)
            guard writer.bytes.count <= Self.maximumCount else { throw .full }
        }
        return writer.bytes
    }

    /// What the record of these labels points at; nil when there is none.
    ///
    /// Of several, the first that can be read counts.
    package func link(of name: KeyName) -> ContentLink? {
        guard let recordName = name.recordName else { return nil }
        for record in records where record.name == recordName {
            guard let text = record.joinedText, let target = ContentLink.target(of: text) else {
                continue
            }
            return ContentLink(target: target, wireTTL: record.ttl)
        }
        return nil
    }

    /// Points a name at some content, in place of what it pointed at; other records stay.
    package mutating func setLink(
        _ link: ContentLink,
        of name: KeyName
    ) throws(PkarrPacketError) {
        guard let recordName = name.recordName else { throw .nameTooLong }
        records.removeAll { record in
            record.name == recordName && record.joinedText.flatMap(ContentLink.target) != nil
        }
        let ttl = UInt32(clamping: link.ttl)
        records.append(DNSRecord(text: link.text, ttl: ttl, name: recordName))
    }
}

/// Why bytes are not a pkarr packet, or records do not make one.
package enum PkarrPacketError: Error, Equatable, CustomStringConvertible {
    /// More than 1000 bytes.
    case tooLarge
    /// A query, or a message with questions or other sections.
    case notAnswersOnly
    /// Cut off, bytes behind the end, a name that loops or is too long, data unlike their type.
    case malformed
    /// The records do not fit into what DHT nodes store.
    case full
    /// DNS cannot hold the name: labels have at most 63 bytes, names 255.
    case nameTooLong

    package var description: String {
        switch self {
        case .tooLarge: "the packet has more bytes than DHT nodes store"
        case .notAnswersOnly: "the packet is not a DNS reply that has answers only"
        case .malformed: "the packet is not well-formed DNS"
        case .full:
            "the key's records do not fit into \(PkarrPacket.maximumCount) bytes; "
                + "publish this name under another key"
        case .nameTooLong:
            "the name is too long for DNS; use labels of at most "
                + "\(DNSName.maximumLabelCount) bytes, and fewer of them"
        }
    }
}
