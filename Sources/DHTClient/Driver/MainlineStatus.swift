package import DHTCore

/// What the client reports beside the answers to lookups: for the log.
///
/// Delivered on the client's event loop; whoever takes them must not block.
package enum MainlineEvent: Sendable {
    /// A socket is open, at the start or again.
    case bound(Endpoint)
    /// A socket was lost or could not be reopened; the next attempt comes after the pause.
    case socketLost(Endpoint, reason: String, nextAttempt: TimeSpan)
    /// These bootstrap nodes cannot be resolved now; they are tried again.
    case bootstrapUnresolved([ResolveFailure])
    /// The own id follows a new address (BEP 42).
    case identityChanged(NodeID)
    /// Nobody in a family has answered for long, while those of another do; or somebody does again.
    case familyChanged(AddressFamily, isGone: Bool)
    /// A caller's lookup or write ended.
    case finished(LookupReport)
    /// A write that is kept alive was repeated.
    case renewed(Publication, LookupResult)
    /// Contacts of an earlier run were read, or could not be: the client starts without them.
    case savedNodesRead(count: Int)
    case savedNodesFailed(SavedNodesError)
}

/// The client's health and everything it has counted.
package struct MainlineStatus: Sendable {
    /// The core's own view: contacts by family, lookups, response ratio, counters.
    package var node: DHTStatus
    package var sockets: [SocketStatus]
    /// Since the last answer to any query of ours; nil before the first.
    package var sinceLastAnswer: TimeSpan?
    /// The nodes to join by, in the configured order.
    package var bootstrap: [BootstrapState]
    /// Whether names of bootstrap nodes are being resolved for the first time.
    package var isResolving: Bool
    package var tally: DriverTally
    package var isStopped: Bool

    /// One socket of one or two.
    package struct SocketStatus: Sendable {
        /// What it is bound to, or was before it was lost.
        package var endpoint: Endpoint
        package var isOpen: Bool
        /// What the system granted of the receive buffer asked for.
        package var receiveBufferBytes: Int
        /// Why it is not open.
        package var lastError: String?
    }

    /// Bootstrap nodes that cannot be asked, each with the reason.
    private var bootstrapProblems: [String] {
        bootstrap.compactMap { state in
            state.problem.map { "bootstrap node \(state.address): \($0)" }
        }
    }

    /// Why there is nobody to join the DHT by, in a sentence; nil once anybody has answered.
    package var bootstrapObstacle: String? {
        guard sinceLastAnswer == nil, !bootstrap.isEmpty else { return nil }
        let parts = bootstrap.map { "\($0.address): \($0.problem ?? "it does not answer")" }
        return "the DHT could not be asked: \(parts.joined(separator: "; "))"
    }

    /// Whether lookups can be expected to work: a socket, contacts, and somebody who answers.
    package func canLookUp(_ bar: ReadinessBar = ReadinessBar()) -> Bool {
        obstacle(to: bar) == nil
    }

    /// Why lookups cannot be expected to work, as the end of a sentence; nil when they can.
    package func obstacle(to bar: ReadinessBar = ReadinessBar()) -> String? {
        if isStopped { return "the client has been stopped" }
        guard sockets.contains(where: \.isOpen) else {
            let reason = sockets.compactMap(\.lastError).first.map { ": \($0)" } ?? ""
            return "no UDP socket is open\(reason)"
        }
        guard node.good >= bar.goodContacts, node.known >= bar.contacts else {
            return "\(node.good) good and \(node.questionable) dubious nodes are known; "
                + "\(bar.goodContacts) good (dht.min_good_nodes) and \(bar.contacts) in all "
                + "(dht.min_nodes) are needed\(bootstrapProblems.map { "; \($0)" }.joined())"
        }
        guard let sinceLastAnswer, sinceLastAnswer <= bar.lastAnswer else {
            return "no node has answered lately"
        }
        guard (node.responseRatio ?? 0) >= bar.responseRatio else {
            return "too few queries are answered"
        }
        return nil
    }
}

/// What `MainlineStatus.canLookUp` asks for.
package struct ReadinessBar: Sendable {
    package var goodContacts = 1
    /// Good and questionable ones.
    package var contacts = 1
    /// Of the last few hundred queries; a network with many silent nodes still reaches it.
    package var responseRatio = 0.1
    /// The longest silence; every maintenance round pings somebody.
    package var lastAnswer = TimeSpan.seconds(60)

    package init() {}
}

/// What the driver has counted since the start.
package struct DriverTally: Sendable {
    /// Lookups and writes of callers that ended, by how: in the order of `LookupEnd.allCases`.
    package private(set) var ends = [Int](repeating: 0, count: LookupEnd.allCases.count)
    /// Lookups that found something, by hops; longer chains count as the last.
    package private(set) var hops = [Int](repeating: 0, count: 16)
    package private(set) var hedgeWins = 0
    package private(set) var hedgeLosses = 0
    package private(set) var hedgeTies = 0
    /// Datagrams that the system did not take, by reason: in the order of `SendFailure.allCases`.
    private var sendFailures = [Int](repeating: 0, count: SendFailure.allCases.count)
    package private(set) var datagramsSent = 0
    package private(set) var bytesSent = 0
    package var readErrors = 0
    /// How often a socket was lost.
    package var socketsLost = 0
    /// Wakes of the event loop with datagrams.
    package var batches = 0

    package subscript(failure: SendFailure) -> Int { sendFailures[failure.rawValue] }

    package subscript(end: LookupEnd) -> Int {
        LookupEnd.allCases.firstIndex(of: end).map { ends[$0] } ?? 0
    }

    mutating func sent(byteCount: Int) {
        datagramsSent += 1
        bytesSent += byteCount
    }

    mutating func notSent(_ failure: SendFailure) {
        sendFailures[failure.rawValue] += 1
    }

    mutating func ended(_ report: LookupReport) {
        if let index = LookupEnd.allCases.firstIndex(of: report.end) { ends[index] += 1 }
        if report.hops > 0 { hops[min(report.hops, hops.count - 1)] += 1 }
        switch report.hedge {
        case .win: hedgeWins += 1
        case .lose: hedgeLosses += 1
        case .tie: hedgeTies += 1
        case nil: break
        }
    }
}
