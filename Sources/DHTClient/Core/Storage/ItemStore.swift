/// The BEP 44 items that others put at this node, bounded in number, size and life (server mode).
package struct ItemStore: Sendable {
    private let settings: StorageSettings
    private var index: [NodeID: Int] = [:]
    private var entries: [Entry] = []

    private struct Entry: Sendable {
        let target: NodeID
        var item: StoredItem
        var expires: DHTInstant
    }

    package init(_ settings: StorageSettings) {
        self.settings = settings
    }

    /// Items held.
    package var count: Int { entries.count }

    /// The living item of a target.
    package func item(for target: NodeID, at now: DHTInstant) -> StoredItem? {
        guard let slot = index[target], entries[slot].expires > now else { return nil }
        return entries[slot].item
    }

    /// Why an item may not replace the one that is stored; nil when it may (BEP 44).
    ///
    /// The same sequence number with another value is accepted and changes nothing, as libtorrent
    /// does: the writer must raise the number.
    package func objection(
        to item: StoredItem,
        target: NodeID,
        compareAndSwap: Int64?,
        at now: DHTInstant
    ) -> QueryError? {
        guard let sequence = item.mutable?.sequence,
            let stored = self.item(for: target, at: now)?.mutable?.sequence
        else { return nil }
        if let compareAndSwap, compareAndSwap != stored { return .compareAndSwapMismatch }
        return sequence < stored ? .sequenceTooLow : nil
    }

    /// Stores an item that has passed every check, or renews the life of the same one.
    ///
    /// False when the store is full of nearer items.
    package mutating func store(
        _ item: StoredItem,
        target: NodeID,
        own: NodeID,
        at now: DHTInstant
    ) -> Bool {
        let expires = now + settings.itemLifetime
        if let slot = index[target] {
            let isNewer =
                (item.mutable?.sequence ?? 0) > (entries[slot].item.mutable?.sequence ?? 0)
            if isNewer || entries[slot].expires <= now { entries[slot].item = item }
            // Another value under the same number must not keep the stored one alive.
            if entries[slot].item == item { entries[slot].expires = expires }
            return true
        }
        if entries.count >= settings.itemsLimit {
            guard let farthest = farthest(from: own, entries.map(\.target)),
                target.distance(to: own) < entries[farthest].target.distance(to: own)
            else { return false }
            remove(at: farthest)
        }
        index[target] = entries.count
        entries.append(Entry(target: target, item: item, expires: expires))
        return true
    }

    /// Forgets what has expired.
    package mutating func expire(at now: DHTInstant) {
        var slot = 0
        while slot < entries.count {
            if entries[slot].expires <= now { remove(at: slot) } else { slot += 1 }
        }
    }

    private mutating func remove(at slot: Int) {
        index[entries[slot].target] = nil
        entries.swapAt(slot, entries.count - 1)
        entries.removeLast()
        if slot < entries.count { index[entries[slot].target] = slot }
    }
}
