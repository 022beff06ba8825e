/// What the driver is to do: fetch one after the other until there are none left.
package enum DHTAction: Sendable {
    /// Send a datagram; its bytes are at `DHTNode.withPayload` until the next input.
    case send(Datagram)
    /// A lookup has ended: the caller gets its answer.
    ///
    /// Exactly once for each lookup.
    case finished(LookupResult)
    /// What was still under way at an early end has come in.
    ///
    /// At most once, after `finished`.
    case harvested(LookupResult)
    /// A publication that is kept alive was written again; `write` says with what success.
    case renewed(Publication, LookupResult)
    /// The own id has changed because the own address has (BEP 42).
    case identityChanged(NodeID)
    /// A family counts as gone from now on, or no longer (`DHTNode.isGone`).
    case familyChanged(AddressFamily, isGone: Bool)
}

/// A datagram that waits in the node's outbox.
package struct Datagram: Hashable, Sendable {
    package let endpoint: Endpoint
    let range: ByteRange
    /// The query that it carries; nil for a reply.
    let transaction: TransactionID?

    /// Whether it answers a query of somebody else's.
    package var isReply: Bool { transaction == nil }
    /// Bytes of payload.
    package var byteCount: Int { range.count }
}

/// Why a lookup was not begun.
package enum DHTRefusal: Error, Equatable, Sendable {
    /// As many lookups as allowed are running.
    case tooManyLookups
    /// The family is not one that this node speaks.
    case familyNotAvailable
    /// The deadline has passed already.
    case deadlinePassed
    /// An item that no node would store: too big, or too long a salt.
    case itemTooBig
    /// As many announces and items as allowed are being kept alive.
    case tooManyPublications
}

/// What a lookup is to do beside finding its goal.
package struct LookupOptions: Sendable {
    package var family = AddressFamily.v4
    package var priority = LookupPriority.caller
    /// Report every query.
    package var isTraced = false
    /// How long to listen on after an early end; nil takes the setting.
    package var harvestTime: TimeSpan?

    package init(
        family: AddressFamily = .v4,
        priority: LookupPriority = .caller,
        isTraced: Bool = false,
        harvestTime: TimeSpan? = nil
    ) {
        self.family = family
        self.priority = priority
        self.isTraced = isTraced
        self.harvestTime = harvestTime
    }
}

/// Which lookups our own pacing lets go first.
package enum LookupPriority: Int, Sendable, CaseIterable {
    /// Somebody waits.
    case caller
    /// Nobody waits: it leaves a part of each node's burst to those of callers and, once it has
    /// found something, does without a few nodes that it would have to wait for.
    case background
}

/// The health of a node, for readiness and metrics.
package struct DHTStatus: Sendable {
    package var id: NodeID
    /// Contacts of each family's routing table; none while it is gone (`DHTNode.isGone`).
    package var v4 = ContactCount()
    package var v6 = ContactCount()
    package var activeLookups = 0
    package var queriesUnderWay = 0
    /// Answered among all queries that ended in the last few hundred; nil before the first.
    package var responseRatio: Double?
    package var lastAnswer: DHTInstant?
    /// Our address as others see it.
    package var observedAddress: Endpoint?
    package var storedInfoHashes = 0
    package var storedItems = 0
    package var publications = 0
    /// Addresses whose packet rates are remembered, of the direction with more.
    package var trackedAddresses = 0
    package var counters: DHTCounters

    package init(id: NodeID, counters: DHTCounters = DHTCounters()) {
        self.id = id
        self.counters = counters
    }

    package subscript(family: AddressFamily) -> ContactCount { family == .v4 ? v4 : v6 }

    // Of both families.
    package var good: Int { v4.good + v6.good }
    package var questionable: Int { v4.questionable + v6.questionable }
    package var bad: Int { v4.bad + v6.bad }
    /// Those that may well answer.
    package var known: Int { v4.known + v6.known }
}
