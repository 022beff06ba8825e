import Testing

@testable import DHTCore

/// Writing, keeping writes alive, and joining the network.
extension DHTNodeTests {
    @Test func anAnnounceGoesToTheClosestWithTheirTokens() throws {
        var node = makeClient(contacts: 3)
        _ = try node.publish(
            .peer(infoHash: hash, port: 4_000),
            deadline: makeTime(5_000),
            at: makeTime(0)
        )
        for query in drain(&node).queries(.getPeers) {
            try reply(&node, to: query, at: 10) { writer in
                // The third node gives no token: "do not store here".
                guard query.endpoint != makeEndpoint(2) else { return }
                writer.token()
            }
        }
        let announces = drain(&node).queries(.announcePeer)
        #expect(Set(announces.map(\.endpoint)) == [makeEndpoint(0), makeEndpoint(1)])
        let arguments = try decode(announces[0].bytes).arguments
        #expect(arguments.port == 4_000 && !arguments.impliedPort)
        #expect(slice(announces[0].bytes, arguments.token) == ascii("tok"))
        for announce in announces { try reply(&node, to: announce, at: 20) }
        let result = try #require(drain(&node).finished.first)
        #expect(result.write == WriteReport(attempted: 2, stored: 2))
    }

    @Test func refusalsOfAWriteAreReported() throws {
        var node = makeClient(contacts: 2)
        _ = try node.publish(
            .item(StoredItem(value: ascii("5:hello"))),
            deadline: makeTime(5_000),
            at: makeTime(0)
        )
        for query in drain(&node).queries(.get) {
            try reply(&node, to: query, at: 10) { $0.token() }
        }
        let puts = drain(&node).queries(.put)
        #expect(puts.count == 2)
        var writer = BencodeWriter()
        let transaction = try decode(puts[0].bytes).transaction
        let refused = puts[0].bytes
        writer.error(.sequenceTooLow, to: refused.span, transaction: transaction)
        node.receive(writer.bytes.span, from: puts[0].endpoint, at: makeTime(20))
        node.advance(to: makeTime(1_100))
        let report = try #require(drain(&node).finished.first?.write)
        #expect(report.stored == 0 && report.timedOut == 1)
        #expect(report.refusals == [.init(code: 302, count: 1)])
    }

    @Test func itemsThatNobodyWouldStoreAreRefused() {
        var node = makeClient()
        let item = StoredItem(value: [UInt8](repeating: 97, count: 1_001))
        #expect(throws: DHTRefusal.itemTooBig) {
            try node.publish(.item(item), deadline: makeTime(1_000), at: makeTime(0))
        }
    }

    @Test func aNetworkOfOneOtherNodeIsAskedLessAndLessOften() throws {
        var node = makeClient(contacts: 1)
        var asked: [Int] = []
        var now = 0
        while now < 60 * 60_000 {
            node.advance(to: makeTime(now))
            for query in drain(&node).datagrams {
                asked.append(now)
                try reply(&node, to: query, at: now)
            }
            now = max(now + 1, Int(node.nextDeadline.nanoseconds / 1_000_000))
        }
        #expect(asked.count { $0 < 60_000 } <= 15)
        #expect(asked.count { $0 >= 30 * 60_000 } <= 60)
    }

    // MARK: Joining

    @Test func bootstrapFindsTheOwnNeighbourhood() throws {
        var node = makeNode()
        node.setBootstrapNodes([makeEndpoint(1)], at: makeTime(0))
        node.advance(to: makeTime(0))
        let query = try #require(drain(&node).queries(.findNode).first)
        #expect(query.endpoint == makeEndpoint(1))
        #expect(try decode(query.bytes).arguments.target == node.id)
        try reply(&node, to: query, at: 20) {
            $0.nodes([(contactID(2), makeEndpoint(2)), (contactID(3), makeEndpoint(3))])
        }
        for query in drain(&node).queries(.findNode) { try reply(&node, to: query, at: 40) }
        #expect(node.status(at: makeTime(40)).good == 3)
    }

    /// The last of them may know a part of the network that is closed to the first.
    @Test func whoJoinsAsksAllBootstrapNodesInTheirOrder() throws {
        var node = makeNode()
        let known = (1...12).map { makeEndpoint($0) }
        node.setBootstrapNodes(known, at: makeTime(0))
        node.advance(to: makeTime(0))
        var asked: [Endpoint] = []
        var now = 0
        while now < 100 {
            let queries = drain(&node).queries(.findNode)
            asked += queries.map(\.endpoint)
            for query in queries where try decode(query.bytes).arguments.target == node.id {
                // More than a lookup needs to end, and all of them closer than who names them.
                try reply(&node, to: query, at: now) {
                    $0.nodes((20..<28).map { (contactID($0), makeEndpoint($0)) })
                }
            }
            now += 10
        }
        #expect(asked.filter(known.contains) == known)
    }

    /// A name may be resolved after the join by the others, and one join does not ask any number.
    ///
    /// Each of those joins asks its neighbours once more, and the others are left alone.
    @Test func bootstrapNodesThatAreNamedLaterAreAskedToo() throws {
        var node = makeNode()
        var known = (1...70).map { makeEndpoint($0) }
        var asked: [Endpoint: Int] = [:]
        for now in stride(from: 0, to: 60_000, by: 50) {
            if now == 0 || now == 20_000 { node.setBootstrapNodes(known, at: makeTime(now)) }
            if now == 10_000 {
                #expect(Set(asked.keys).isSuperset(of: known))
                known.append(makeEndpoint(90))
            }
            node.advance(to: makeTime(now))
            for query in drain(&node).datagrams {
                if try decode(query.bytes).arguments.target == node.id {
                    asked[query.endpoint, default: 0] += 1
                }
                try reply(&node, to: query, at: now) {
                    $0.nodes((200..<208).map { (contactID($0), makeEndpoint($0)) })
                }
            }
        }
        #expect(known.allSatisfy { (1...3).contains(asked[$0] ?? 0) }, "\(asked)")
        #expect(known.count { asked[$0] == 1 } > 60)
    }

    @Test func bucketsThatCannotBeLookedAtNowAreLookedAtLater() throws {
        var node = makeNode()
        node.setBootstrapNodes([makeEndpoint(1)], at: makeTime(0))
        /// Targets of the lookups begun in ten seconds of upkeep, in which everybody answers.
        func targets(from start: Int) throws -> Set<NodeID> {
            var targets: Set<NodeID> = []
            for now in stride(from: start, to: start + 10_000, by: 50) {
                node.advance(to: makeTime(now))
                for query in drain(&node).datagrams {
                    let arguments = try decode(query.bytes).arguments
                    if let target = arguments.target { targets.insert(target) }
                    try reply(&node, to: query, at: now) {
                        $0.nodes((1...9).map { (contactID($0), makeEndpoint($0)) })
                    }
                }
            }
            return targets
        }
        let lookupTime = node.settings.maintenance.lookupTime
        // Neither joins again nor fills again before this test ends: only the first turns count.
        node.settings.maintenance.contactsBeforeBootstrap = 1
        node.settings.maintenance.fillAgainAfter = .seconds(3_600)
        node.advance(to: makeTime(0))
        let bootstrap = drain(&node).queries(.findNode)
        // From here on no lookup of its own can begin.
        node.settings.maintenance.lookupTime = .zero
        for query in bootstrap { try reply(&node, to: query, at: 20) }
        #expect(try targets(from: 50).isSubset(of: [node.id]))
        node.settings.maintenance.lookupTime = lookupTime
        #expect(try !targets(from: 10_050).isSubset(of: [node.id]))
    }

    @Test func failedBootstrapsPauseLongerEachTime() {
        var node = makeNode()
        node.setBootstrapNodes([makeEndpoint(1)], at: makeTime(0))
        var attempts: [Int] = []
        var now = 0
        var steps = 0
        while now < 3_600_000, steps < 10_000 {
            steps += 1
            node.advance(to: makeTime(now))
            attempts += drain(&node).queries(.findNode).map { _ in now }
            now = max(now + 1, Int(node.nextDeadline.nanoseconds / 1_000_000))
        }
        let pauses = zip(attempts.dropFirst(), attempts).map { $0.0 - $0.1 }
        #expect(pauses.first.map { (1_500..<3_200).contains($0) } == true)
        #expect(pauses.max().map { $0 <= 5 * 60_000 + 11_000 } == true)
        #expect((10...40).contains(attempts.count))
        #expect(steps < 2_000)
    }

    @Test func savedContactsEnterAsTheyAnswer() throws {
        var node = makeNode()
        let contacts = (1...3).map {
            Contact(id: contactID($0), endpoint: makeEndpoint($0), lastAnswered: makeTime(0))
        }
        node.restore(contacts, at: makeTime(0))
        #expect(node.status(at: makeTime(0)).good == 0)
        node.advance(to: makeTime(0))
        for query in drain(&node).datagrams { try reply(&node, to: query, at: 20) }
        #expect(node.status(at: makeTime(20)).good == 3)
    }

    @Test(arguments: [false, true])
    func savedContactsOutliveAStartWithoutANetwork(isRefusedBySystem: Bool) throws {
        var node = makeNodeWithSavedContacts(40)
        var now = 0
        var pings = 0
        // For half an hour nobody answers, or nothing can even be sent.
        while now < 30 * 60_000 {
            node.advance(to: makeTime(now))
            while let action = node.nextAction() {
                guard case .send(let datagram) = action else { continue }
                pings += 1
                if isRefusedBySystem { node.sendFailed(datagram, at: makeTime(now)) }
            }
            now = max(now + 1, Int(node.nextDeadline.nanoseconds / 1_000_000))
        }
        #expect(pings < 2_000, "they are tried again and again, but not all the time")
        // The network is there: all are found within one of the bootstrap's pauses.
        let end = now + 6 * 60_000
        while now < end {
            node.advance(to: makeTime(now))
            try answerAll(&node, at: now) { _ in true }
            now = max(now + 1, Int(node.nextDeadline.nanoseconds / 1_000_000))
        }
        let status = node.status(at: makeTime(now))
        #expect(status.good + status.questionable == 40)
    }

    @Test func aSavedContactThatIsSilentWhileOthersAnswerIsForgotten() throws {
        var node = makeNodeWithSavedContacts(3)
        var now = 0
        var lastAsked: Int?
        while now < 30 * 60_000 {
            node.advance(to: makeTime(now))
            try answerAll(&node, at: now) { endpoint in
                if endpoint == makeEndpoint(2) { lastAsked = now }
                return endpoint != makeEndpoint(2)
            }
            now = max(now + 1, Int(node.nextDeadline.nanoseconds / 1_000_000))
        }
        #expect(try #require(lastAsked) < 60_000)
    }

    /// Answers at once what the node asks, and what it asks upon that, as far as `isAnswering`.
    private func answerAll(
        _ node: inout TestNode,
        at now: Int,
        where isAnswering: (Endpoint) -> Bool
    ) throws {
        while true {
            let queries = drain(&node).datagrams
            if queries.isEmpty { return }
            for query in queries where isAnswering(query.endpoint) {
                try reply(&node, to: query, at: now)
            }
        }
    }

    /// All are in the first bucket, which has room for 128.
    private func makeNodeWithSavedContacts(_ count: Int) -> TestNode {
        var node = makeNode(id: makeID(prefix: 0xF000))
        let contacts = (1...count).map {
            Contact(id: contactID($0), endpoint: makeEndpoint($0), lastAnswered: makeTime(0))
        }
        node.restore(contacts, at: makeTime(0))
        return node
    }

    @Test func spuriousAdvancesDoNothing() throws {
        var node = makeClient()
        try start(&node)
        _ = drain(&node)
        for _ in 0..<100 { node.advance(to: makeTime(10)) }
        #expect(drain(&node).datagrams.isEmpty)
    }
}
