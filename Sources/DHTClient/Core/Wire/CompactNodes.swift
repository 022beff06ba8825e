/// The contacts in a `nodes` or `nodes6` string (BEP 5, BEP 32), read one by one.
package struct CompactNodes: Sendable {
    private let range: ByteRange
    private let family: AddressFamily

    /// Nil when the length is not a whole number of contacts.
    package init?(_ range: ByteRange, family: AddressFamily) {
        guard range.count.isMultiple(of: family.compactNodeCount) else { return nil }
        self.range = range
        self.family = family
    }

    package var count: Int { range.count / family.compactNodeCount }

    /// The contact at an index below `count`; nil when the bytes are not those that were measured.
    package func contact(at index: Int, in bytes: Span<UInt8>) -> (id: NodeID, endpoint: Endpoint)?
    {
        guard index >= 0, index < count else { return nil }
        let offset = range.start + index * family.compactNodeCount
        guard let id = NodeID(bytes, at: offset),
            let endpoint = Endpoint(
                compact: bytes,
                at: offset + NodeID.byteCount,
                family: family
            )
        else { return nil }
        return (id, endpoint)
    }
}

/// The peers in a `values` list (BEP 5: a list of strings of 6 or 18 bytes), read one by one.
package struct CompactPeers: Sendable {
    private var offset: Int

    /// The list begins with its first item at `start`, as `Message.values` says.
    package init(start: Int) {
        offset = start
    }

    /// One entry of the list.
    package enum Entry: Equatable, Sendable {
        case peer(Endpoint)
        /// A string of another length, or something that is no string.
        case malformed
    }

    /// The next entry; nil at the end of the list.
    package mutating func next(in bytes: Span<UInt8>) -> Entry? {
        guard !Bencode.isEnd(bytes, at: offset) else { return nil }
        guard let string = Bencode.string(bytes, at: offset) else {
            guard let end = try? Bencode.scan(bytes, from: offset) else { return nil }
            offset = end
            return .malformed
        }
        offset = string.end
        let family: AddressFamily? =
            switch string.count {
            case AddressFamily.v4.compactPeerCount: .v4
            case AddressFamily.v6.compactPeerCount: .v6
            default: nil
            }
        guard let family,
            let peer = Endpoint(compact: bytes, at: string.start, family: family)
        else { return .malformed }
        return .peer(peer)
    }
}
