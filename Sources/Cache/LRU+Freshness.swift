extension LRU {
    /// What is held for a key at an instant: fresh, stale or nothing, and who refreshes it.
    ///
    /// A hit moves the entry to the front of its list. An entry past its life is taken out and
    /// added to `expired`, which the caller destroys when it sees fit (outside of a lock, that is).
    @inlinable
    @inline(__always)
    package mutating func value(
        hash: UInt64,
        at now: MonotonicInstant,
        expired: inout [Entry],
        where matches: (Entry) -> Bool
    ) -> CacheResult<Value> {
        guard let node = find(hash: hash, where: matches) else {
            counters.misses += 1
            return .miss
        }
        let life = nodes[node].entry.life
        let kind = nodes[node].entry.kind
        guard now < life.staleUntil else {
            expired.append(remove(node))
            counters.expirations += 1
            counters.misses += 1
            return .miss
        }
        lists.moveToFront(node, of: kind)
        let refresh = now >= life.refreshFrom
        if refresh { claimRefresh(of: node, at: now) }
        if now < life.freshUntil {
            counters.hits += 1
            return .fresh(nodes[node].entry.value, refresh: refresh)
        }
        counters.staleHits += 1
        return .stale(nodes[node].entry.value, refresh: refresh)
    }

    /// Whether a lookup would find something; neither counted nor a use of the entry.
    @inlinable
    package func contains(
        hash: UInt64,
        at now: MonotonicInstant,
        where matches: (Entry) -> Bool
    ) -> Bool {
        guard let node = find(hash: hash, where: matches) else { return false }
        return now < nodes[node].entry.life.staleUntil
    }

    /// Gives a claimed refresh back: nobody is asked again before `instant`.
    ///
    /// For a refresh that failed (RFC 8767, section 5, "failure recheck timer"), or with the
    /// present instant for one that was not begun. Nothing happens when the entry was replaced
    /// meanwhile.
    @inlinable
    package mutating func postponeRefresh(
        hash: UInt64,
        until instant: MonotonicInstant,
        where matches: (Entry) -> Bool
    ) {
        guard let node = find(hash: hash, where: matches), nodes[node].isClaimed else { return }
        nodes[node].isClaimed = false
        nodes[node].entry.life.refreshFrom = instant
    }

    @inlinable
    mutating func claimRefresh(of node: Int, at now: MonotonicInstant) {
        nodes[node].isClaimed = true
        nodes[node].entry.life.refreshFrom = now.advanced(by: claimLife)
    }
}
