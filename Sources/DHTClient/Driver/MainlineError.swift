package import DHTCore

/// Why the client could not start, or a lookup could not be asked.
///
/// Everything that a stranger on the network does wrong is counted, never thrown.
package enum MainlineError: Error, Equatable, Sendable {
    /// Another socket has the address already.
    case addressInUse(Endpoint)
    /// The system refused the socket for another reason, in its words.
    case bindFailed(Endpoint, reason: String)
    /// No address was given to bind, or two of one family.
    case badBinds(reason: String)
    /// A bootstrap node that is neither `host:port` nor `[address]:port`.
    case badBootstrapNode(String, reason: String)
    /// There is no open socket of that family at the moment; it is being reopened.
    case notConnected(AddressFamily)
    /// There has been none, or nobody has answered, for so long that nobody waits for it; it is
    /// still tried.
    case familyGone(AddressFamily)
    /// Nodes of that family are known, but none of them answered.
    case unanswered(AddressFamily)
    /// The core did not begin the lookup.
    case refused(DHTRefusal)
    /// The caller's task was cancelled.
    case cancelled
    /// The client has been stopped.
    case stopped
}

extension MainlineError: CustomStringConvertible {
    /// One sentence for an operator.
    package var description: String {
        switch self {
        case .addressInUse(let endpoint):
            "UDP \(endpoint) is in use by another process: choose another port"
        case .bindFailed(let endpoint, let reason): "cannot bind UDP \(endpoint): \(reason)"
        case .badBinds(let reason): reason
        case .badBootstrapNode(let text, let reason): "bootstrap node \"\(text)\": \(reason)"
        case .notConnected(let family):
            "there is no open \(family.spelledOut) socket at the moment"
        case .familyGone(let family):
            "\(family.spelledOut) has had no socket, or no node that answers, for long"
        case .unanswered(let family): "no \(family.spelledOut) node answered"
        case .refused(let refusal): refusal.sentence
        case .cancelled: "the lookup was cancelled"
        case .stopped: "the DHT client has been stopped"
        }
    }
}

extension AddressFamily {
    /// As an operator calls it.
    package var spelledOut: String { self == .v4 ? "IPv4" : "IPv6" }
}

extension DHTRefusal {
    fileprivate var sentence: String {
        switch self {
        case .tooManyLookups: "as many lookups as allowed are running already"
        case .familyNotAvailable: "no socket of that address family is configured"
        case .deadlinePassed: "the deadline has passed already"
        case .itemTooBig: "the item is larger than nodes store"
        case .tooManyPublications: "as many announces and items as allowed are being kept alive"
        }
    }
}
