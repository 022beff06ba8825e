package import Randomness
package import DHTCore

/// Thousands of real `DHTNode`s on a network that exists in virtual time only.
///
/// One loop: take the earliest event, set the time, give it to the node that it is for, and put the
/// node's datagrams back as later events. Everything random comes from the seed.
package final class SimulatedNetwork {
    package typealias Node = DHTNode<SeededRandom>

    package let options: NetworkOptions
    package private(set) var now = DHTInstant(nanoseconds: 0)
    /// By node number.
    ///
    /// A node that died has its successor in its place.
    package var nodes: [Node] = []
    package var traits: [Trait] = []
    /// Lookups that ended since the scenario looked last.
    package var results: [Outcome] = []
    /// Cues that came up since the scenario looked last.
    package var cues: [Int32] = []
    package private(set) var statistics = Statistics()
    /// A fingerprint of everything that was delivered; equal for equal runs.
    package private(set) var digest: UInt64 = 0xCBF2_9CE4_8422_2325
    /// The first broken invariant, when they are checked.
    package private(set) var violation: String?
    package var random: SeededRandom

    private var queue = EventQueue()
    private var pool = DatagramPool()
    /// Node numbers by network address; -1 where nobody lives any more.
    private var residents: [Int32] = []
    /// Node numbers by address, of nodes that share a network with others.
    private var squatters: [Endpoint: Int] = [:]

    /// What a node is like, beside its protocol.
    package struct Trait: Sendable {
        package var endpoint: Endpoint
        /// Nanoseconds from a query to its answer.
        package var roundTrip: Int64
        package var isTail: Bool
        package var isSilent = false
        package var isAlive = true
        /// Datagrams pass only between nodes of the same part.
        package var partition: UInt8 = 0
        package var liar: Liar?
        /// The alarm that is set, so that each node has one in the queue.
        fileprivate var alarm = DHTInstant.distantFuture
    }

    /// A lookup that ended.
    package struct Outcome: Sendable {
        package let node: Int
        package let result: LookupResult
        package let at: DHTInstant
    }

    /// What the network carried.
    package struct Statistics: Equatable, Sendable {
        package var events = 0
        package var sent = 0
        package var delivered = 0
        package var lost = 0
        package var toTheDead = 0
        package var bytes = 0
    }

    package init(_ options: NetworkOptions) {
        self.options = options
        random = SeededRandom(seed: options.seed)
        nodes.reserveCapacity(options.nodes)
        traits.reserveCapacity(options.nodes)
        for _ in 0..<options.nodes { _ = addNode() }
    }
}

// MARK: - Nodes

extension SimulatedNetwork {
    /// Adds a node with an empty table.
    package func addNode(_ settings: DHTSettings? = nil) -> Int {
        let number = nodes.count
        nodes.append(makeNode(settings))
        traits.append(makeTrait(number))
        return number
    }

    /// Lets a node die and another one, with a new id and address, take its number.
    package func replace(_ number: Int) {
        kill(number)
        nodes[number] = makeNode(nil)
        traits[number] = makeTrait(number)
    }

    /// Lets a node die: what is sent to it vanishes.
    package func kill(_ number: Int) {
        traits[number].isAlive = false
        let endpoint = traits[number].endpoint
        if squatters.removeValue(forKey: endpoint) == nil { residents[resident(endpoint)] = -1 }
    }

    /// Adds a node with a chosen id at a chosen address, which may be in a network of others.
    package func addNode(_ id: NodeID, at endpoint: Endpoint, liar: Liar? = nil) -> Int {
        let number = addNode()
        kill(number)
        nodes[number] = makeNode(nil, id: id)
        traits[number].isAlive = true
        traits[number].endpoint = endpoint
        traits[number].liar = liar
        squatters[endpoint] = number
        return number
    }

    /// A random node that lives, answers and is not of the tail.
    package func randomClient() -> Int {
        while true {
            let number = random.below(nodes.count)
            let trait = traits[number]
            if trait.isAlive, !trait.isSilent, !trait.isTail, trait.liar == nil { return number }
        }
    }

    /// The number of the living node at an address.
    package func number(of endpoint: Endpoint) -> Int? {
        let index = resident(endpoint)
        guard index >= 0, index < residents.count, residents[index] >= 0 else {
            return squatters[endpoint]
        }
        let number = Int(residents[index])
        return traits[number].endpoint == endpoint ? number : squatters[endpoint]
    }

    private func makeNode(_ settings: DHTSettings?, id: NodeID? = nil) -> Node {
        var settings = settings ?? options.settings
        settings.routing.extendsFirstBuckets = options.extendsFirstBuckets
        settings.families = options.family == .v4 ? .v4 : .v6
        return Node(
            id: id,
            settings: settings,
            cryptography: SimulatedCryptography.functions,
            random: SeededRandom(seed: random.next()),
            at: now
        )
    }

    private func makeTrait(_ number: Int) -> Trait {
        let range = options.roundTrip
        let milliseconds = Double(range.lowerBound) + random.fraction() * Double(range.count - 1)
        let isTail = random.happens(options.tailFraction)
        residents.append(Int32(number))
        return Trait(
            endpoint: endpoint(residents.count - 1),
            roundTrip: Int64(milliseconds * 1_000_000 * (isTail ? options.tailFactor : 1)),
            isTail: isTail
        )
    }

    /// Every node has a /24 of its own, from 11.0.0.0 on, or a /64, from 2a00:: on.
    private func endpoint(_ index: Int) -> Endpoint {
        switch options.family {
        case .v4: Endpoint(v4: 0x0B00_0001 + UInt32(index) << 8, port: 6_881)
        case .v6: Endpoint(v6: Self.firstV6Network + UInt64(index), 1, port: 6_881)
        }
    }

    private func resident(_ endpoint: Endpoint) -> Int {
        switch endpoint.family {
        case .v4: Int(endpoint.v4Address ?? 0) >> 8 - 0x0B_0000
        case .v6: Int(truncatingIfNeeded: (endpoint.v6Prefix ?? 0) &- Self.firstV6Network)
        }
    }

    private static var firstV6Network: UInt64 { 0x2A00 << 48 }
}

// MARK: - Time

extension SimulatedNetwork {
    /// Lets everything happen up to a time, and stops there.
    package func run(until end: DHTInstant) {
        while let time = queue.nextTime, time <= end, let event = queue.next() {
            now = max(now, event.time)
            statistics.events += 1
            switch event.kind {
            case .datagram(let slot, let from, let to):
                deliver(slot, from: Int(from), to: Int(to))
            case .alarm(let node): ring(Int(node), event.time)
            case .cue(let number): cues.append(number)
            }
        }
        now = max(now, end)
    }

    /// Lets everything happen until a lookup ends, a cue comes up or time is over.
    package func runToNextOutcome(until end: DHTInstant) -> Bool {
        while results.isEmpty, cues.isEmpty {
            guard let time = queue.nextTime, time <= end else {
                now = max(now, end)
                return false
            }
            run(until: time)
        }
        return true
    }

    package func run(for span: TimeSpan) {
        run(until: now + span)
    }

    /// Asks for a cue at a time.
    package func cue(_ number: Int32, at time: DHTInstant) {
        queue.schedule(.cue(number), at: time)
    }

    /// Changes a node from outside, then sends what it wants to send.
    package func withNode<Result>(_ number: Int, _ body: (inout Node) throws -> Result) rethrows
        -> Result
    {
        let result = try body(&nodes[number])
        drain(number)
        return result
    }

    private func ring(_ number: Int, _ time: DHTInstant) {
        guard traits[number].alarm == time else { return }
        traits[number].alarm = .distantFuture
        guard traits[number].isAlive else { return }
        nodes[number].advance(to: now)
        drain(number)
    }

    private func deliver(_ slot: Int32, from: Int, to: Int) {
        defer { pool.release(slot) }
        guard to >= 0, traits[to].isAlive else {
            statistics.toTheDead += 1
            return
        }
        guard traits[from].partition == traits[to].partition else {
            statistics.lost += 1
            return
        }
        statistics.delivered += 1
        let source = traits[from].endpoint
        note(slot, from: from, to: to)
        guard !traits[to].isSilent else { return }
        if let liar = traits[to].liar, answer(slot, as: liar, from: from, to: to) { return }
        pool.withPayload(slot) { nodes[to].receive($0, from: source, at: now) }
        drain(to)
    }

    private func drain(_ number: Int) {
        drain(&nodes[number], number)
    }

    /// Fetches a node's actions, sets its alarm, and checks it if that is wanted.
    private func drain(_ node: inout Node, _ number: Int) {
        while let action = node.nextAction() {
            switch action {
            case .send(let datagram):
                node.withPayload(of: datagram) { send($0, from: number, to: datagram.endpoint) }
            case .finished(let result):
                results.append(Outcome(node: number, result: result, at: now))
                mix(UInt64(truncatingIfNeeded: result.report.queried))
                mix(UInt64(truncatingIfNeeded: result.providers.count))
            case .harvested(let result), .renewed(_, let result):
                mix(UInt64(truncatingIfNeeded: result.report.queried))
            case .identityChanged(let id): mix(id.bytes.reduce(0) { $0 << 3 ^ UInt64($1) })
            case .familyChanged(_, let isGone): mix(isGone ? 1 : 0)
            }
        }
        let deadline = node.nextDeadline
        if deadline < traits[number].alarm {
            let time = max(deadline, now)
            traits[number].alarm = time
            queue.schedule(.alarm(node: Int32(number)), at: time)
        }
        if options.checksInvariants, violation == nil {
            violation = node.brokenInvariant(at: now)
        }
    }
}

// MARK: - The wire

extension SimulatedNetwork {
    /// Puts a datagram on the wire, or loses it.
    package func send(_ payload: Span<UInt8>, from: Int, to endpoint: Endpoint) {
        statistics.sent += 1
        statistics.bytes += payload.count
        guard let to = number(of: endpoint) else {
            statistics.toTheDead += 1
            return
        }
        let copies = random.happens(options.duplication) ? 2 : 1
        for _ in 0..<copies {
            guard !random.happens(options.loss), let slot = pool.store(payload) else {
                statistics.lost += 1
                continue
            }
            // The second-last byte of a message is its kind; a round trip is that of who answers.
            let kind = payload.count > 1 ? payload[payload.count - 2] : 0
            let responder = kind == UInt8(ascii: "q") ? to : from
            let jitter = 1 + options.jitter * random.fraction()
            let delay = Double(traits[responder].roundTrip) / 2 * jitter
            queue.schedule(
                .datagram(slot: slot, from: Int32(from), to: Int32(to)),
                at: now + TimeSpan(nanoseconds: Int64(delay))
            )
        }
    }

    private func note(_ slot: Int32, from: Int, to: Int) {
        mix(UInt64(bitPattern: now.nanoseconds))
        mix(UInt64(from) << 32 | UInt64(to))
        let sum = pool.withPayload(slot) { bytes in
            var sum = UInt64(bytes.count)
            // Every eighth byte: enough to tell runs apart.
            for index in stride(from: 0, to: bytes.count, by: 8) {
                sum = sum << 7 | sum >> 57
                sum ^= UInt64(bytes[index])
            }
            return sum
        }
        mix(sum)
    }

    private func mix(_ word: UInt64) {
        digest = (digest ^ word) &* 0x100_0000_01B3
        digest ^= digest >> 29
    }

    /// Lets a liar answer in its own way; false when it answers honestly.
    private func answer(_ slot: Int32, as liar: Liar, from: Int, to: Int) -> Bool {
        var random = SeededRandom(seed: random.next())
        let own = nodes[to].id
        let requester = traits[from].endpoint
        let reply = pool.withPayload(slot) { bytes in
            liar.reply(to: bytes, from: requester, own: own, using: &random)
        }
        guard let reply else { return false }
        for bytes in reply { send(bytes.span, from: to, to: requester) }
        return true
    }
}
