/// Whether lookups in the DHT can be expected to work: by what the client measures, and by how the
/// last lookups went.
///
/// Neither speaks for the other: nodes that answer every ping may answer no lookup.
struct LookupOutlook {
    /// What the client measures.
    struct Network {
        /// Nobody at all answers.
        var isSilent: Bool
        /// Why lookups cannot be expected to work; nil when they can.
        var obstacle: String?
    }

    /// What there is to do, and to say.
    enum Verdict: Equatable {
        case good
        /// A silence has ended: what lookups met in it says nothing any more.
        case isBack
        case bad(reason: String)
        /// Lookups failed, and somebody has to find out whether they still do.
        case doubtful(reason: String)

        /// Why lookups cannot be expected to work; nil when they can.
        var obstacle: String? {
            switch self {
            case .good, .isBack: nil
            case .bad(let reason), .doubtful(let reason): reason
            }
        }
    }

    /// Whether the network was silent, and has not been as it should be since.
    private var wasSilent = false

    /// - Parameter phase: of the circuit breaker. That its pause is over proves nothing: only a
    ///   lookup that was answered, or the end of a silence, does.
    mutating func judge(_ network: Network, _ phase: CircuitBreaker.Phase) -> Verdict {
        if network.isSilent { wasSilent = true }
        if let obstacle = network.obstacle { return .bad(reason: obstacle) }
        if wasSilent {
            wasSilent = false
            return .isBack
        }
        switch phase {
        case .closed: return .good
        case .open: return .bad(reason: Self.lookupsFail)
        case .halfOpen: return .doubtful(reason: Self.lookupsFail)
        }
    }

    private static let lookupsFail =
        "most lookups of the last seconds found nobody to ask, and none has succeeded since"
}
