/// A node that has answered us: where it is, who it says it is, and how reliable it was.
package struct Contact: Hashable, Sendable {
    package let id: NodeID
    package let endpoint: Endpoint
    /// The time that its last answer took, smoothed; microseconds.
    ///
    /// 0 when never measured.
    package var roundTrip: UInt32
    /// Queries in a row that it did not answer.
    package var failures: UInt8
    /// When it last answered one of our queries.
    package var lastAnswered: DHTInstant
    /// When it last showed itself: an answer, or a query of its own.
    package var lastSeen: DHTInstant
    /// When it last had its turn to be asked whether it is still there.
    package var lastAsked = DHTInstant.distantPast

    package init(
        id: NodeID,
        endpoint: Endpoint,
        lastAnswered: DHTInstant,
        roundTrip: UInt32 = 0
    ) {
        self.id = id
        self.endpoint = endpoint
        self.lastAnswered = lastAnswered
        lastSeen = lastAnswered
        self.roundTrip = roundTrip
        failures = 0
    }

    /// How much a contact is to be relied on (BEP 5).
    package enum Standing: Sendable, CaseIterable {
        /// Answered, or asked us something, within the last 15 minutes.
        case good
        /// Not heard of for a while, or did not answer once or twice.
        case questionable
        /// Failed several times in a row.
        case bad
    }

    package func standing(at now: DHTInstant, _ settings: RoutingSettings) -> Standing {
        if Int(failures) >= settings.failuresUntilBad { return .bad }
        if failures > 0 || now.since(lastSeen) > settings.goodFor { return .questionable }
        return .good
    }

    /// Takes note of an answer.
    mutating func answered(after time: TimeSpan, at now: DHTInstant) {
        failures = 0
        lastAnswered = max(lastAnswered, now)
        lastSeen = max(lastSeen, now)
        let sample = UInt32(clamping: time.nanoseconds / 1_000)
        roundTrip = roundTrip == 0 ? sample : roundTrip / 4 * 3 + sample / 4
    }
}

/// How many contacts there are of each standing.
package struct ContactCount: Equatable, Sendable {
    package var good = 0
    package var questionable = 0
    package var bad = 0

    /// Those that may well answer.
    package var known: Int { good + questionable }

    package init() {}
}
