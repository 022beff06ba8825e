import Randomness
package import DHTCore

/// A node that does not play by the rules.
package enum Liar: Sendable {
    /// Names nodes that are closer than any real one and do not exist.
    case wrongNodes
    /// Names providers out of thin air, whatever is asked.
    case randomPeers
    /// Answers every query with a heap of replies that nobody asked for, and garbage.
    case spammer
    /// Names its accomplices, all in one /24, as the closest nodes.
    case sybil(subnet: UInt32)
    /// One of many that answer as they should, except that they name only each other.
    case accomplice(of: [Member])
    /// Gives an old, truly signed version of every item.
    case oldItem(StoredItem)
    /// Answers everything but BEP 44, like whole families of real nodes.
    case deafToItems
    /// Gives an item with a high sequence number and a wrong signature.
    case forgedItem(StoredItem)

    /// A node as it is named to others.
    package struct Member: Sendable {
        package let id: NodeID
        package let endpoint: Endpoint

        package init(id: NodeID, endpoint: Endpoint) {
            self.id = id
            self.endpoint = endpoint
        }
    }

    /// The datagrams it sends in answer to one; nil when it behaves like an honest node.
    func reply(
        to bytes: Span<UInt8>,
        from requester: Endpoint,
        own: NodeID,
        using random: inout SeededRandom
    ) -> [[UInt8]]? {
        guard let message = try? Message(bytes), case .query(let method) = message.kind,
            let target = message.arguments.target
        else { return nil }
        var writer = BencodeWriter()
        writer.beginResponse(to: requester, sender: own)
        switch self {
        case .wrongNodes: writeNodes(near: target, &writer, using: &random)
        case .sybil(let subnet): writeNodes(near: target, &writer, subnet: subnet, using: &random)
        case .accomplice(let members):
            writeNodes(members.shuffled(using: &random).prefix(8), &writer)
        case .randomPeers:
            guard method == .getPeers else { return nil }
            writePeers(&writer, using: &random)
        case .deafToItems: return method == .get ? [] : nil
        case .spammer: return spam(own, requester, using: &random)
        case .oldItem(let item), .forgedItem(let item):
            guard method == .get else { return nil }
            write(item, &writer)
        }
        writer.endResponse(to: bytes, transaction: message.transaction)
        return [writer.bytes]
    }

    private func writeNodes(
        near target: NodeID,
        _ writer: inout BencodeWriter,
        subnet: UInt32? = nil,
        using random: inout SeededRandom
    ) {
        writer.text("nodes")
        writer.stringHeader(count: 20 * AddressFamily.v4.compactNodeCount)
        for index in 0..<20 {
            let id = target.randomNeighbour(sharing: 100 + random.below(50), using: &random)
            id.append(to: &writer.bytes)
            let address = subnet.map { $0 + UInt32(index) + 1 } ?? Self.randomAddress(&random)
            Endpoint(v4: address, port: 6_881).appendCompact(to: &writer.bytes)
        }
        writer.token()
    }

    private func writeNodes(_ members: ArraySlice<Member>, _ writer: inout BencodeWriter) {
        writer.text("nodes")
        writer.stringHeader(count: members.count * AddressFamily.v4.compactNodeCount)
        for member in members {
            member.id.append(to: &writer.bytes)
            member.endpoint.appendCompact(to: &writer.bytes)
        }
        writer.token()
    }

    private func writePeers(_ writer: inout BencodeWriter, using random: inout SeededRandom) {
        writer.token()
        writer.text("values")
        writer.beginList()
        for _ in 0..<20 {
            writer.stringHeader(count: 6)
            Endpoint(v4: Self.randomAddress(&random), port: 80).appendCompact(to: &writer.bytes)
        }
        writer.end()
    }

    private func write(_ item: StoredItem, _ writer: inout BencodeWriter) {
        guard let mutable = item.mutable else { return }
        writer.text("k")
        writer.string(mutable.publicKey.bytes)
        writer.text("nodes")
        writer.string([])
        writer.text("seq")
        writer.integer(mutable.sequence)
        writer.text("sig")
        writer.string(mutable.signature)
        writer.token()
        writer.text("v")
        writer.bytes.append(contentsOf: item.value)
    }

    private func spam(
        _ own: NodeID,
        _ requester: Endpoint,
        using random: inout SeededRandom
    ) -> [[UInt8]] {
        (0..<20).map { index in
            guard index % 2 == 0 else {
                return random.bytes(count: 60)
            }
            var query = BencodeWriter()
            query.beginDictionary()
            query.text("t")
            query.string(random.bytes(count: 6))
            query.end()
            var writer = BencodeWriter()
            writer.beginResponse(to: requester, sender: own)
            writePeers(&writer, using: &random)
            let transaction = ByteRange(start: 6, count: 6)
            writer.endResponse(to: query.bytes.span, transaction: transaction)
            return writer.bytes
        }
    }

    /// An address where no simulated node lives.
    private static func randomAddress(_ random: inout SeededRandom) -> UInt32 {
        0xC800_0000 | UInt32(truncatingIfNeeded: random.next() >> 40)
    }
}

extension BencodeWriter {
    /// A token that no honest node would take.
    fileprivate mutating func token() {
        text("token")
        string([1, 2, 3, 4])
    }
}
