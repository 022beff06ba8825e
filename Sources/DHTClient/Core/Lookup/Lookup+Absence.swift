/// When a lookup may say that something is not there.
extension Lookup {
    /// Whether it may end as complete: it has found something, or heard enough of the closest to
    /// say that there is nothing.
    var mayEnd: Bool { !isEmptyHanded || hasHeardTheClosest && !isKeptFromTheClosest }

    /// Whether there was something to find and nothing has been found.
    var isEmptyHanded: Bool {
        switch goal {
        case _ where needsAllTokens: false
        case .nodes: false
        case .peers: providers.isEmpty
        case .immutable, .mutable: item == nil
        }
    }

    /// Whether enough of the closest that were asked have answered.
    ///
    /// When the network falls silent for a part of a second, the first nodes have answered and
    /// those nearer to the target have not: then their silence must not be taken for theirs alone,
    /// nor what they hold for not being there. A third of the closest may be silent for good, so
    /// three answers are asked for and no more.
    private var hasHeardTheClosest: Bool {
        let needed = settings.k - quorum
        var asked = 0
        var answered = 0
        for place in shortlist.order where shortlist[place].turn > 0 && asked < settings.k {
            asked += 1
            if shortlist[place].state == .answered { answered += 1 }
        }
        return answered >= min(needed, asked)
    }

    /// Whether somebody closer than the k-th answer could not be asked because silent ones stand in
    /// its network's place.
    private var isKeptFromTheClosest: Bool {
        shortlist.isKeptOut(closerThan: distanceOfKthAnswer ?? .maximum)
    }
}
