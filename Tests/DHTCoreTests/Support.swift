import Randomness
import DHTCore
import DHTSimulator
import Testing

/// The bytes of ASCII text.
func ascii(_ text: String) -> [UInt8] { Array(text.utf8) }

/// An id given by its hexadecimal digits.
func makeID(_ hex: String) throws -> NodeID { try #require(NodeID(hex: hex)) }

/// An id whose first two bytes are given and whose rest is zero.
func makeID(prefix: UInt16) -> NodeID {
    NodeID(high: UInt64(prefix) << 48, middle: 0, low: 0)
}

func decode(_ bytes: [UInt8]) throws -> Message { try Message(bytes.span) }

func slice(_ bytes: [UInt8], _ range: ByteRange?) -> [UInt8]? {
    guard let range, range.start >= 0, range.end <= bytes.count else { return nil }
    return Array(bytes[range.start..<range.end])
}

// Spans cannot pass through the expectation macros, so these wrap the readers.

func readInteger(_ bytes: [UInt8], at offset: Int) -> (value: Int64, end: Int)? {
    Bencode.integer(bytes.span, at: offset)
}

func readString(_ bytes: [UInt8], at offset: Int) -> ByteRange? {
    Bencode.string(bytes.span, at: offset)
}

func readPeers(_ bytes: [UInt8]) throws -> [CompactPeers.Entry] {
    var peers = CompactPeers(start: try #require(try decode(bytes).arguments.values))
    var entries: [CompactPeers.Entry] = []
    while let entry = peers.next(in: bytes.span) { entries.append(entry) }
    return entries
}

typealias TestNode = DHTNode<SeededRandom>

/// A node with the settings that a test varies.
func makeNode(
    id: NodeID? = nil,
    answersQueries: Bool = false,
    seed: UInt64 = 1,
    _ change: (inout DHTSettings) -> Void = { _ in }
) -> TestNode {
    var settings = DHTSettings()
    settings.answersQueries = answersQueries
    settings.adoptsSecureID = false
    change(&settings)
    return TestNode(
        id: id,
        settings: settings,
        cryptography: SimulatedCryptography.functions,
        random: SeededRandom(seed: seed),
        at: makeTime(0)
    )
}

/// A time in milliseconds since the start of a test.
func makeTime(_ milliseconds: Int) -> DHTInstant {
    DHTInstant(nanoseconds: Int64(milliseconds) * 1_000_000)
}

/// The numbered address of a test: each in a /24 of its own.
func makeEndpoint(_ number: Int, port: UInt16 = 6_881) -> Endpoint {
    Endpoint(11, UInt8(number >> 8 & 255), UInt8(number & 255), 1, port: port)
}

/// What a node wants done, its datagrams with their bytes.
struct Drained {
    var datagrams: [(endpoint: Endpoint, bytes: [UInt8])] = []
    var finished: [LookupResult] = []
    var harvested: [LookupResult] = []
    var renewed: [LookupResult] = []
    var identities: [NodeID] = []
    /// Whether a family was said to be gone, or back.
    var gone: [Bool] = []

    /// The queries among the datagrams.
    func queries(_ method: Message.Method) -> [(endpoint: Endpoint, bytes: [UInt8])] {
        datagrams.filter { (try? decode($0.bytes))?.kind == .query(method) }
    }
}

func drain(_ node: inout TestNode) -> Drained {
    var drained = Drained()
    while let action = node.nextAction() {
        switch action {
        case .send(let datagram):
            let bytes = node.withPayload(of: datagram) { span in
                var copy: [UInt8] = []
                for index in 0..<span.count { copy.append(span[index]) }
                return copy
            }
            drained.datagrams.append((datagram.endpoint, bytes))
        case .finished(let result): drained.finished.append(result)
        case .harvested(let result): drained.harvested.append(result)
        case .renewed(_, let result): drained.renewed.append(result)
        case .identityChanged(let id): drained.identities.append(id)
        case .familyChanged(_, let isGone): drained.gone.append(isGone)
        }
    }
    return drained
}

/// A response to a recorded query; `body` writes what follows the id.
func makeResponse(
    to query: [UInt8],
    from sender: NodeID,
    requester: Endpoint = Endpoint(9, 9, 9, 9, port: 9),
    _ body: (inout BencodeWriter) -> Void = { _ in }
) throws -> [UInt8] {
    var writer = BencodeWriter()
    writer.beginResponse(to: requester, sender: sender)
    body(&writer)
    writer.endResponse(to: query.span, transaction: try decode(query).transaction)
    return writer.bytes
}

extension BencodeWriter {
    /// What a write takes with it.
    mutating func token() {
        text("token")
        string(ascii("tok"))
    }

    mutating func nodes(_ contacts: [(NodeID, Endpoint)]) {
        text("nodes")
        stringHeader(count: contacts.count * 26)
        for (id, endpoint) in contacts {
            id.append(to: &bytes)
            endpoint.appendCompact(to: &bytes)
        }
    }

    mutating func values(_ peers: [Endpoint]) {
        text("values")
        beginList()
        for peer in peers {
            stringHeader(count: peer.family.compactPeerCount)
            peer.appendCompact(to: &bytes)
        }
        end()
    }
}
