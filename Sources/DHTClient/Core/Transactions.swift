/// The queries that wait for an answer: found by `t` in constant time, expired in order of sending.
///
/// A reply counts only if its `t`, address and port are those of the query. All queries have the
/// same timeout, so the order of sending is the order of expiry and no heap is needed.
package struct Transactions: Sendable {
    private var slots: [Slot] = []
    private var free: [UInt16] = []
    /// In the order of sending, answered ones among them; `head` is the first that may be open.
    private var queue: [Expiry] = []
    private var head = 0
    private let limit: Int

    /// One query under way.
    package struct Entry: Sendable {
        package let endpoint: Endpoint
        /// Who should answer; nil when only the address is known.
        package let expected: NodeID?
        package let method: Message.Method
        package let purpose: Purpose
        package let sentAt: DHTInstant
    }

    /// What an answer is for.
    package enum Purpose: Equatable, Sendable {
        /// A query of a lookup, by the candidate's place in its shortlist.
        case lookup(LookupID, place: UInt8)
        /// The write after a lookup.
        case write(LookupID)
        /// A liveness check.
        ///
        /// A tentative one is of a saved contact while nobody else answers: it may fail.
        case ping(isTentative: Bool)
        /// A look whether the network is there.
        case canary
    }

    private struct Slot: Sendable {
        var nonce: UInt32
        var entry: Entry?
    }

    private struct Expiry: Sendable {
        let expires: DHTInstant
        let id: TransactionID
    }

    /// At most `limit` queries under way, which is no more than 65,536.
    package init(limit: Int) {
        self.limit = min(max(1, limit), 65_536)
    }

    /// Queries under way.
    package var count: Int { slots.count - free.count }

    package var isFull: Bool { count >= limit }

    /// Begins a query, or says nil when too many are under way.
    package mutating func begin(
        _ entry: Entry,
        nonce: UInt32,
        expires: DHTInstant
    ) -> TransactionID? {
        guard !isFull else { return nil }
        let slot = free.popLast() ?? UInt16(truncatingIfNeeded: slots.count)
        if Int(slot) == slots.count { slots.append(Slot(nonce: nonce, entry: entry)) }
        slots[Int(slot)] = Slot(nonce: nonce, entry: entry)
        let id = TransactionID(slot: slot, nonce: nonce)
        queue.append(Expiry(expires: expires, id: id))
        return id
    }

    /// Why a reply belongs to no query.
    package enum Mismatch: Error, Equatable, Sendable {
        case unknown
        /// The transaction exists, but another address was asked.
        case wrongAddress
    }

    /// Ends the query that a reply from an address answers.
    package mutating func finish(
        _ id: TransactionID,
        from endpoint: Endpoint
    ) throws(Mismatch) -> Entry {
        guard let entry = self[id] else { throw .unknown }
        guard entry.endpoint == endpoint else { throw .wrongAddress }
        release(id)
        skipAnswered()
        return entry
    }

    /// Ends the oldest query if it has expired by now.
    package mutating func expire(at now: DHTInstant) -> Entry? {
        guard head < queue.count, queue[head].expires <= now else { return nil }
        let id = queue[head].id
        head += 1
        let entry = self[id]
        release(id)
        skipAnswered()
        return entry
    }

    /// When the oldest query expires.
    package var nextExpiry: DHTInstant? {
        head < queue.count ? queue[head].expires : nil
    }

    private subscript(id: TransactionID) -> Entry? {
        guard id.slot < slots.count, slots[id.slot].nonce == id.nonce else { return nil }
        return slots[id.slot].entry
    }

    private mutating func release(_ id: TransactionID) {
        slots[id.slot].entry = nil
        free.append(UInt16(truncatingIfNeeded: id.slot))
    }

    /// Leaves `head` at a query that is open, or the queue empty.
    private mutating func skipAnswered() {
        while head < queue.count, self[queue[head].id] == nil { head += 1 }
        if head == queue.count {
            queue.removeAll(keepingCapacity: true)
            head = 0
        } else if head > 64, head > queue.count / 2 {
            queue.removeFirst(head)
            head = 0
        }
    }
}
