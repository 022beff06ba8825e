/// A resource record of a DNS packet, whatever its type (RFC 1035, section 3.2.1).
///
/// Names within its data are taken apart, because they may be compressed: their pointers mean
/// nothing in another packet.
package struct DNSRecord: Hashable, Sendable {
    var name: DNSName
    var type: UInt16
    var recordClass: UInt16
    /// In seconds, as the packet has it.
    var ttl: UInt32
    var data: RecordData

    static let text: UInt16 = 16
    static let internet: UInt16 = 1

    /// The data of a record: bytes, names, bytes; most types have only the first.
    struct RecordData: Hashable, Sendable {
        var head: [UInt8] = []
        var names: [DNSName] = []
        var tail: [UInt8] = []
    }

    /// A TXT record of one string of at most 255 bytes; longer text is cut into several strings.
    init(text: [UInt8], ttl: UInt32, name: DNSName) {
        self.name = name
        type = Self.text
        recordClass = Self.internet
        self.ttl = ttl
        data = RecordData()
        var rest = text[...]
        repeat {
            let string = rest.prefix(255)
            data.head.append(UInt8(truncatingIfNeeded: string.count))
            data.head.append(contentsOf: string)
            rest = rest.dropFirst(string.count)
        } while !rest.isEmpty
    }

    /// The strings of an internet TXT record in one piece; nil for other records.
    var joinedText: [UInt8]? {
        guard type == Self.text, recordClass == Self.internet else { return nil }
        var text: [UInt8] = []
        var rest = data.head[...]
        while let length = rest.popFirst() {
            guard rest.count >= length else { return nil }
            text.append(contentsOf: rest.prefix(Int(length)))
            rest = rest.dropFirst(Int(length))
        }
        return text
    }
}

// MARK: - Reading

extension DNSRecord {
    /// Reads the record at an offset of a packet and moves the offset behind it.
    ///
    /// Nil when it is malformed.
    init?(reading packet: Span<UInt8>, at offset: inout Int) {
        guard let name = DNSName(reading: packet, at: &offset), packet.count - offset >= 10 else {
            return nil
        }
        let numbers = offset
        let count = Int(packet.number(at: numbers + 8))
        let start = numbers + 10
        guard packet.count - start >= count else { return nil }
        self.name = name
        type = packet.number(at: numbers)
        recordClass = packet.number(at: numbers + 2)
        ttl = UInt32(packet.number(at: numbers + 4)) << 16 | UInt32(packet.number(at: numbers + 6))
        guard let data = RecordData(reading: packet, from: start, to: start + count, type: type)
        else { return nil }
        self.data = data
        offset = start + count
    }
}

extension DNSRecord.RecordData {
    fileprivate init?(reading packet: Span<UInt8>, from start: Int, to end: Int, type: UInt16) {
        let layout = DataLayout(type: type)
        guard let layout else {
            head = packet.bytes(from: start, to: end)
            return
        }
        var offset = start + layout.head
        guard offset <= end else { return nil }
        head = packet.bytes(from: start, to: offset)
        for _ in 0..<layout.names {
            guard let name = DNSName(reading: packet, at: &offset), offset <= end else {
                return nil
            }
            names.append(name)
        }
        guard end - offset == layout.tail else { return nil }
        tail = packet.bytes(from: offset, to: end)
    }
}

/// Where the names stand in the data of the types whose names may be compressed.
struct DataLayout {
    /// Bytes before the names.
    var head = 0
    var names = 1
    /// Bytes behind the names.
    var tail = 0
    /// Whether writers may compress them: RFC 3597 allows it for the types of RFC 1035 only.
    var isCompressible = true

    /// Nil for types whose data are just bytes.
    init?(type: UInt16) {
        switch type {
        case 2, 5, 12: break  // NS, CNAME, PTR
        case 6: (names, tail) = (2, 20)  // SOA
        case 15: head = 2  // MX
        case 33: (head, isCompressible) = (6, false)  // SRV
        case 39: isCompressible = false  // DNAME
        default: return nil
        }
    }
}

extension Span<UInt8> {
    /// Two bytes as a number; the caller has checked that they are there.
    func number(at offset: Int) -> UInt16 {
        UInt16(self[offset]) << 8 | UInt16(self[offset + 1])
    }

    fileprivate func bytes(from start: Int, to end: Int) -> [UInt8] {
        (start..<end).map { self[$0] }
    }
}

// MARK: - Writing

/// Writes names and records behind each other; a name that stood before becomes a pointer to it.
struct DNSPacketWriter {
    private(set) var bytes: [UInt8] = []
    private var places: [ArraySlice<UInt8>: Int] = [:]

    mutating func number(_ number: UInt16) {
        bytes.append(UInt8(number >> 8))
        bytes.append(UInt8(number & 0xFF))
    }

    mutating func record(_ record: DNSRecord) {
        name(record.name)
        number(record.type)
        number(record.recordClass)
        number(UInt16(record.ttl >> 16))
        number(UInt16(record.ttl & 0xFFFF))
        number(0)
        let start = bytes.count
        bytes.append(contentsOf: record.data.head)
        let compresses = DataLayout(type: record.type)?.isCompressible ?? false
        for name in record.data.names { self.name(name, compresses: compresses) }
        bytes.append(contentsOf: record.data.tail)
        let count = bytes.count - start
        bytes[start - 2] = UInt8(truncatingIfNeeded: count >> 8)
        bytes[start - 1] = UInt8(truncatingIfNeeded: count)
    }

    private mutating func name(_ name: DNSName, compresses: Bool = true) {
        guard compresses else { return bytes.append(contentsOf: name.wire) }
        var rest = name.wire[...]
        while let length = rest.first, length > 0 {
            if let place = places[rest] { return number(0xC000 | UInt16(place)) }
            // A pointer has 14 bits.
            if bytes.count < 0x4000 { places[rest] = bytes.count }
            bytes.append(contentsOf: rest.prefix(Int(length) + 1))
            rest = rest.dropFirst(Int(length) + 1)
        }
        bytes.append(0)
    }
}
