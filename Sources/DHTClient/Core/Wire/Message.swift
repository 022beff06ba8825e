/// One KRPC message (BEP 5) as decoded from a datagram: facts, and ranges that point into it.
///
/// Decoding decides by `y` alone: error replies of some nodes carry `r` as well as `e`.
package struct Message: Sendable {
    package var kind: Kind
    /// The contents of `t`: opaque, echoed byte for byte.
    package var transaction: ByteRange
    /// `a.id` or `r.id`; nil when absent (errors) or not 20 bytes.
    package var sender: NodeID?
    /// BEP 43: the sender answers no queries and belongs in no table.
    package var isReadOnly = false
    /// BEP 42: our own address as the responder saw it.
    package var observedAddress: Endpoint?
    package var arguments = Arguments()

    package enum Kind: Equatable, Sendable {
        case query(Method)
        case response
        case error(code: Int64)
    }

    /// What is being asked.
    package enum Method: Equatable, Sendable {
        case ping, findNode, getPeers, announcePeer, get, put
        /// Answered like `findNode` when it carries a target (BEP 5 leaves it open).
        case unknown
    }

    /// What stands in the `a` or `r` dictionary; each method uses a few of these.
    package struct Arguments: Sendable {
        /// `target` or `info_hash`.
        package var target: NodeID?
        package var nodes: ByteRange?
        package var nodes6: ByteRange?
        /// Where the first item of the list `values` begins.
        package var values: Int?
        package var token: ByteRange?
        package var port: UInt16?
        package var impliedPort = false
        package var want = Families()
        /// The raw bencoded value of `v` (BEP 44), as received.
        package var value: ByteRange?
        /// `k`, if it is 32 bytes.
        package var publicKey: ByteRange?
        /// `sig`, if it is 64 bytes.
        package var signature: ByteRange?
        package var salt: ByteRange?
        package var sequence: Int64?
        package var compareAndSwap: Int64?
    }

    /// A set of address families, as `want` names them (BEP 32).
    package struct Families: OptionSet, Sendable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        package static let v4 = Families(rawValue: 1)
        package static let v6 = Families(rawValue: 2)
    }

    /// Why a datagram is not a message.
    package enum Failure: Error, Equatable, Sendable {
        case bencode(Bencode.Failure)
        case notDictionary
        case noTransaction
        case noKind
        case noMethod
        case noBody
    }
}

extension Message {
    /// Decodes one datagram; bytes behind the dictionary are ignored, as other nodes do.
    package init(
        _ bytes: Span<UInt8>,
        limits: Bencode.Limits = Bencode.Limits()
    ) throws(Failure) {
        do throws(Bencode.Failure) {
            _ = try Bencode.scan(bytes, limits: limits)
        } catch {
            throw .bencode(error)
        }
        guard let top = TopLevel(bytes) else { throw .notDictionary }
        guard let transaction = top.transaction else { throw .noTransaction }
        self.transaction = transaction
        isReadOnly = top.isReadOnly
        observedAddress = top.observedAddress
        switch top.kind {
        case UInt8(ascii: "q"):
            guard let name = top.method else { throw .noMethod }
            kind = .query(Method(bytes, name))
            guard let body = top.queryBody else { throw .noBody }
            readBody(bytes, at: body)
        case UInt8(ascii: "r"):
            kind = .response
            guard let body = top.responseBody else { throw .noBody }
            readBody(bytes, at: body)
        case UInt8(ascii: "e"):
            kind = .error(code: top.errorCode ?? 201)
            if let body = top.responseBody { readBody(bytes, at: body) }
        default: throw .noKind
        }
    }

    private mutating func readBody(_ bytes: Span<UInt8>, at offset: Int) {
        guard let start = Bencode.contents(bytes, of: .dictionary, at: offset) else { return }
        var walk = DictionaryWalk(offset: start)
        while let entry = walk.next(bytes) {
            if bytes.matches(entry.key, "id") {
                sender = sender ?? id(bytes, at: entry.value)
            } else {
                arguments.read(bytes, key: entry.key, at: entry.value)
            }
        }
    }
}

/// The 20 bytes of a string value; nil for any other value.
private func id(_ bytes: Span<UInt8>, at offset: Int) -> NodeID? {
    guard let string = Bencode.string(bytes, at: offset), string.count == NodeID.byteCount else {
        return nil
    }
    return NodeID(bytes, at: string.start)
}

/// The string at an offset if it has a given length.
private func string(_ bytes: Span<UInt8>, at offset: Int, count: Int) -> ByteRange? {
    guard let string = Bencode.string(bytes, at: offset), string.count == count else { return nil }
    return string
}

/// The keys and values of a dictionary whose structure has been scanned.
private struct DictionaryWalk {
    var offset: Int

    mutating func next(_ bytes: Span<UInt8>) -> (key: ByteRange, value: Int)? {
        guard !Bencode.isEnd(bytes, at: offset), let key = Bencode.string(bytes, at: offset),
            let end = try? Bencode.scan(bytes, from: key.end)
        else { return nil }
        offset = end
        return (key, key.end)
    }
}

/// The top-level dictionary; of a repeated key the first value counts.
private struct TopLevel {
    var transaction: ByteRange?
    var kind: UInt8 = 0
    var method: ByteRange?
    var queryBody: Int?
    var responseBody: Int?
    var errorCode: Int64?
    var isReadOnly = false
    var observedAddress: Endpoint?

    init?(_ bytes: Span<UInt8>) {
        guard let start = Bencode.contents(bytes, of: .dictionary, at: 0) else { return nil }
        var walk = DictionaryWalk(offset: start)
        while let (key, value) = walk.next(bytes) {
            if key.count == 1 {
                readShort(bytes, key: bytes[key.start], at: value)
            } else if bytes.matches(key, "ro") {
                isReadOnly = Bencode.integer(bytes, at: value)?.value == 1
            } else if bytes.matches(key, "ip") {
                readObservedAddress(bytes, at: value)
            }
        }
    }

    private mutating func readShort(_ bytes: Span<UInt8>, key: UInt8, at value: Int) {
        switch key {
        case UInt8(ascii: "a"): queryBody = queryBody ?? value
        case UInt8(ascii: "r"): responseBody = responseBody ?? value
        case UInt8(ascii: "q"): method = method ?? Bencode.string(bytes, at: value)
        case UInt8(ascii: "t"): transaction = transaction ?? Bencode.string(bytes, at: value)
        case UInt8(ascii: "y"):
            guard kind == 0, let text = string(bytes, at: value, count: 1) else { return }
            kind = bytes[text.start]
        case UInt8(ascii: "e"):
            guard let start = Bencode.contents(bytes, of: .list, at: value) else { return }
            errorCode = errorCode ?? Bencode.integer(bytes, at: start)?.value
        default: break
        }
    }

    private mutating func readObservedAddress(_ bytes: Span<UInt8>, at value: Int) {
        guard let text = Bencode.string(bytes, at: value) else { return }
        for family in AddressFamily.allCases where text.count == family.compactPeerCount {
            observedAddress = Endpoint(compact: bytes, at: text.start, family: family)
        }
    }
}

extension Message.Method {
    fileprivate init(_ bytes: Span<UInt8>, _ name: ByteRange) {
        self =
            if bytes.matches(name, "get_peers") {
                .getPeers
            } else if bytes.matches(name, "find_node") {
                .findNode
            } else if bytes.matches(name, "ping") {
                .ping
            } else if bytes.matches(name, "announce_peer") {
                .announcePeer
            } else if bytes.matches(name, "get") {
                .get
            } else if bytes.matches(name, "put") {
                .put
            } else {
                .unknown
            }
    }
}

extension Message.Arguments {
    /// Takes one key of a body; unknown keys and values of the wrong type are as if absent.
    fileprivate mutating func read(_ bytes: Span<UInt8>, key: ByteRange, at offset: Int) {
        switch key.count {
        case 1: readItem(bytes, key: bytes[key.start], at: offset)
        case 3, 4: readShort(bytes, key: key, at: offset)
        default: readLong(bytes, key: key, at: offset)
        }
    }

    private mutating func readItem(_ bytes: Span<UInt8>, key: UInt8, at offset: Int) {
        switch key {
        case UInt8(ascii: "v"):
            guard value == nil, let end = try? Bencode.scan(bytes, from: offset) else { return }
            value = ByteRange(start: offset, count: end - offset)
        case UInt8(ascii: "k"): publicKey = publicKey ?? string(bytes, at: offset, count: 32)
        default: break
        }
    }

    private mutating func readShort(_ bytes: Span<UInt8>, key: ByteRange, at offset: Int) {
        if bytes.matches(key, "sig") {
            signature = signature ?? string(bytes, at: offset, count: 64)
        } else if bytes.matches(key, "seq") {
            sequence = sequence ?? Bencode.integer(bytes, at: offset)?.value
        } else if bytes.matches(key, "cas") {
            compareAndSwap = compareAndSwap ?? Bencode.integer(bytes, at: offset)?.value
        } else if bytes.matches(key, "salt") {
            salt = salt ?? Bencode.string(bytes, at: offset)
        } else if bytes.matches(key, "port") {
            port = port ?? Bencode.integer(bytes, at: offset).flatMap { UInt16(exactly: $0.value) }
        } else if bytes.matches(key, "want") {
            readWant(bytes, at: offset)
        }
    }

    private mutating func readLong(_ bytes: Span<UInt8>, key: ByteRange, at offset: Int) {
        if bytes.matches(key, "nodes") {
            nodes = nodes ?? Bencode.string(bytes, at: offset)
        } else if bytes.matches(key, "token") {
            token = token ?? Bencode.string(bytes, at: offset)
        } else if bytes.matches(key, "values") {
            values = values ?? Bencode.contents(bytes, of: .list, at: offset)
        } else if bytes.matches(key, "nodes6") {
            nodes6 = nodes6 ?? Bencode.string(bytes, at: offset)
        } else if bytes.matches(key, "target") || bytes.matches(key, "info_hash") {
            target = target ?? id(bytes, at: offset)
        } else if bytes.matches(key, "implied_port") {
            impliedPort = Bencode.integer(bytes, at: offset).map { $0.value != 0 } ?? false
        }
    }

    private mutating func readWant(_ bytes: Span<UInt8>, at offset: Int) {
        guard var offset = Bencode.contents(bytes, of: .list, at: offset) else { return }
        while !Bencode.isEnd(bytes, at: offset), let name = Bencode.string(bytes, at: offset) {
            if bytes.matches(name, "n4") { want.insert(.v4) }
            if bytes.matches(name, "n6") { want.insert(.v6) }
            offset = name.end
        }
    }
}
