/// A query as we send it: the method with its arguments.
package enum Query: Sendable {
    case ping
    case findNode(target: NodeID, want: Message.Families)
    case getPeers(infoHash: NodeID, want: Message.Families)
    case announcePeer(infoHash: NodeID, port: UInt16, impliedPort: Bool, token: [UInt8])
    /// BEP 44; `newerThan` lets the responder leave out a value that we already hold.
    case get(target: NodeID, newerThan: Int64?, want: Message.Families)
    case put(target: NodeID, StoredItem, compareAndSwap: Int64?, token: [UInt8])
}

/// What stands around every query.
package struct QueryEnvelope: Sendable {
    package var transaction: TransactionID
    package var sender: NodeID
    /// BEP 43: `ro = 1`.
    package var isReadOnly: Bool
    /// The client and version in four bytes (BEP 20 style); empty leaves `v` out.
    package var version: [UInt8]

    package init(
        transaction: TransactionID,
        sender: NodeID,
        isReadOnly: Bool = false,
        version: [UInt8] = []
    ) {
        self.transaction = transaction
        self.sender = sender
        self.isReadOnly = isReadOnly
        self.version = version
    }
}

extension BencodeWriter {
    /// Appends one query, its keys in sorted order.
    package mutating func query(_ query: Query, in envelope: QueryEnvelope) {
        beginDictionary()
        text("a")
        beginDictionary()
        arguments(query, sender: envelope.sender)
        end()
        text("q")
        text(query.name)
        if envelope.isReadOnly {
            text("ro")
            integer(1)
        }
        text("t")
        stringHeader(count: envelope.transaction.byteCount)
        envelope.transaction.append(to: &bytes)
        if !envelope.version.isEmpty {
            text("v")
            string(envelope.version)
        }
        text("y")
        text("q")
        end()
    }

    private mutating func arguments(_ query: Query, sender: NodeID) {
        if case .put(_, _, let compareAndSwap?, _) = query {
            text("cas")
            integer(compareAndSwap)
        }
        text("id")
        string(sender)
        switch query {
        case .ping: break
        case .findNode(let target, let families):
            text("target")
            string(target)
            want(families)
        case .getPeers(let infoHash, let families):
            text("info_hash")
            string(infoHash)
            want(families)
        case .announcePeer(let infoHash, let port, let impliedPort, let token):
            if impliedPort {
                text("implied_port")
                integer(1)
            }
            text("info_hash")
            string(infoHash)
            text("port")
            integer(Int64(port))
            text("token")
            string(token)
        case .get(let target, let newerThan, let families):
            if let newerThan {
                text("seq")
                integer(newerThan)
            }
            text("target")
            string(target)
            want(families)
        case .put(let target, let item, _, let token):
            put(item, target: target, token: token)
        }
    }

    private mutating func put(_ item: StoredItem, target: NodeID, token: [UInt8]) {
        if let mutable = item.mutable {
            text("k")
            string(mutable.publicKey.bytes)
            if !mutable.salt.isEmpty {
                text("salt")
                string(mutable.salt)
            }
            text("seq")
            integer(mutable.sequence)
            text("sig")
            string(mutable.signature)
        }
        // BEP 44 derives the target, but one implementation insists on reading it.
        text("target")
        string(target)
        text("token")
        string(token)
        text("v")
        bytes.append(contentsOf: item.value)
    }

    private mutating func want(_ families: Message.Families) {
        guard !families.isEmpty else { return }
        text("want")
        beginList()
        if families.contains(.v4) { text("n4") }
        if families.contains(.v6) { text("n6") }
        end()
    }
}

extension Query {
    var name: StaticString {
        switch self {
        case .ping: "ping"
        case .findNode: "find_node"
        case .getPeers: "get_peers"
        case .announcePeer: "announce_peer"
        case .get: "get"
        case .put: "put"
        }
    }
}
