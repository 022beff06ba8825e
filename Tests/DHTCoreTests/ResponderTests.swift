import Randomness
import DHTCore
import DHTSimulator
import Testing

/// Server mode, query by query, on raw datagrams.
struct ResponderTests {
    let asker = Endpoint(21, 0, 0, 1, port: 5_000)
    let askerID = makeID(prefix: 0xAAAA)
    let hash = makeID(prefix: 0x1234)

    func makeQuery(_ query: Query, readOnly: Bool = true) -> [UInt8] {
        var writer = BencodeWriter()
        let envelope = QueryEnvelope(
            transaction: TransactionID(ascii("xyz")),
            sender: askerID,
            isReadOnly: readOnly
        )
        writer.query(query, in: envelope)
        return writer.bytes
    }

    @Test(arguments: [(64, true), (65, false), (1_900, false)])
    func aTransactionIsEchoedUpToALimit(length: Int, isAnswered: Bool) {
        var node = makeServer()
        var bytes = ascii("d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping2:roi1e1:t\(length):")
        bytes += [UInt8](repeating: 0x78, count: length) + ascii("1:y1:qe")
        node.receive(bytes.span, from: asker, at: makeTime(0))
        #expect(drain(&node).datagrams.count == (isAnswered ? 1 : 0))
        #expect(node.counters[.badQuery] == (isAnswered ? 0 : 1))
    }

    /// The node's reply to one datagram.
    func ask(
        _ node: inout TestNode,
        _ bytes: [UInt8],
        from peer: Endpoint? = nil,
        at time: Int = 0
    ) throws -> (bytes: [UInt8], message: Message) {
        node.receive(bytes.span, from: peer ?? asker, at: makeTime(time))
        let reply = try #require(drain(&node).datagrams.first)
        #expect(reply.endpoint == peer ?? asker)
        return (reply.bytes, try decode(reply.bytes))
    }

    func token(_ node: inout TestNode, for query: Query) throws -> [UInt8] {
        let reply = try ask(&node, makeQuery(query))
        return try #require(slice(reply.bytes, reply.message.arguments.token))
    }

    func makeServer(contacts: Int = 20) -> TestNode {
        var node = makeNode(answersQueries: true)
        var generator = SeededRandom(seed: 9)
        for number in 0..<contacts {
            let contact = Contact(
                id: NodeID.random(using: &generator),
                endpoint: makeEndpoint(number),
                lastAnswered: makeTime(0)
            )
            _ = node.seed(contact, at: makeTime(0))
        }
        return node
    }

    @Test func pingIsAnsweredWithTheOwnID() throws {
        var node = makeServer()
        let (bytes, message) = try ask(&node, makeQuery(.ping))
        #expect(message.kind == .response)
        #expect(message.sender == node.id)
        #expect(slice(bytes, message.transaction) == ascii("xyz"))
        #expect(message.observedAddress == asker)
        #expect(!message.isReadOnly)
    }

    @Test func findNodeNamesTheEightClosest() throws {
        var node = makeServer()
        let (bytes, message) = try ask(&node, makeQuery(.findNode(target: hash, want: [])))
        let range = try #require(message.arguments.nodes)
        #expect(range.count == 8 * 26)
        let first = try #require(NodeID(Array(bytes[range.start..<range.start + 20])))
        let contacts = node.goodContacts(at: makeTime(0))
        let closest = contacts.min { $0.id.distance(to: hash) < $1.id.distance(to: hash) }
        #expect(first == closest?.id)
        #expect(message.arguments.nodes6 == nil)
    }

    @Test func wantNamesTheFamilies() throws {
        var node = makeServer()
        let query = makeQuery(.findNode(target: hash, want: [.v6]))
        let (_, message) = try ask(&node, query)
        #expect(message.arguments.nodes == nil)
        #expect(message.arguments.nodes6?.count == 0)
    }

    @Test func anUnknownMethodWithATargetIsAnsweredLikeFindNode() throws {
        var node = makeServer()
        let known = makeQuery(.findNode(target: hash, want: []))
        let text = String(decoding: known, as: UTF8.self)
        #expect(text.contains("9:find_node"))
        let bytes = known.split(separator: ascii("9:find_node")).joined(
            separator: ascii("9:findNodes")
        )
        let (_, message) = try ask(&node, Array(bytes))
        #expect(message.arguments.nodes?.count == 8 * 26)
        let bare = ascii("d1:ad2:id20:abcdefghij0123456789e1:q4:what1:t1:a1:y1:qe")
        #expect(try ask(&node, bare).message.kind == .error(code: 204))
    }

    @Test func announcedPeersAreNamed() throws {
        var node = makeServer()
        let get = Query.getPeers(infoHash: hash, want: [])
        let token = try token(&node, for: get)
        #expect(try ask(&node, makeQuery(get)).message.arguments.values == nil)
        let announce = Query.announcePeer(
            infoHash: hash,
            port: 6_000,
            impliedPort: false,
            token: token
        )
        #expect(try ask(&node, makeQuery(announce)).message.kind == .response)
        let implied = Query.announcePeer(infoHash: hash, port: 1, impliedPort: true, token: token)
        #expect(try ask(&node, makeQuery(implied)).message.kind == .response)
        let reply = try ask(&node, makeQuery(get))
        #expect(
            try readPeers(reply.bytes)
                == [.peer(asker.with(port: 6_000)), .peer(asker)]
        )
        #expect(reply.message.arguments.nodes?.count == 8 * 26)
    }

    @Test func anAnnounceNeedsATokenOfItsOwn() throws {
        var node = makeServer()
        let token = try token(&node, for: .getPeers(infoHash: hash, want: []))
        let wrong: [(NodeID, [UInt8], Endpoint)] = [
            (hash, ascii("guess123"), asker),
            (hash, [], asker),
            (makeID(prefix: 1), token, asker),
            (hash, token, Endpoint(22, 0, 0, 1, port: 5_000)),
        ]
        for (infoHash, token, peer) in wrong {
            let query = Query.announcePeer(
                infoHash: infoHash,
                port: 6_000,
                impliedPort: false,
                token: token
            )
            let reply = try ask(&node, makeQuery(query), from: peer)
            #expect(reply.message.kind == .error(code: 203))
        }
        #expect(node.counters[.badToken] == 4)
        #expect(node.status(at: makeTime(0)).storedInfoHashes == 0)
    }

    @Test func repliesWithManyPeersFitTheDatagram() throws {
        var node = makeServer()
        for number in 0..<100 {
            _ = node.seed(peer: makeEndpoint(number), for: hash, at: makeTime(0))
        }
        let reply = try ask(&node, makeQuery(.getPeers(infoHash: hash, want: [.v4, .v6])))
        #expect(reply.bytes.count <= 1_024)
        #expect(try readPeers(reply.bytes).count >= 30)
    }

    // MARK: BEP 44

    let key = SimulatedCryptography.makeKey(3)

    func makeItem(
        _ sequence: Int64,
        _ value: [UInt8] = ascii("5:hello"),
        salt: String = ""
    ) -> StoredItem {
        let message = StoredItem.signedBytes(salt: ascii(salt), sequence: sequence, value: value)
        return StoredItem(
            value: value,
            mutable: .init(
                publicKey: key,
                salt: ascii(salt),
                sequence: sequence,
                signature: SimulatedCryptography.sign(message, key)
            )
        )
    }

    func put(
        _ node: inout TestNode,
        _ item: StoredItem,
        token: [UInt8]? = nil,
        cas: Int64? = nil
    ) throws -> Message.Kind {
        let target = item.target(SimulatedCryptography.functions)
        let fetched = try self.token(
            &node,
            for: .get(target: target, newerThan: nil, want: [])
        )
        let query = Query.put(
            target: target,
            item,
            compareAndSwap: cas,
            token: token ?? fetched
        )
        return try ask(&node, makeQuery(query)).message.kind
    }

    @Test func aPutItemIsReadBack() throws {
        var node = makeServer()
        let item = makeItem(4, salt: "s")
        #expect(try put(&node, item) == .response)
        let target = item.target(SimulatedCryptography.functions)
        let reply = try ask(&node, makeQuery(.get(target: target, newerThan: nil, want: [])))
        let arguments = reply.message.arguments
        #expect(slice(reply.bytes, arguments.value) == item.value)
        #expect(slice(reply.bytes, arguments.signature) == item.mutable?.signature)
        #expect(slice(reply.bytes, arguments.publicKey) == item.mutable?.publicKey.bytes)
        #expect(arguments.sequence == 4)
        // With the same seq the value stays away.
        let again = try ask(&node, makeQuery(.get(target: target, newerThan: 4, want: [])))
        #expect(again.message.arguments.value == nil)
        #expect(again.message.arguments.sequence == 4)
        let older = try ask(&node, makeQuery(.get(target: target, newerThan: 3, want: [])))
        #expect(older.message.arguments.value != nil)
    }

    @Test func immutableItemsAreStoredByTheirHash() throws {
        var node = makeServer()
        let item = StoredItem(value: ascii("12:Hello World!"))
        #expect(try put(&node, item) == .response)
        let target = item.target(SimulatedCryptography.functions)
        let reply = try ask(&node, makeQuery(.get(target: target, newerThan: nil, want: [])))
        #expect(slice(reply.bytes, reply.message.arguments.value) == item.value)
        #expect(reply.message.arguments.publicKey == nil)
    }

    @Test func putsAreCheckedInOrder() throws {
        var node = makeServer()
        #expect(try put(&node, makeItem(5)) == .response)
        let big = makeItem(6, ascii("997:") + [UInt8](repeating: 97, count: 997))
        #expect(try put(&node, big, token: [1]) == .error(code: 205))
        let salty = makeItem(6, salt: String(repeating: "s", count: 65))
        #expect(try put(&node, salty, token: [1]) == .error(code: 207))
        var forged = makeItem(-1)
        forged.mutable?.signature[0] ^= 1
        #expect(try put(&node, forged, token: [1]) == .error(code: 203))
        #expect(try put(&node, forged) == .error(code: 203))
        forged = makeItem(3)
        forged.mutable?.signature[0] ^= 1
        #expect(try put(&node, forged, cas: 9) == .error(code: 206))
        #expect(try put(&node, makeItem(3), cas: 9) == .error(code: 301))
        #expect(try put(&node, makeItem(3)) == .error(code: 302))
        #expect(try put(&node, makeItem(6), cas: 5) == .response)
    }

    @Test func aRefusedPutIsCountedByItsCause() throws {
        var node = makeServer()
        let item = makeItem(-1)
        let target = item.target(SimulatedCryptography.functions)
        let token = try token(&node, for: .get(target: target, newerThan: nil, want: []))
        func refused(_ item: StoredItem, _ token: [UInt8], as reason: DropReason) throws {
            let before = node.counters[reason]
            let dropped = node.counters.dropped
            let query = Query.put(target: target, item, compareAndSwap: nil, token: token)
            #expect(try ask(&node, makeQuery(query)).message.kind == .error(code: 203))
            #expect(node.counters[reason] == before + 1)
            #expect(node.counters.dropped == dropped + 1)
        }
        try refused(item, [1], as: .badToken)
        try refused(item, token, as: .refusedItem)
        var short = makeItem(1)
        short.mutable?.signature.removeLast()
        try refused(short, token, as: .badQuery)
        // One without a value.
        let query = Query.put(target: target, makeItem(1), compareAndSwap: nil, token: token)
        let bytes = makeQuery(query).split(separator: ascii("1:v5:hello"))
        let reply = try ask(&node, Array(bytes.joined(separator: ascii("1:x5:hello"))))
        #expect(reply.message.kind == .error(code: 203))
        #expect(node.counters[.badQuery] == 2)
    }

    @Test func theLargestItemFits() throws {
        var node = makeServer()
        let item = makeItem(1, ascii("996:") + [UInt8](repeating: 97, count: 996))
        #expect(item.value.count == 1_000)
        #expect(try put(&node, item) == .response)
        let target = item.target(SimulatedCryptography.functions)
        let reply = try ask(&node, makeQuery(.get(target: target, newerThan: nil, want: [])))
        #expect(reply.bytes.count <= 1_400)
        #expect(slice(reply.bytes, reply.message.arguments.value)?.count == 1_000)
    }

    // MARK: Manners

    @Test func clientModeIsSilent() {
        var node = makeNode()
        node.receive(makeQuery(.ping).span, from: asker, at: makeTime(0))
        #expect(drain(&node).datagrams.isEmpty)
        #expect(node.counters[.queryInClientMode] == 1)
    }

    @Test func anAddressIsAnsweredAtItsRate() {
        var node = makeServer()
        for _ in 0..<100 { node.receive(makeQuery(.ping).span, from: asker, at: makeTime(0)) }
        #expect(drain(&node).datagrams.count == 20)
        #expect(node.counters[.addressRate] == 80)
        // Another port of the address shares its rate, another address does not.
        node.receive(makeQuery(.ping).span, from: asker.with(port: 1), at: makeTime(0))
        #expect(drain(&node).datagrams.isEmpty)
        let other = Endpoint(22, 0, 0, 1, port: 1)
        node.receive(makeQuery(.ping).span, from: other, at: makeTime(0))
        #expect(drain(&node).datagrams.count == 1)
    }

    @Test func aStrangerIsPingedBeforeItEnters() throws {
        var node = makeServer(contacts: 0)
        node.receive(makeQuery(.ping, readOnly: false).span, from: asker, at: makeTime(0))
        let drained = drain(&node)
        let ping = try #require(drained.queries(.ping).first)
        #expect(ping.endpoint == asker)
        #expect(node.status(at: makeTime(0)).good == 0)
        let reply = try makeResponse(to: ping.bytes, from: askerID)
        node.receive(reply.span, from: asker, at: makeTime(20))
        #expect(node.status(at: makeTime(20)).good == 1)
    }

    @Test func aReadOnlySenderIsNoContact() {
        var node = makeServer(contacts: 0)
        node.receive(makeQuery(.ping, readOnly: true).span, from: asker, at: makeTime(0))
        #expect(drain(&node).queries(.ping).isEmpty)
    }

    @Test(arguments: [
        Endpoint(0, 1, 1, 1, port: 5), Endpoint(224, 0, 0, 1, port: 5),
        Endpoint(192, 168, 0, 9, port: 5), Endpoint(8, 8, 8, 8, port: 0),
    ])
    func badSourcesAreDropped(peer: Endpoint) {
        var node = makeServer()
        node.receive(makeQuery(.ping).span, from: peer, at: makeTime(0))
        #expect(drain(&node).datagrams.isEmpty)
        #expect(node.counters[.badSource] == 1)
    }
}
