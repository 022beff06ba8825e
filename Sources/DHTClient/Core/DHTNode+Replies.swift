/// What comes back for our own queries.
extension DHTNode {
    mutating func receiveResponse(
        _ message: Message,
        _ bytes: Span<UInt8>,
        from peer: Endpoint,
        at now: DHTInstant
    ) {
        guard let entry = match(message, bytes, from: peer) else { return }
        let isStranger = entry.expected.map { $0 != message.sender } ?? false
        if isStranger || message.sender == nil || message.sender == id { forget(entry) }
        guard let sender = message.sender, sender != id else {
            counters.drop(.wrongID)
            return settle(entry, .badReply, at: now)
        }
        if isStranger { counters.drop(.misnamedContact) }
        noteSignOfLife(entry, isStranger: isStranger || entry.expected == nil, at: now)
        // Whoever answers a ping under another id has been started anew, and lives.
        guard !isStranger || entry.method == .ping else {
            return receiveStranger(message, bytes, entry, from: sender, at: now)
        }
        noteAnswer(entry, from: sender, at: now)
        if let address = message.observedAddress { noteAddress(address, seenBy: peer, at: now) }
        switch entry.purpose {
        case .lookup(let id, let place):
            deliver(message, bytes, to: id, place, from: sender, at: now)
        case .write(let id): writeEnded(.stored, of: id, at: now)
        case .ping: maintenance.pingsUnderWay -= 1
        case .canary: break
        }
    }

    /// The right address answers under another id than it was named with.
    ///
    /// A liar that names an honest address under a false id would hide it if that were no answer.
    /// So the lookup takes it, under the true id; the routing table does not, until it is asked as
    /// what it is.
    private mutating func receiveStranger(
        _ message: Message,
        _ bytes: Span<UInt8>,
        _ entry: Transactions.Entry,
        from sender: NodeID,
        at now: DHTInstant
    ) {
        guard case .lookup(let id, let place) = entry.purpose,
            !settings.requiresSecureIDs || SecureID.isValid(sender, for: entry.endpoint)
        else {
            counters.drop(.wrongID)
            return settle(entry, .badReply, at: now)
        }
        noteOutcome(answered: true)
        deliver(message, bytes, to: id, place, from: sender, at: now)
    }

    /// Drops the contact that a query went to.
    private mutating func forget(_ entry: Transactions.Entry) {
        guard let expected = entry.expected else { return }
        tables[entry.endpoint.family].removeContact(id: expected, endpoint: entry.endpoint)
    }

    mutating func receiveError(
        _ code: Int64,
        _ message: Message,
        _ bytes: Span<UInt8>,
        from peer: Endpoint,
        at now: DHTInstant
    ) {
        guard let entry = match(message, bytes, from: peer) else { return }
        counters.queriesRefused += 1
        noteSignOfLife(entry, isStranger: entry.expected == nil, at: now)
        noteOutcome(answered: true)
        // An error shows that the node lives, though not that it is of use.
        if let expected = entry.expected {
            _ = tables[peer.family].heard(from: expected, at: peer, at: now)
        }
        switch entry.purpose {
        case .write(let id): writeEnded(.refused(code: code), of: id, at: now)
        case .lookup, .ping, .canary: settle(entry, .refused, at: now)
        }
    }

    /// A query of ours has expired.
    mutating func timedOut(_ entry: Transactions.Entry, at now: DHTInstant) {
        counters.queriesTimedOut += 1
        noteTimeout(entry, at: now)
        settle(entry, .timeout, at: now)
    }

    /// A query of ours never left.
    ///
    /// That says nothing about the node, so neither its standing nor the response ratio changes.
    mutating func unsent(_ entry: Transactions.Entry, at now: DHTInstant) {
        counters.queriesUnsent += 1
        settle(entry, .unsent, at: now)
    }

    /// The query that a reply belongs to; anything else is counted and dropped.
    private mutating func match(
        _ message: Message,
        _ bytes: Span<UInt8>,
        from peer: Endpoint
    ) -> Transactions.Entry? {
        guard let transaction = TransactionID(bytes, message.transaction) else {
            counters.drop(.unsolicited)
            return nil
        }
        do throws(Transactions.Mismatch) {
            return try transactions.finish(transaction, from: peer)
        } catch {
            counters.drop(error == .wrongAddress ? .wrongAddress : .unsolicited)
            return nil
        }
    }

    /// Ends a query that brought nothing, for whoever asked it.
    private mutating func settle(
        _ entry: Transactions.Entry,
        _ failure: Candidate.Failure,
        at now: DHTInstant
    ) {
        switch entry.purpose {
        case .lookup(let id, let place):
            guard let index = index(of: id) else { return }
            lookups[index]?.lookup.failed(place, failure, at: now)
            advanceLookup(at: index, to: now)
        case .write(let id):
            let outcome: WriteOutcome =
                switch failure {
                case .timeout: .timedOut
                case .unsent: .unsent
                case .refused, .badReply: .refused(code: 0)
                }
            writeEnded(outcome, of: id, at: now)
        case .ping(let isTentative):
            maintenance.pingsUnderWay -= 1
            let isUnheard = failure == .timeout || failure == .unsent
            if isTentative, isUnheard { putBack(entry) }
        case .canary: break
        }
    }

    /// Learns from an answer that its sender lives and how fast it is.
    private mutating func noteAnswer(
        _ entry: Transactions.Entry,
        from sender: NodeID,
        at now: DHTInstant
    ) {
        let time = now.since(entry.sentAt)
        counters.queriesAnswered += 1
        noteOutcome(answered: true)
        replyTimes.record(time)
        let peer = entry.endpoint
        guard !settings.requiresSecureIDs || SecureID.isValid(sender, for: peer) else {
            return counters.drop(.insecureID)
        }
        let admission = tables[peer.family].answered(
            id: sender,
            endpoint: peer,
            after: time,
            at: now
        )
        if case .waiting(let doubtful?) = admission { wantPing(doubtful.endpoint, id: doubtful.id) }
    }

    mutating func noteOutcome(answered: Bool) {
        let sample = answered ? 1.0 : 0.0
        responseRatio = responseRatio.map { $0 * 0.99 + sample * 0.01 } ?? sample
    }

    /// Counts a vote for our own address, and moves to an id that follows from it (BEP 42).
    private mutating func noteAddress(
        _ address: Endpoint,
        seenBy peer: Endpoint,
        at now: DHTInstant
    ) {
        // There is one id for both families (BEP 32), so one of them decides.
        let deciding = settings.families.contains(.v4) ? AddressFamily.v4 : .v6
        guard address.family == deciding,
            observed.vote(address, by: peer), settings.adoptsSecureID,
            let agreed = observed.agreed, !SecureID.isValid(id, for: agreed)
        else { return }
        id = SecureID.make(for: agreed, using: &random)
        tables.move(to: id, settings, at: now)
        actions.append(.identityChanged(id))
    }
}

// MARK: - Answers to lookups

extension DHTNode {
    private mutating func deliver(
        _ message: Message,
        _ bytes: Span<UInt8>,
        to lookupID: LookupID,
        _ place: UInt8,
        from sender: NodeID,
        at now: DHTInstant
    ) {
        guard let index = index(of: lookupID),
            lookups[index]?.lookup.answered(place, by: sender, byteCount: bytes.count, at: now)
                == true
        else { return }
        takeNodes(message, bytes, for: index, place)
        meetOtherFamily(message, bytes, for: index)
        takeValues(message, bytes, for: index, place, at: now)
        takeItem(message, bytes, for: index, place, at: now)
        if let token = message.arguments.token, lookups[index]?.purpose.publication != nil {
            if token.count > settings.lookup.tokenLimit { counters.drop(.longToken) }
            let kept = bytes.slice(token)
            lookups[index]?.lookup.keepToken(kept, of: place)
        }
        advanceLookup(at: index, to: now)
    }

    private mutating func takeNodes(
        _ message: Message,
        _ bytes: Span<UInt8>,
        for index: Int,
        _ place: UInt8
    ) {
        guard let family = lookups[index]?.lookup.family else { return }
        let range = family == .v4 ? message.arguments.nodes : message.arguments.nodes6
        guard let range else { return }
        guard let nodes = CompactNodes(range, family: family) else {
            return discard(.badContact, for: index)
        }
        let limit = settings.lookup.nodesPerReply
        if nodes.count > limit { discard(.surplusContact, for: index, count: nodes.count - limit) }
        for position in 0..<min(nodes.count, limit) {
            guard let node = nodes.contact(at: position, in: bytes) else { return }
            if node.id == id { continue }
            if !isUsable(node.endpoint) || isOwn(node.endpoint) {
                discard(.forbiddenAddress, for: index)
            } else if settings.requiresSecureIDs, !SecureID.isValid(node.id, for: node.endpoint) {
                discard(.insecureID, for: index)
            } else if lookups[index]?.lookup.learn(node.id, node.endpoint, from: place)
                == .sharedNetwork
            {
                discard(.crowdedNetwork, for: index)
            }
        }
    }

    /// Gets to know a few nodes of the other family while its table is all but empty (BEP 32).
    private mutating func meetOtherFamily(
        _ message: Message,
        _ bytes: Span<UInt8>,
        for index: Int
    ) {
        guard settings.families == [.v4, .v6] else { return }
        let own = lookups[index]?.lookup.family
        for family in AddressFamily.allCases
        where family != own && tables[family].count < settings.lookup.k {
            let arguments = message.arguments
            let range = family == .v4 ? arguments.nodes : arguments.nodes6
            guard let range, let nodes = CompactNodes(range, family: family) else { continue }
            for position in 0..<min(nodes.count, 2) {
                guard let node = nodes.contact(at: position, in: bytes), node.id != id,
                    isUsable(node.endpoint), !isOwn(node.endpoint)
                else { continue }
                wantPing(node.endpoint, id: node.id)
            }
        }
    }

    private mutating func takeValues(
        _ message: Message,
        _ bytes: Span<UInt8>,
        for index: Int,
        _ place: UInt8,
        at now: DHTInstant
    ) {
        guard let start = message.arguments.values, case .peers? = lookups[index]?.lookup.goal
        else {
            return
        }
        var values = CompactPeers(start: start)
        var peers: [Endpoint] = []
        while let entry = values.next(in: bytes) {
            guard case .peer(let peer) = entry else {
                discard(.badContact, for: index)
                continue
            }
            if isUsable(peer) { peers.append(peer) } else { discard(.forbiddenAddress, for: index) }
        }
        let surplus = lookups[index]?.lookup.found(peers, from: place, at: now) ?? 0
        discard(.surplusProvider, for: index, count: surplus)
    }

    private mutating func takeItem(
        _ message: Message,
        _ bytes: Span<UInt8>,
        for index: Int,
        _ place: UInt8,
        at now: DHTInstant
    ) {
        let arguments = message.arguments
        guard let range = arguments.value, let goal = lookups[index]?.lookup.goal else { return }
        var item = StoredItem(value: [])
        switch goal {
        case .nodes, .peers: return
        case .immutable: break
        case .mutable(let key, let salt, _):
            guard let sequence = arguments.sequence, let signature = arguments.signature else {
                return discard(.badItem, for: index)
            }
            item.mutable = StoredItem.Mutable(
                publicKey: key,
                salt: salt,
                sequence: sequence,
                signature: bytes.slice(signature)
            )
        }
        guard range.count <= StoredItem.maximumValueCount else {
            return discard(.badItem, for: index)
        }
        item.value = bytes.slice(range)
        let cryptography = cryptography
        let isForged =
            lookups[index]?.lookup.received(item, from: place, cryptography, at: now) == .forged
        if isForged { counters.drop(.forgedItem) }
    }

    private mutating func discard(_ reason: DropReason, for index: Int, count: Int = 1) {
        counters.drop(reason, count: count)
        lookups[index]?.lookup.discarded(count)
    }

    private func isOwn(_ endpoint: Endpoint) -> Bool {
        guard let own = observed.agreed, !settings.allowsSharedNetworks else { return false }
        return endpoint.with(port: 0) == own
    }
}
