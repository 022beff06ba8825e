/// What a lookup is after.
package enum LookupGoal: Hashable, Sendable {
    /// The nodes closest to an id (`find_node`).
    case nodes(NodeID)
    /// The peers of an info-hash (`get_peers`), until there are enough.
    case peers(NodeID, Enough)
    /// An immutable item by its hash (BEP 44); the first valid value is the only one.
    case immutable(NodeID)
    /// The newest mutable item of a key and salt (BEP 44).
    ///
    /// `newerThan` revalidates cheaply: responders leave out a value that is no newer.
    case mutable(PublicKey, salt: [UInt8], newerThan: Int64? = nil)

    /// When a provider lookup has delivered.
    package struct Enough: Hashable, Sendable {
        /// Distinct providers.
        package var providers: Int
        /// Distinct nodes that named any; more than one makes a single liar harmless.
        package var responders: Int

        package init(providers: Int = 1, responders: Int = 1) {
            self.providers = providers
            self.responders = responders
        }
    }

    /// The query that it sends.
    package var method: Message.Method {
        switch self {
        case .nodes: .findNode
        case .peers: .getPeers
        case .immutable, .mutable: .get
        }
    }

    /// The id that is approached.
    package func target(_ cryptography: ItemCryptography) -> NodeID {
        switch self {
        case .nodes(let target), .peers(let target, _), .immutable(let target): target
        case .mutable(let key, let salt, _): cryptography.target(publicKey: key, salt: salt)
        }
    }
}

/// Something to write at the k nodes closest to its target.
package enum Publication: Hashable, Sendable {
    /// `announce_peer`; nil as the port means the one that the datagrams come from.
    case peer(infoHash: NodeID, port: UInt16?)
    /// BEP 44 `put`; `compareAndSwap` makes it conditional on the stored sequence number.
    case item(StoredItem, compareAndSwap: Int64? = nil)

    /// The lookup that finds the nodes and their write tokens.
    package var goal: LookupGoal {
        switch self {
        case .peer(let infoHash, _): .peers(infoHash, LookupGoal.Enough(providers: .max))
        case .item(let item, _):
            if let mutable = item.mutable {
                .mutable(mutable.publicKey, salt: mutable.salt)
            } else {
                .immutable(.zero)
            }
        }
    }

    /// Where it is written.
    package func target(_ cryptography: ItemCryptography) -> NodeID {
        switch self {
        case .peer(let infoHash, _): infoHash
        case .item(let item, _): item.target(cryptography)
        }
    }
}

/// Names a lookup of one node: unique in its lifetime.
package struct LookupID: Hashable, Sendable {
    let slot: UInt16
    let serial: UInt32
}
