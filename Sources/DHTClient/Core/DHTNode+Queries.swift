/// Server mode: what others ask us.
///
/// Client mode answers nothing (BEP 43).
extension DHTNode {
    mutating func answer(
        _ method: Message.Method,
        _ message: Message,
        _ bytes: Span<UInt8>,
        from peer: Endpoint,
        at now: DHTInstant
    ) {
        counters.queriesReceived += 1
        guard settings.answersQueries else { return counters.drop(.queryInClientMode) }
        // It is echoed, and nobody needs so long a one: such a reply would be cut up on the way.
        guard message.transaction.count <= Self.transactionLimit else {
            return counters.drop(.badQuery)
        }
        guard answerRates.take(rateKey(peer), at: now) else { return counters.drop(.addressRate) }
        guard replyRate.take(at: now) else { return counters.drop(.replyRate) }
        guard outbox.bytes.count < settings.pacing.outboxLimit else {
            return counters.drop(.outboxFull)
        }
        let question = Question(message: message, peer: peer, now: now)
        guard let sender = message.sender, sender != id else {
            counters.drop(.badQuery)
            return refuse(.protocolViolation, question, bytes)
        }
        if !message.isReadOnly { noteSender(sender, peer, at: now) }
        switch method {
        case .ping: respond(question, bytes) { _ in }
        case .findNode: answerFindNode(question, bytes, otherwise: .protocolViolation)
        case .unknown: answerFindNode(question, bytes, otherwise: .unknownMethod)
        case .getPeers: answerGetPeers(question, bytes)
        case .get: answerGet(question, bytes)
        case .announcePeer: answerAnnounce(question, bytes)
        case .put: answerPut(question, bytes)
        }
    }

    /// Bytes that a query's transaction may have.
    private static var transactionLimit: Int { 64 }

    /// A query together with where it came from and when.
    private struct Question {
        let message: Message
        let peer: Endpoint
        let now: DHTInstant

        /// The families whose nodes it wants: those it names, or the one it came by (BEP 32).
        var families: Message.Families {
            let want = message.arguments.want
            if !want.isEmpty { return want }
            return peer.family == .v4 ? .v4 : .v6
        }
    }

    /// A query shows that its sender lives; a stranger who would fit is pinged first.
    private mutating func noteSender(_ sender: NodeID, _ peer: Endpoint, at now: DHTInstant) {
        guard !tables[peer.family].heard(from: sender, at: peer, at: now),
            tables[peer.family].hasRoom(for: sender, at: now),
            !settings.requiresSecureIDs || SecureID.isValid(sender, for: peer)
        else { return }
        wantPing(peer, id: sender)
    }

    /// Rates count for an IPv4 address and for an IPv6 network.
    private func rateKey(_ peer: Endpoint) -> Endpoint {
        if settings.allowsSharedNetworks { return peer }
        return peer.family == .v4 ? peer.with(port: 0) : Endpoint(v6: peer.high, 0, port: 0)
    }
}

// MARK: - Reading

extension DHTNode {
    private mutating func answerFindNode(
        _ question: Question,
        _ bytes: Span<UInt8>,
        otherwise error: QueryError
    ) {
        guard let target = question.message.arguments.target else {
            counters.drop(.badQuery)
            return refuse(error, question, bytes)
        }
        respond(question, bytes) { node in
            node.writeNodes(near: target, question.families, room: Self.payloadLimit)
        }
    }

    private mutating func answerGetPeers(_ question: Question, _ bytes: Span<UInt8>) {
        guard let target = question.message.arguments.target else {
            counters.drop(.badQuery)
            return refuse(.protocolViolation, question, bytes)
        }
        let rotation = random.next()
        let start = outbox.bytes.count
        respond(question, bytes) { node in
            node.writeNodes(near: target, question.families, room: Self.payloadLimit)
            node.writeToken(for: question.peer, target: target)
            let used = node.outbox.bytes.count - start + question.message.transaction.count + 40
            node.writeValues(of: target, question, room: Self.payloadLimit - used, rotation)
        }
    }

    private mutating func answerGet(_ question: Question, _ bytes: Span<UInt8>) {
        guard let target = question.message.arguments.target else {
            counters.drop(.badQuery)
            return refuse(.protocolViolation, question, bytes)
        }
        let item = itemStore.item(for: target, at: question.now)
        // With `seq`, a value that the requester holds already is left out (BEP 44).
        let known = question.message.arguments.sequence
        let isNews = known.map { (item?.mutable?.sequence ?? .max) > $0 } ?? true
        respond(question, bytes) { node in
            if isNews, let mutable = item?.mutable {
                node.outbox.text("k")
                node.outbox.string(mutable.publicKey.bytes)
            }
            let room = Self.itemPayloadLimit - (isNews ? item?.value.count ?? 0 : 0)
            node.writeNodes(near: target, question.families, room: room)
            if let mutable = item?.mutable {
                node.outbox.text("seq")
                node.outbox.integer(mutable.sequence)
                if isNews {
                    node.outbox.text("sig")
                    node.outbox.string(mutable.signature)
                }
            }
            node.writeToken(for: question.peer, target: target)
            if isNews, let item {
                node.outbox.text("v")
                node.outbox.bytes.append(contentsOf: item.value)
            }
        }
    }

    /// The most that a reply without an item takes, so that it is never cut up on the way.
    private static var payloadLimit: Int { 1024 }
    /// The most that a reply with an item takes; a full item alone is over 1024.
    private static var itemPayloadLimit: Int { 1400 }
    /// What a reply needs beside its nodes, its value and a long transaction.
    private static var frame: Int { 300 }

    /// Writes `nodes` and `nodes6`, as many of the closest as there is room for.
    private mutating func writeNodes(near target: NodeID, _ families: Message.Families, room: Int) {
        var room = room - Self.frame
        for family in AddressFamily.allCases where families.contains(family) {
            let most = max(0, room / family.compactNodeCount)
            let count = min(settings.lookup.k, most)
            tables[family].closest(to: target, count: count, into: &scratch)
            outbox.text(family == .v4 ? "nodes" : "nodes6")
            outbox.stringHeader(count: scratch.count * family.compactNodeCount)
            for contact in scratch {
                contact.id.append(to: &outbox.bytes)
                contact.endpoint.appendCompact(to: &outbox.bytes)
            }
            room -= scratch.count * family.compactNodeCount
        }
    }

    private mutating func writeToken(for peer: Endpoint, target: NodeID) {
        outbox.text("token")
        outbox.stringHeader(count: 8)
        outbox.bytes.appendBigEndian(tokens.token(for: peer, target: target))
    }

    private mutating func writeValues(
        of target: NodeID,
        _ question: Question,
        room: Int,
        _ rotation: UInt64
    ) {
        let family = question.peer.family
        // A length of one or two digits and a colon precede each.
        let entry = family.compactPeerCount + (family == .v4 ? 2 : 3)
        let limit = min(settings.storage.peersPerReply, room / entry)
        var list = BencodeWriter()
        peerStore.forEachPeer(
            of: target,
            family: family,
            limit: limit,
            rotation: rotation,
            at: question.now
        ) { peer in
            list.stringHeader(count: family.compactPeerCount)
            peer.appendCompact(to: &list.bytes)
        }
        guard !list.bytes.isEmpty else { return }
        outbox.text("values")
        outbox.beginList()
        outbox.bytes.append(contentsOf: list.bytes)
        outbox.end()
    }
}

// MARK: - Writing

extension DHTNode {
    private mutating func answerAnnounce(_ question: Question, _ bytes: Span<UInt8>) {
        let arguments = question.message.arguments
        let port = arguments.impliedPort ? question.peer.port : arguments.port ?? 0
        guard let target = arguments.target, port != 0 else {
            counters.drop(.badQuery)
            return refuse(.protocolViolation, question, bytes)
        }
        guard holdsToken(question, bytes, for: target) else {
            counters.drop(.badToken)
            return refuse(.protocolViolation, question, bytes)
        }
        let peer = question.peer.with(port: port)
        guard peerStore.announce(peer, for: target, own: id, at: question.now) else {
            counters.drop(.storeFull)
            return refuse(.server, question, bytes)
        }
        respond(question, bytes) { _ in }
    }

    private mutating func answerPut(_ question: Question, _ bytes: Span<UInt8>) {
        do throws(PutRefusal) {
            let (item, target) = try checkedItem(question, bytes)
            guard itemStore.store(item, target: target, own: id, at: question.now) else {
                throw PutRefusal(.server, .storeFull)
            }
        } catch {
            counters.drop(error.reason)
            return refuse(error.answer, question, bytes)
        }
        respond(question, bytes) { _ in }
    }

    /// Why a put is not taken: what its sender is told, and what it is counted as.
    private struct PutRefusal: Error {
        let answer: QueryError
        let reason: DropReason

        init(_ answer: QueryError, _ reason: DropReason = .refusedItem) {
            self.answer = answer
            self.reason = reason
        }
    }

    /// The item of a put that has passed every check, in libtorrent's order of checks.
    private func checkedItem(
        _ question: Question,
        _ bytes: Span<UInt8>
    ) throws(PutRefusal) -> (StoredItem, target: NodeID) {
        let arguments = question.message.arguments
        guard let value = arguments.value else { throw PutRefusal(.protocolViolation, .badQuery) }
        guard value.count <= StoredItem.maximumValueCount else { throw PutRefusal(.valueTooBig) }
        let salt = arguments.salt.map { bytes.slice($0) } ?? []
        guard salt.count <= StoredItem.maximumSaltCount else { throw PutRefusal(.saltTooBig) }
        var item = StoredItem(value: bytes.slice(value))
        if let key = arguments.publicKey {
            guard let publicKey = PublicKey(bytes.slice(key)), let signature = arguments.signature,
                let sequence = arguments.sequence
            else { throw PutRefusal(.protocolViolation, .badQuery) }
            item.mutable = StoredItem.Mutable(
                publicKey: publicKey,
                salt: salt,
                sequence: sequence,
                signature: bytes.slice(signature)
            )
        }
        let target = item.target(cryptography)
        guard holdsToken(question, bytes, for: target) else {
            throw PutRefusal(.protocolViolation, .badToken)
        }
        guard item.mutable?.sequence ?? 0 >= 0 else { throw PutRefusal(.protocolViolation) }
        guard item.isAuthentic(cryptography) else { throw PutRefusal(.badSignature) }
        let objection = itemStore.objection(
            to: item,
            target: target,
            compareAndSwap: arguments.compareAndSwap,
            at: question.now
        )
        if let objection { throw PutRefusal(objection) }
        return (item, target)
    }

    private func holdsToken(_ question: Question, _ bytes: Span<UInt8>, for target: NodeID) -> Bool
    {
        guard let range = question.message.arguments.token, range.count == 8, bytes.holds(range)
        else { return false }
        let token = bytes.bigEndian64(at: range.start)
        return tokens.isValid(token, for: question.peer, target: target)
    }
}

// MARK: - Replies

extension DHTNode {
    /// Writes a response; `body` adds what stands in `r` after the id, in sorted order.
    private mutating func respond(
        _ question: Question,
        _ bytes: Span<UInt8>,
        _ body: (inout DHTNode) -> Void
    ) {
        let start = outbox.bytes.count
        outbox.beginResponse(to: question.peer, sender: id)
        body(&self)
        outbox.endResponse(
            to: bytes,
            transaction: question.message.transaction,
            version: settings.version
        )
        counters.repliesSent += 1
        enqueue(from: start, to: question.peer)
    }

    private mutating func refuse(_ error: QueryError, _ question: Question, _ bytes: Span<UInt8>) {
        let start = outbox.bytes.count
        outbox.error(
            error,
            to: bytes,
            transaction: question.message.transaction,
            version: settings.version
        )
        counters.errorsSent += 1
        enqueue(from: start, to: question.peer)
    }
}
