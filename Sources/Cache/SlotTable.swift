/// The table that finds nodes by hash: open addressing with linear probing over 32-bit slots.
///
/// It knows nodes only by number, 0 up to `count`, and holds the hash of each, so that growing it
/// hashes no key again. A slot is zero when empty. Otherwise its low bits, as many as index the
/// table, are the node's number plus one (which fits, since at most three quarters of the slots are
/// in use), and its other bits are those of the hash: with the slot's position nearly all of the
/// hash is compared before a node is looked at. 5.3 to 10.7 bytes of slots and 4 of hash an entry.
@usableFromInline
struct SlotTable: Sendable {
    /// As many as a power of two.
    @usableFromInline var slots: [UInt32]
    /// By node.
    @usableFromInline var hashes: [UInt32] = []

    @inlinable
    init() {
        slots = [UInt32](repeating: 0, count: 8)
    }

    @inlinable var count: Int { hashes.count }

    /// The low bits of hash and slot.
    @inlinable var mask: UInt32 { UInt32(truncatingIfNeeded: slots.count &- 1) }

    /// The node with this hash for which `matches` holds; it is asked of few others.
    @inlinable
    @inline(__always)
    func find(hash: UInt32, where matches: (Int) -> Bool) -> Int? {
        let mask = mask
        var position = hash & mask
        while true {
            let slot = slots[Int(position)]
            if slot == 0 { return nil }
            let node = Int((slot & mask) &- 1)
            if (slot ^ hash) & ~mask == 0, matches(node) { return node }
            position = (position &+ 1) & mask
        }
    }

    /// Enters the node with the next number.
    @inlinable
    mutating func append(hash: UInt32) {
        if (count + 1) * 4 > slots.count * 3 { grow() }
        hashes.append(hash)
        place(count - 1)
    }

    /// Removes a node; the one with the highest number takes over its number.
    @inlinable
    mutating func remove(_ node: Int) {
        closeGap(at: position(of: node))
        let last = count - 1
        if node != last {
            let position = Int(position(of: last))
            slots[position] = slots[position] & ~mask | UInt32(node + 1)
            hashes[node] = hashes[last]
        }
        hashes.removeLast()
    }

    /// Makes room for so many nodes; the slots grow by themselves.
    @inlinable
    mutating func reserveCapacity(_ nodes: Int) {
        hashes.reserveCapacity(nodes)
    }

    /// Moves into as little storage as its nodes need.
    mutating func compact() {
        let former = hashes
        self = SlotTable()
        hashes.reserveCapacity(former.count)
        for hash in former { append(hash: hash) }
    }

    /// Doubles the slots: one sweep over the hashes.
    @inlinable
    mutating func grow() {
        slots = [UInt32](repeating: 0, count: slots.count * 2)
        for node in hashes.indices { place(node) }
    }

    @inlinable
    mutating func place(_ node: Int) {
        let hash = hashes[node]
        var position = hash & mask
        while slots[Int(position)] != 0 { position = (position &+ 1) & mask }
        slots[Int(position)] = hash & ~mask | UInt32(node + 1)
    }

    @inlinable
    func position(of node: Int) -> UInt32 {
        var position = hashes[node] & mask
        while slots[Int(position)] & mask != UInt32(node + 1) { position = (position &+ 1) & mask }
        return position
    }

    /// Empties a slot and moves others up, so that no tombstones pile up.
    @inlinable
    mutating func closeGap(at position: UInt32) {
        let mask = mask
        var gap = position
        var position = (position &+ 1) & mask
        while slots[Int(position)] != 0 {
            let home = hashes[Int((slots[Int(position)] & mask) &- 1)] & mask
            // What lies at least as far from its home as from the gap may fill the gap.
            if (position &- home) & mask >= (position &- gap) & mask {
                slots[Int(gap)] = slots[Int(position)]
                gap = position
            }
            position = (position &+ 1) & mask
        }
        slots[Int(gap)] = 0
    }
}
