import Randomness
import DHTCore
import DHTSimulator
import Testing

/// The examples of BEP 5 and what the network really sends.
struct MessageTests {
    let sender = ascii("abcdefghij0123456789")
    let envelope = QueryEnvelope(
        transaction: TransactionID(ascii("aa")),
        sender: NodeID(ascii("abcdefghij0123456789")) ?? .zero
    )
    let target = NodeID(ascii("mnopqrstuvwxyz123456")) ?? .zero

    func encode(_ query: Query, readOnly: Bool = false) -> [UInt8] {
        var writer = BencodeWriter()
        var envelope = envelope
        envelope.isReadOnly = readOnly
        writer.query(query, in: envelope)
        return writer.bytes
    }

    @Test func pingIsTheExampleOfBEP5() {
        let expected = "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"
        #expect(encode(.ping) == ascii(expected))
    }

    @Test func findNodeIsTheExampleOfBEP5() {
        let expected = """
            d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e\
            1:q9:find_node1:t2:aa1:y1:qe
            """
        #expect(encode(.findNode(target: target, want: [])) == ascii(expected))
    }

    @Test func getPeersIsTheExampleOfBEP5() {
        let expected = """
            d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e\
            1:q9:get_peers1:t2:aa1:y1:qe
            """
        #expect(encode(.getPeers(infoHash: target, want: [])) == ascii(expected))
    }

    @Test func announceIsTheExampleOfBEP5() {
        let expected = """
            d1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz123456\
            4:porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe
            """
        let query = Query.announcePeer(
            infoHash: target,
            port: 6881,
            impliedPort: true,
            token: ascii("aoeusnth")
        )
        #expect(encode(query) == ascii(expected))
    }

    @Test func readOnlyStandsAtTheTopLevel() throws {
        let bytes = encode(.ping, readOnly: true)
        #expect(bytes == ascii("d1:ad2:id20:abcdefghij0123456789e1:q4:ping2:roi1e1:t2:aa1:y1:qe"))
        #expect(try decode(bytes).isReadOnly)
    }

    @Test func wantedFamiliesAreAList() throws {
        let bytes = encode(.findNode(target: target, want: [.v4, .v6]))
        #expect(try decode(bytes).arguments.want == [.v4, .v6])
    }

    @Test func pingReplyIsDecoded() throws {
        let message = try decode(ascii("d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re"))
        #expect(message.kind == .response)
        #expect(message.sender == target)
    }

    @Test func errorIsDecoded() throws {
        let bytes = ascii("d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee")
        let message = try decode(bytes)
        #expect(message.kind == .error(code: 201))
        #expect(slice(bytes, message.transaction) == ascii("aa"))
    }

    @Test func errorWithAResponseBodyIsStillAnError() throws {
        let text = "d1:eli203e3:bade1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:ee"
        let message = try decode(ascii(text))
        #expect(message.kind == .error(code: 203))
        #expect(message.sender == target)
    }

    @Test func valuesAreAListOfCompactPeers() throws {
        let bytes = ascii(
            """
            d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth\
            6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re
            """
        )
        let message = try decode(bytes)
        #expect(slice(bytes, message.arguments.token) == ascii("aoeusnth"))
        #expect(
            try readPeers(bytes) == [
                .peer(Endpoint(97, 120, 106, 101, port: 0x2E75)),
                .peer(Endpoint(105, 100, 104, 116, port: 0x6E6D)),
            ]
        )
    }

    @Test func valuesOfOtherShapesAreSkippedOneByOne() throws {
        let bytes = ascii(
            "d1:rd2:id20:abcdefghij01234567896:valuesl5:shorti7e6:idhtnmlee"
                + "e1:t2:aa1:y1:re"
        )
        let peer = CompactPeers.Entry.peer(Endpoint(105, 100, 104, 116, port: 0x6E6D))
        #expect(try readPeers(bytes) == [.malformed, .malformed, peer, .malformed])
    }

    @Test func nodesMustDivideIntoContacts() throws {
        #expect(CompactNodes(ByteRange(start: 0, count: 51), family: .v4) == nil)
        #expect(CompactNodes(ByteRange(start: 0, count: 52), family: .v4)?.count == 2)
        #expect(CompactNodes(ByteRange(start: 0, count: 38), family: .v6)?.count == 1)
        #expect(CompactNodes(ByteRange(start: 0, count: 0), family: .v6)?.count == 0)
    }

    @Test func trailingBytesUnsortedKeysAndMissingVersionPass() throws {
        let text = "d1:y1:q1:t4:abcd1:q4:ping1:ad2:id20:abcdefghij0123456789eeJUNK"
        let message = try decode(ascii(text))
        #expect(message.kind == .query(.ping))
        #expect(message.transaction.count == 4)
    }

    @Test(arguments: [
        ("le", Message.Failure.notDictionary), ("de", .noTransaction), ("d1:t2:aae", .noKind),
        ("d1:t2:aa1:y1:xe", .noKind), ("d1:t2:aa1:y1:qe", .noMethod),
        ("d1:q4:ping1:t2:aa1:y1:qe", .noBody), ("d1:t2:aa1:y1:re", .noBody),
        ("d1:ti1ee", .noTransaction),
    ])
    func incompleteMessagesAreNamed(text: String, failure: Message.Failure) {
        #expect(throws: failure, "\(text)") { try decode(ascii(text)) }
    }

    @Test func fieldsOfTheWrongTypeAreAbsent() throws {
        let text = "d1:ad2:id3:abc4:porti70000e3:seq1:x9:info_hashi1e1:k2:xxe1:q3:get1:t1:a1:y1:qe"
        let message = try decode(ascii(text))
        #expect(message.sender == nil)
        #expect(message.arguments.port == nil)
        #expect(message.arguments.sequence == nil)
        #expect(message.arguments.target == nil)
        #expect(message.arguments.publicKey == nil)
    }

    @Test func theRawSliceOfTheValueIsKept() throws {
        let bytes = ascii("d1:rd2:id20:abcdefghij01234567891:vd1:bi1e1:ali2eeee1:t2:aa1:y1:re")
        #expect(slice(bytes, try decode(bytes).arguments.value) == ascii("d1:bi1e1:ali2eee"))
    }

    @Test func observedAddressHasEitherFamily() throws {
        let v4 = ascii("d2:ip6:") + [1, 2, 3, 4, 0x1A, 0xE1]
        let tail = ascii("1:rd2:id20:abcdefghij0123456789e1:t2:aa1:y1:re")
        #expect(try decode(v4 + tail).observedAddress == Endpoint(1, 2, 3, 4, port: 6881))
        let v6 = ascii("d2:ip18:") + [UInt8](repeating: 9, count: 18)
        #expect(try decode(v6 + tail).observedAddress?.family == .v6)
    }

    @Test func everyQueryRoundTrips() throws {
        var generator = SeededRandom(seed: 7)
        for _ in 0..<200 {
            let target = NodeID.random(using: &generator)
            let sequence = Int64(bitPattern: generator.next()) >> 8
            let key = try #require(PublicKey((0..<32).map { _ in UInt8.random(in: 0...255) }))
            let item = StoredItem(
                value: ascii("5:hello"),
                mutable: .init(
                    publicKey: key,
                    salt: ascii("salt"),
                    sequence: sequence,
                    signature: [UInt8](repeating: 7, count: 64)
                )
            )
            let queries: [(Query, Message.Method)] = [
                (.ping, .ping), (.findNode(target: target, want: [.v6]), .findNode),
                (.getPeers(infoHash: target, want: []), .getPeers),
                (.get(target: target, newerThan: sequence, want: []), .get),
                (.put(target: target, item, compareAndSwap: 3, token: ascii("tok")), .put),
            ]
            for (query, method) in queries {
                let bytes = encode(query)
                let message = try decode(bytes)
                #expect(message.kind == .query(method))
                #expect(message.sender == envelope.sender)
                if method != .ping { #expect(message.arguments.target == target) }
                if method == .get { #expect(message.arguments.sequence == sequence) }
                guard method == .put else { continue }
                #expect(slice(bytes, message.arguments.publicKey) == key.bytes)
                #expect(slice(bytes, message.arguments.salt) == ascii("salt"))
                #expect(slice(bytes, message.arguments.value) == item.value)
                #expect(message.arguments.compareAndSwap == 3)
                #expect(message.arguments.sequence == sequence)
            }
        }
    }

    @Test(arguments: [0, 1, 2, 8, 200])
    func transactionIsEchoedWhateverItsLength(count: Int) throws {
        let transaction = [UInt8](repeating: 0x65, count: count)
        var query = BencodeWriter()
        query.beginDictionary()
        query.text("t")
        query.string(transaction)
        query.end()
        let range = try #require(readString(query.bytes, at: 4))
        var writer = BencodeWriter()
        let requester = Endpoint(1, 2, 3, 4, port: 5)
        writer.beginResponse(to: requester, sender: target)
        writer.endResponse(to: query.bytes.span, transaction: range)
        let reply = try decode(writer.bytes)
        #expect(slice(writer.bytes, reply.transaction) == transaction)
        #expect(reply.observedAddress == requester)
        var failure = BencodeWriter()
        failure.error(.unknownMethod, to: query.bytes.span, transaction: range)
        #expect(try decode(failure.bytes).kind == .error(code: 204))
    }
}

/// What is signed, and which item wins; the vectors of BEP 44 are in `ItemVerificationTests`.
struct StoredItemTests {
    let value = ascii("12:Hello World!")

    @Test func signedBytesAreThoseOfBEP44() {
        let plain = StoredItem.signedBytes(salt: [], sequence: 1, value: value)
        #expect(plain == ascii("3:seqi1e1:v12:Hello World!"))
        let salted = StoredItem.signedBytes(salt: ascii("foobar"), sequence: 1, value: value)
        #expect(salted == ascii("4:salt6:foobar3:seqi1e1:v12:Hello World!"))
    }

    @Test func theHigherSequenceWinsAndOnATieTheLargerValue() {
        let key = SimulatedCryptography.makeKey(1)
        let first = SimulatedCryptography.makeItem(key, sequence: 1)
        let second = SimulatedCryptography.makeItem(key, sequence: 2)
        #expect(second.supersedes(first) && !first.supersedes(second))
        var larger = first
        larger.value = ascii("i2e")
        #expect(larger.supersedes(first) && !first.supersedes(larger))
        #expect(!first.supersedes(first))
    }
}
