/// Why a question could not be answered; "not there" is an answer, not an error.
package enum ResolveError: Error, Equatable {
    /// Could not look: the store failed. Never said as "not found".
    case storeUnavailable(StoreError)
    /// Stored bytes do not match their content id; nothing derived from them is answered.
    case integrity(ContentID)
    /// A self-certifying name, which only the DHT can answer, and the DHT is switched off.
    case discoveryDisabled
    /// Could not look: no node of the DHT could be asked.
    case discoveryUnreachable
    /// The deadline passed before anything was known.
    case timedOut
    /// The service shuts down.
    case closing
    /// As much work as allowed is under way already.
    case overCapacity

    init(_ error: StoreError) {
        if case .integrity(let id) = error {
            self = .integrity(id)
        } else {
            self = .storeUnavailable(error)
        }
    }

    init(_ obstacle: Discovered.Obstacle) {
        switch obstacle {
        case .deadline: self = .timedOut
        case .overCapacity: self = .overCapacity
        case .unreachable, .familyGone: self = .discoveryUnreachable
        }
    }
}
