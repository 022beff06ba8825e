/// The second half of a write: the nodes that a lookup found are sent the announce or the item.
struct WritePhase: Sendable {
    /// Who is to be written to; the closest first.
    fileprivate var targets: [Target]
    fileprivate var next = 0
    fileprivate var underWay = 0
    /// How the search before it ended.
    fileprivate let end: LookupEnd
    fileprivate var report = WriteReport()

    fileprivate struct Target: Sendable {
        let id: NodeID
        let endpoint: Endpoint
        let token: [UInt8]
    }

    /// The k closest nodes that answered and gave a token.
    fileprivate init(_ lookup: Lookup, end: LookupEnd) {
        self.end = end
        targets = lookup.writableCandidates.map { place in
            Target(
                id: lookup.shortlist.id(of: place) ?? .zero,
                endpoint: lookup.shortlist[place].endpoint,
                token: lookup.shortlist[place].token
            )
        }
    }
}

extension Lookup {
    /// The places of the k closest nodes that answered; those without a token are left out.
    fileprivate var writableCandidates: [UInt8] {
        shortlist.order.filter { shortlist[$0].state == .answered }
            .prefix(settings.k)
            .filter { !shortlist[$0].token.isEmpty }
    }
}

// MARK: - Commands

extension DHTNode {
    /// Finds the k closest nodes and writes to them; the result's `write` says what came of it.
    ///
    /// With `keepsAlive` the write is repeated on schedule until `withdraw`.
    package mutating func publish(
        _ publication: Publication,
        keepsAlive: Bool = false,
        options: LookupOptions = LookupOptions(),
        deadline: DHTInstant,
        at now: DHTInstant
    ) throws(DHTRefusal) -> LookupID {
        if case .item(let item, _) = publication {
            guard item.value.count <= StoredItem.maximumValueCount,
                item.mutable?.salt.count ?? 0 <= StoredItem.maximumSaltCount
            else { throw .itemTooBig }
        }
        if keepsAlive, publications.count >= settings.maintenance.publicationsLimit {
            throw .tooManyPublications
        }
        let id = try begin(
            publication,
            purpose: .write(publication),
            options: options,
            deadline: deadline,
            at: now
        )
        if keepsAlive { keepAlive(publication, options.family, at: now) }
        return id
    }

    /// Stops keeping a publication alive; nodes forget it in their own time.
    package mutating func withdraw(_ publication: Publication) {
        publications.removeAll { $0.publication.hasSamePlace(as: publication) }
    }

    mutating func begin(
        _ publication: Publication,
        purpose: ActiveLookup.Purpose,
        options: LookupOptions,
        deadline: DHTInstant,
        at now: DHTInstant
    ) throws(DHTRefusal) -> LookupID {
        let target = publication.target(cryptography)
        return try begin(
            publication.goal,
            target: target,
            purpose: purpose,
            options: options,
            deadline: deadline,
            at: now
        )
    }

    /// Remembers a publication, in place of an older one for the same key.
    private mutating func keepAlive(
        _ publication: Publication,
        _ family: AddressFamily,
        at now: DHTInstant
    ) {
        publications.removeAll {
            $0.family == family && $0.publication.hasSamePlace(as: publication)
        }
        let due = now + renewalPause(of: publication)
        publications.append(
            StandingPublication(publication: publication, family: family, due: due)
        )
    }
}

// MARK: - Writing

extension DHTNode {
    mutating func beginWrite(
        of publication: Publication,
        at index: Int,
        _ end: LookupEnd,
        _ now: DHTInstant
    ) {
        guard let lookup = lookups[index]?.lookup else { return }
        let phase = WritePhase(lookup, end: end)
        lookups[index]?.phase = .writing(phase)
        if end == .cancelled {
            finishWrite(at: index, phase, now)
        } else {
            pumpWrite(at: index, now)
        }
    }

    /// Sends the writes that may leave now, and ends when all have been settled.
    mutating func pumpWrite(at index: Int, _ now: DHTInstant) {
        guard case .writing(var phase)? = lookups[index]?.phase,
            let deadline = lookups[index]?.deadline
        else { return }
        var wake = deadline
        while phase.next < phase.targets.count, !mustWait(index, at: now) {
            let free = sendRates.nextFree(for: phase.targets[phase.next].endpoint, at: now)
            guard free <= now else {
                wake = min(wake, free)
                break
            }
            sendWrite(at: index, &phase, now)
        }
        let isDone = phase.next == phase.targets.count && phase.underWay == 0
        if isDone || now >= deadline { return finishWrite(at: index, phase, now) }
        lookups[index]?.phase = .writing(phase)
        lookups[index]?.wake = wake
    }

    private mutating func sendWrite(at index: Int, _ phase: inout WritePhase, _ now: DHTInstant) {
        let target = phase.targets[phase.next]
        phase.next += 1
        guard let id = lookups[index]?.id, let infoHash = lookups[index]?.lookup.target,
            let publication = lookups[index]?.purpose.publication
        else { return }
        let query: Query
        let method: Message.Method
        switch publication {
        case .peer(_, let port):
            method = .announcePeer
            query = .announcePeer(
                infoHash: infoHash,
                // Nodes that do not know `implied_port` still want a port that is not 0.
                port: port ?? 1,
                impliedPort: port == nil,
                token: target.token
            )
        case .item(let item, let compareAndSwap):
            method = .put
            query = .put(
                target: infoHash,
                item,
                compareAndSwap: compareAndSwap,
                token: target.token
            )
        }
        let sent = sendQuery(
            query,
            method: method,
            to: target.endpoint,
            expected: target.id,
            purpose: .write(id),
            at: now
        )
        guard sent != nil else { return }
        phase.report.attempted += 1
        phase.underWay += 1
    }

    /// What became of one query of a write.
    enum WriteOutcome {
        case stored
        case refused(code: Int64)
        case timedOut
        case unsent
    }

    mutating func writeEnded(_ outcome: WriteOutcome, of id: LookupID, at now: DHTInstant) {
        guard let index = index(of: id), case .writing(var phase)? = lookups[index]?.phase else {
            return
        }
        phase.underWay -= 1
        switch outcome {
        case .stored: phase.report.stored += 1
        case .refused(let code): phase.report.refused(code: code)
        case .timedOut: phase.report.timedOut += 1
        case .unsent: phase.report.unsent += 1
        }
        lookups[index]?.phase = .writing(phase)
        pumpWrite(at: index, now)
    }

    private mutating func finishWrite(at index: Int, _ phase: WritePhase, _ now: DHTInstant) {
        guard var result = result(at: index, phase.end, now) else { return }
        result.write = phase.report
        if let active = lookups[index], let publication = active.purpose.publication {
            let family = active.lookup.family
            renewalEnded(publication, family, stored: phase.report.stored, at: now)
        }
        switch lookups[index]?.purpose {
        case .write: actions.append(.finished(result))
        case .renewal(let publication): actions.append(.renewed(publication, result))
        case .caller, .bootstrap, .refresh, nil: break
        }
        lookups[index] = nil
    }
}

// MARK: - Keeping alive

/// A publication that is repeated until it is withdrawn.
struct StandingPublication: Sendable {
    let publication: Publication
    let family: AddressFamily
    var due: DHTInstant
    /// Writes in a row that no node stored.
    var failures = 0
}

extension Publication {
    /// Whether two publications are for the same key, so that one supersedes the other.
    fileprivate func hasSamePlace(as other: Publication) -> Bool {
        switch (self, other) {
        case (.peer(let mine, _), .peer(let theirs, _)): return mine == theirs
        case (.item(let mine, _), .item(let theirs, _)):
            guard let key = mine.mutable, let otherKey = theirs.mutable else {
                return mine == theirs
            }
            return key.publicKey == otherKey.publicKey && key.salt == otherKey.salt
        default: return false
        }
    }
}

extension DHTNode {
    /// Repeats the publications that are due; the rest of them waits for the next time.
    mutating func renewPublications(at now: DHTInstant) {
        var begun = 0
        let count = publications.count
        // All of them within ten minutes, so that none is late where all are due at once.
        let most = max(8, count / 60)
        let start = renewalCursor
        for step in 0..<count {
            let index = (start + step) % count
            guard publications[index].due <= now else { continue }
            guard begun < most else { return }
            begun += 1
            renewalCursor = index + 1
            var publication = publications[index].publication
            // The condition held when the item was new; repeating it would fail on our own item.
            if case .item(let item, _) = publication { publication = .item(item) }
            publications[index].due = now + renewalPause(of: publication)
            let id = try? begin(
                publication,
                purpose: .renewal(publication),
                options: LookupOptions(family: publications[index].family),
                deadline: now + settings.maintenance.writeTime,
                at: now
            )
            if id == nil { retry(at: index, now) }
        }
    }

    /// Takes note of what became of a write that is to be kept alive: one that no node stored is
    /// tried again soon, before the nodes that hold the last one have forgotten it.
    private mutating func renewalEnded(
        _ publication: Publication,
        _ family: AddressFamily,
        stored: Int,
        at now: DHTInstant
    ) {
        let standing = publications.firstIndex {
            $0.family == family && $0.publication.hasSamePlace(as: publication)
        }
        guard let index = standing else { return }
        if stored == 0 { return retry(at: index, now) }
        publications[index].failures = 0
    }

    /// Tries again in one to two minutes, then in twice that and so on, up to its usual pause.
    private mutating func retry(at index: Int, _ now: DHTInstant) {
        let usual = renewalPause(of: publications[index].publication)
        let doublings = Double(1 << min(publications[index].failures, 6))
        let pause = TimeSpan.minutes(1).scaled(by: (1 + random.fraction()) * doublings)
        publications[index].due = now + min(pause, usual)
        publications[index].failures += 1
    }

    private mutating func renewalPause(of publication: Publication) -> TimeSpan {
        let interval =
            switch publication {
            case .peer: settings.maintenance.announceInterval
            case .item: settings.maintenance.putInterval
            }
        return interval.scaled(by: 1 - settings.maintenance.jitter * random.fraction())
    }
}
