import Randomness
import DHTCore

/// The entry point of libFuzzer: any bytes, as a datagram to a server and as answers to a client.
///
/// A trap, a broken invariant or an unbounded result is a finding.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    FuzzHarness.server(bytes)
    FuzzHarness.client(bytes)
    return 0
}

/// Nodes in a known state, copied for each input so that a finding needs that input alone.
private enum FuzzHarness {
    typealias Node = DHTNode<SeededRandom>

    static let epoch = DHTInstant(nanoseconds: 0)
    static let later = DHTInstant(nanoseconds: 5_000_000)
    static let peer = Endpoint(8, 8, 8, 8, port: 6_881)
    static let key = PublicKey([UInt8](repeating: 1, count: 32))

    static let cryptography = ItemCryptography(
        sha1: { NodeID(high: UInt64($0.count), middle: UInt64($0.first ?? 0), low: 1) },
        isValidSignature: { signature, _, _ in signature.first == 1 }
    )

    static let serverNode = makeNode(answersQueries: true)
    static let clientNode = makeNode(answersQueries: false)
    static let ids = Dictionary(
        uniqueKeysWithValues: clientNode.goodContacts(at: epoch).map { ($0.endpoint, $0.id.bytes) }
    )

    static func makeNode(answersQueries: Bool) -> Node {
        var settings = DHTSettings()
        settings.answersQueries = answersQueries
        settings.families = [.v4, .v6]
        var node = Node(
            settings: settings,
            cryptography: cryptography,
            random: SeededRandom(seed: 7),
            at: epoch
        )
        var generator = SeededRandom(seed: 9)
        for number in 0..<20 {
            let contact = Contact(
                id: NodeID.random(using: &generator),
                endpoint: Endpoint(11, 0, UInt8(number), 1, port: 6_881),
                lastAnswered: epoch
            )
            _ = node.seed(contact, at: epoch)
        }
        return node
    }

    /// The input as a datagram that nobody asked for.
    static func server(_ bytes: [UInt8]) {
        var node = serverNode
        node.receive(bytes.span, from: peer, at: later)
        check(&node)
    }

    /// The input as the body of answers to each kind of lookup.
    static func client(_ bytes: [UInt8]) {
        guard let key, let kind = bytes.first else { return }
        let goals: [LookupGoal] = [
            .peers(.zero, .init(providers: 3, responders: 2)), .nodes(.zero), .immutable(.zero),
            .mutable(key, salt: []),
        ]
        var node = clientNode
        let deadline = DHTInstant(nanoseconds: 1_000_000_000)
        let goal = goals[Int(kind) % goals.count]
        _ = try? node.start(goal, deadline: deadline, at: epoch)
        for query in drain(&node) {
            let reply = wrap(bytes.dropFirst(), as: query)
            node.receive(reply.span, from: query.endpoint, at: later)
        }
        check(&node)
        node.advance(to: DHTInstant(nanoseconds: 20_000_000_000))
        check(&node)
    }

    struct Sent {
        let endpoint: Endpoint
        let transaction: [UInt8]
    }

    static func drain(_ node: inout Node) -> [Sent] {
        var sent: [Sent] = []
        while let action = node.nextAction() {
            guard case .send(let datagram) = action else { continue }
            let transaction = node.withPayload(of: datagram) { bytes -> [UInt8] in
                guard let message = try? Message(bytes) else { found("an unreadable query") }
                return (0..<message.transaction.count).map { bytes[message.transaction.start + $0] }
            }
            sent.append(Sent(endpoint: datagram.endpoint, transaction: transaction))
        }
        return sent
    }

    /// A response with the contact's id, then the input as further keys of `r`.
    static func wrap(_ body: ArraySlice<UInt8>, as query: Sent) -> [UInt8] {
        var bytes = Array("d1:rd2:id20:".utf8)
        bytes += ids[query.endpoint] ?? NodeID.zero.bytes
        bytes += body
        bytes += Array("e1:t6:".utf8) + query.transaction + Array("1:y1:re".utf8)
        return bytes
    }

    static func check(_ node: inout Node) {
        if let broken = node.brokenInvariant(at: later) { found(broken) }
        var size = 0
        while let action = node.nextAction() {
            if case .send(let datagram) = action { size += datagram.byteCount }
        }
        if size > 64 << 10 { found("\(size) bytes in answer to one datagram") }
    }

    /// Says what was found, which optimised code does not by itself, and stops the fuzzer.
    static func found(_ finding: String) -> Never {
        print("found: \(finding)")
        preconditionFailure(finding)
    }
}
