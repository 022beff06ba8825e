/// The peers that others announced to this node, bounded in every direction (BEP 5, server mode).
///
/// When full, the info-hash farthest from the own id goes: those nearby are the ones that this node
/// is responsible for, and a flood of far ones cannot displace them.
package struct PeerStore: Sendable {
    private let settings: StorageSettings
    private var index: [NodeID: Int] = [:]
    private var entries: [Entry] = []

    private struct Entry: Sendable {
        let infoHash: NodeID
        /// Oldest announce first.
        var peers: [Peer]
    }

    private struct Peer: Sendable {
        let endpoint: Endpoint
        let expires: DHTInstant
    }

    package init(_ settings: StorageSettings) {
        self.settings = settings
    }

    /// Info-hashes held.
    package var count: Int { entries.count }

    /// Records an announce, or renews it.
    ///
    /// False when the store is full of nearer info-hashes.
    package mutating func announce(
        _ endpoint: Endpoint,
        for infoHash: NodeID,
        own: NodeID,
        at now: DHTInstant
    ) -> Bool {
        guard let slot = slot(for: infoHash, own: own) else { return false }
        entries[slot].peers.removeAll { $0.endpoint == endpoint || $0.expires <= now }
        if entries[slot].peers.count >= settings.peersPerInfoHashLimit {
            entries[slot].peers.removeFirst()
        }
        entries[slot].peers.append(Peer(endpoint: endpoint, expires: now + settings.peerLifetime))
        return true
    }

    /// Calls `body` with up to `limit` living peers of a family, the start of the run chosen by
    /// `rotation` so that large sets are shared out over many replies.
    package func forEachPeer(
        of infoHash: NodeID,
        family: AddressFamily,
        limit: Int,
        rotation: UInt64,
        at now: DHTInstant,
        _ body: (Endpoint) -> Void
    ) {
        guard let slot = index[infoHash] else { return }
        let peers = entries[slot].peers
        guard !peers.isEmpty else { return }
        let start = Int(rotation % UInt64(peers.count))
        var left = limit
        for step in peers.indices where left > 0 {
            let peer = peers[(start + step) % peers.count]
            guard peer.expires > now, peer.endpoint.family == family else { continue }
            body(peer.endpoint)
            left -= 1
        }
    }

    /// Forgets what has expired.
    package mutating func expire(at now: DHTInstant) {
        var slot = 0
        while slot < entries.count {
            entries[slot].peers.removeAll { $0.expires <= now }
            if entries[slot].peers.isEmpty { remove(at: slot) } else { slot += 1 }
        }
    }

    private mutating func slot(for infoHash: NodeID, own: NodeID) -> Int? {
        if let slot = index[infoHash] { return slot }
        if entries.count >= settings.infoHashesLimit {
            guard let farthest = farthest(from: own, entries.map(\.infoHash)),
                infoHash.distance(to: own) < entries[farthest].infoHash.distance(to: own)
            else { return nil }
            remove(at: farthest)
        }
        index[infoHash] = entries.count
        entries.append(Entry(infoHash: infoHash, peers: []))
        return entries.count - 1
    }

    private mutating func remove(at slot: Int) {
        index[entries[slot].infoHash] = nil
        entries.swapAt(slot, entries.count - 1)
        entries.removeLast()
        if slot < entries.count { index[entries[slot].infoHash] = slot }
    }
}

/// The position of the key with the largest distance to an id; nil when there are none.
func farthest(from own: NodeID, _ keys: [NodeID]) -> Int? {
    keys.indices.max { keys[$0].distance(to: own) < keys[$1].distance(to: own) }
}
