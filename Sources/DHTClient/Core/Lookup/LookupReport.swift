/// How a lookup ended; exactly one of these.
package enum LookupEnd: Equatable, Sendable, CaseIterable {
    /// The goal was reached before all was asked.
    case satisfied
    /// The k closest were settled, or all that could be asked were and enough of them answered.
    case complete
    case deadline
    /// Closer nodes were named, but at the end of too long a chain.
    case hopCap
    case packetBudget
    /// Nobody could be asked: no contact, no bootstrap node.
    case noContacts
    /// Everybody who could be asked was silent.
    case unreachable
    /// Nobody was left to ask, and too few had answered to say that it is not there.
    case tooFewAnswers
    case cancelled
}

/// What the end of a lookup says about the thing looked for.
package enum LookupVerdict: Equatable, Sendable {
    case found
    /// Asked everywhere it would be, and it was not there.
    case absent
    /// Could not look, or not to the end.
    ///
    /// Never said as "absent".
    case unknown
}

/// What a lookup cost and how it went: for the API, the metrics and `lookup --trace`.
package struct LookupReport: Sendable {
    package var end = LookupEnd.complete
    /// The chain that led to the first result: 1 for a contact of the own table, 0 without result.
    package var hops = 0
    package var queried = 0
    package var responded = 0
    /// Queries that were not answered within the hedge delay; some of them were later.
    package var stalled = 0
    package var timedOut = 0
    /// Error replies, replies under another id, queries that could not be sent.
    package var failed = 0
    /// How often a query had to wait for our own rates: of its node, or of all queries.
    package var heldBack = 0
    /// Queries of the second wave.
    package var hedged = 0
    /// The wave whose query gave the first satisfying answer; nil without one.
    package var winner: Wave?
    package var elapsed = TimeSpan.zero
    /// Until the first provider, item or, for `nodes`, the last settled answer.
    package var firstResult: TimeSpan?
    package var bytesSent = 0
    package var bytesReceived = 0
    /// Named nodes and values that were not taken: martian, malformed, over a limit.
    package var discarded = 0
    /// Items with a wrong signature or hash.
    package var forged = 0
    /// The hedge delay in force at the end.
    package var hedgeDelay = TimeSpan.zero

    /// Whether our own rates kept the lookup from its end, and nobody who was asked failed.
    ///
    /// It says nothing about the network.
    package var isHeldBack: Bool {
        end == .deadline && heldBack > 0 && timedOut == 0 && failed == 0
    }

    /// What hedging brought, as the metric `dht_hedged_requests_total` counts it; nil unhedged.
    package var hedge: HedgeResult? {
        guard hedged > 0 else { return nil }
        return switch winner {
        case .beta: .win
        case .alpha: .lose
        case nil: .tie
        }
    }
}

/// Which wave of a hedged lookup was first.
package enum HedgeResult: Sendable, CaseIterable {
    case win, lose, tie
}

/// One query of a lookup, for `lookup --trace`.
package struct QueryTrace: Sendable {
    /// Nil when a bootstrap node never told its id.
    package var id: NodeID?
    package var endpoint: Endpoint
    package var wave: Wave
    package var hop: Int
    /// From 1, in the order of sending.
    package var turn: Int
    /// Since the lookup's start.
    package var sent: TimeSpan
    /// From sending to the answer or the failure; nil when it was still under way at the end.
    package var took: TimeSpan?
    package var wasStalled: Bool
    package var state: Candidate.State
    package var nodesGiven: Int
    package var valuesGiven: Int
}

/// A provider that a lookup found.
package struct FoundPeer: Hashable, Sendable {
    package let endpoint: Endpoint
    /// Distinct nodes that named it: a measure of trust.
    package var sightings: Int
}

/// What a write did.
package struct WriteReport: Equatable, Sendable {
    /// Nodes that the write was to be sent to.
    package var attempted = 0
    /// Nodes that confirmed it.
    package var stored = 0
    package var timedOut = 0
    /// Nodes that it could not be sent to.
    package var unsent = 0
    /// Refusals by error code, in ascending order of the code.
    package var refusals: [Refusal] = []

    package struct Refusal: Equatable, Sendable {
        package var code: Int64
        package var count: Int
    }

    mutating func refused(code: Int64) {
        if let index = refusals.firstIndex(where: { $0.code == code }) {
            refusals[index].count += 1
            return
        }
        // A peer chooses the code, so the list is bounded.
        guard refusals.count < 16 else { return }
        refusals.append(Refusal(code: code, count: 1))
        refusals.sort { $0.code < $1.code }
    }
}

/// The outcome of a lookup.
package struct LookupResult: Sendable {
    package var id: LookupID
    package var goal: LookupGoal
    package var target: NodeID
    package var family: AddressFamily
    package var report: LookupReport
    /// In the order of their addresses: the same set always reads the same.
    package var providers: [FoundPeer]
    /// The best verified item.
    package var item: StoredItem?
    /// The closest nodes that answered, closest first, at most k.
    package var closest: [NodeInfo]
    /// Every query in the order of sending; empty unless asked for.
    package var trace: [QueryTrace]
    /// Present when the lookup served a write.
    package var write: WriteReport?
    /// Whether answers still under way will be reported in a later `.harvested`.
    package var isHarvesting: Bool

    /// A node by id and address.
    package struct NodeInfo: Hashable, Sendable {
        package let id: NodeID
        package let endpoint: Endpoint
    }

    /// Found, absent or unknown.
    package var verdict: LookupVerdict {
        let found =
            switch goal {
            case .nodes: !closest.isEmpty
            case .peers: !providers.isEmpty
            case .immutable, .mutable: item != nil
            }
        if found { return .found }
        return report.end == .complete ? .absent : .unknown
    }
}

extension [LookupResult] {
    /// Without those of families in which there was nobody to ask, unless that are all.
    package var withoutEmptyFamilies: [LookupResult] {
        let others = filter { $0.report.end != .noContacts }
        return others.isEmpty ? self : others
    }
}
