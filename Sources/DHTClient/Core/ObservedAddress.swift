/// Our own address as responders see it (BEP 42): believed when enough networks agree.
package struct ObservedAddress: Sendable {
    private let votesNeeded: Int
    /// The latest vote of each network, oldest first.
    private var votes: [Vote] = []
    /// The address that was last agreed on.
    package private(set) var agreed: Endpoint?

    private struct Vote: Sendable {
        let network: Endpoint.Network
        let address: Endpoint
    }

    /// Votes that are remembered; older ones count no more.
    private static let window = 24

    package init(votesNeeded: Int) {
        self.votesNeeded = max(1, votesNeeded)
    }

    /// Records what one responder saw; true when that settles a new address.
    package mutating func vote(_ address: Endpoint, by responder: Endpoint) -> Bool {
        guard address.family == responder.family, address.scope == .global else { return false }
        // The port may differ from responder to responder behind a translator; the id ignores it.
        let address = address.with(port: 0)
        votes.removeAll { $0.network == responder.network }
        if votes.count >= Self.window { votes.removeFirst() }
        votes.append(Vote(network: responder.network, address: address))
        let agreeing = votes.count { $0.address == address }
        guard address != agreed, agreeing >= votesNeeded, agreeing * 2 > votes.count else {
            return false
        }
        agreed = address
        return true
    }
}
