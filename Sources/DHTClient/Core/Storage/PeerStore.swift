/// The peers that others announced to this node, bounded in every direction (BEP 5, server mode).
///
/// When full, the info-hash farthest from the own id goes: those nearby are the ones that this node
/// is responsible for, and a flood of far ones cannot displace them. Near ones need no work to
/// choose, so one address has a share of the info-hashes only.
package struct PeerStore: Sendable {
    /// Info-hashes that one address (one /64 for IPv6) may announce to at once.
    ///
    /// A tenth of the usual store: whoever shares many torrents finds few of them near one node.
    /// Not counted where all nodes share one address.
    package static let infoHashesPerAddressLimit = 200

    private let settings: StorageSettings
    /// How many info-hashes have peers of an address; no address without any.
    private var infoHashesOfAddress: [Endpoint: Int] = [:]
    private var index: [NodeID: Int] = [:]
    private var entries: [Entry] = []

    private struct Entry: Sendable {
        let infoHash: NodeID
        /// Oldest announce first.
        var peers: [Peer]

        /// Adds a peer; where one has to go it is the oldest of an address that has the most, so
        /// that nobody evicts the others by announcing many ports.
        ///
        /// Returns who had to go.
        mutating func add(_ peer: Peer, _ settings: StorageSettings) -> Peer? {
            var evicted: Peer?
            let ofSameAddress = peers.count { $0.address == peer.address }
            if ofSameAddress >= settings.peersPerAddressLimit {
                if let oldest = peers.firstIndex(where: { $0.address == peer.address }) {
                    evicted = peers.remove(at: oldest)
                }
            } else if peers.count >= settings.peersPerInfoHashLimit {
                var counts: [Endpoint: Int] = [:]
                for peer in peers { counts[peer.address, default: 0] += 1 }
                let most = counts.values.max() ?? 0
                if let oldest = peers.firstIndex(where: { counts[$0.address] == most }) {
                    evicted = peers.remove(at: oldest)
                }
            }
            peers.append(peer)
            return evicted
        }

        func holds(_ address: Endpoint) -> Bool {
            peers.contains { $0.address == address }
        }
    }

    private struct Peer: Sendable {
        let endpoint: Endpoint
        let expires: DHTInstant

        /// What counts as one address: a /64 for IPv6.
        var address: Endpoint {
            endpoint.family == .v4
                ? endpoint.with(port: 0) : Endpoint(v6: endpoint.high, 0, port: 0)
        }
    }

    package init(_ settings: StorageSettings) {
        self.settings = settings
    }

    /// Info-hashes held.
    package var count: Int { entries.count }

    /// Records an announce, or renews it.
    ///
    /// False when the store is full of nearer info-hashes, or the address has its share of them.
    package mutating func announce(
        _ endpoint: Endpoint,
        for infoHash: NodeID,
        own: NodeID,
        at now: DHTInstant
    ) -> Bool {
        let peer = Peer(endpoint: endpoint, expires: now + settings.peerLifetime)
        let isRenewal = index[infoHash].map { entries[$0].holds(peer.address) } ?? false
        guard isRenewal || mayHoldMore(peer.address),
            let slot = slot(for: infoHash, own: own)
        else { return false }
        removePeers(at: slot) { $0.endpoint == endpoint || $0.expires <= now }
        if !entries[slot].holds(peer.address) {
            infoHashesOfAddress[peer.address, default: 0] += 1
        }
        if let evicted = entries[slot].add(peer, settings) { release(evicted.address, from: slot) }
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
            removePeers(at: slot) { $0.expires <= now }
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

    /// Whether an address has fewer info-hashes than its share.
    private func mayHoldMore(_ address: Endpoint) -> Bool {
        settings.peersPerAddressLimit == .max
            || infoHashesOfAddress[address, default: 0] < Self.infoHashesPerAddressLimit
    }

    private mutating func removePeers(at slot: Int, where isGone: (Peer) -> Bool) {
        var gone: Set<Endpoint> = []
        entries[slot].peers.removeAll { peer in
            guard isGone(peer) else { return false }
            gone.insert(peer.address)
            return true
        }
        for address in gone { release(address, from: slot) }
    }

    /// An info-hash has lost a peer of an address: it counts no more once it was the last one.
    private mutating func release(_ address: Endpoint, from slot: Int) {
        guard !entries[slot].holds(address), let count = infoHashesOfAddress[address] else {
            return
        }
        infoHashesOfAddress[address] = count > 1 ? count - 1 : nil
    }

    private mutating func remove(at slot: Int) {
        removePeers(at: slot) { _ in true }
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
