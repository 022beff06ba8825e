import DHTClient
import DHTCore

/// One command; it says itself which fields it needs.
///
/// Bytes are hexadecimal.
struct Command: Decodable, Sendable {
    var id: Int?
    var op: String
    var target: String?
    var targets: [String]?
    var port: UInt16?
    var seed: String?
    var key: String?
    var salt: String?
    /// The bencoded value.
    var value: String?
    var seq: Int64?
    var cas: Int64?
    var contacts: Int?
    var deadline_ms: Int?
    var providers: Int?
    var responders: Int?
    var trace: Bool?
}

/// What a command came to.
struct Answer: Encodable, Sendable {
    var id: Int?
    var ok: Bool
    var error: String?
    var endpoints: [String]?
    var node: String?
    var verdict: String?
    var end: String?
    var providers: [String]?
    var closest: [String]?
    var value: String?
    var seq: Int64?
    var key: String?
    var hops: Int?
    var queried: Int?
    var responded: Int?
    var hedged: Int?
    var stalled: Int?
    var timed_out: Int?
    var winner: String?
    var elapsed_ms: Double?
    var first_ms: Double?
    var wall_ms: Double?
    var attempted: Int?
    var stored: Int?
    var refusals: [[Int64]]?
    var trace: [String]?
    var results: [Answer]?
    var good: Int?
    var dubious: Int?
    var bad: Int?
    var ratio: Double?
    var since_answer_ms: Double?
    var sent: Int?
    var received: Int?
    var dropped: [String: Int]?
    var send_failures: [String: Int]?
    var receive_buffer: Int?
    var sockets_open: Int?
    var sockets_lost: Int?
}

/// Runs one command.
struct Runner: Sendable {
    let client: MainlineClient
    let options: ProbeOptions

    func run(_ command: Command) async -> Answer {
        do {
            switch command.op {
            case "peers": return try await peers(command)
            case "burst": return try await burst(command)
            case "nodes": return try await look(.nodes(id(command.target)), command)
            case "announce":
                let target = try id(command.target)
                return try await write(.peer(infoHash: target, port: command.port), command)
            case "put": return try await put(command)
            case "get":
                return try await look(.mutable(key(command), salt: bytes(command.salt)), command)
            case "get_immutable": return try await look(.immutable(id(command.target)), command)
            case "key":
                guard let signer = ItemSigner(seed: try bytes(command.seed)) else {
                    throw ProbeError.badArgument("seed")
                }
                return Answer(ok: true, key: signer.publicKey.bytes.hex)
            case "wait":
                let ok = await client.hasContacts(command.contacts ?? 1, by: deadline(command))
                return Answer(ok: ok)
            case "status": return await status()
            default: return Answer(ok: false, error: "unknown command \(command.op)")
            }
        } catch {
            return Answer(ok: false, error: "\(error)")
        }
    }

    private func deadline(_ command: Command) -> DHTInstant {
        .now + .milliseconds(command.deadline_ms ?? 1200)
    }

    private func lookupOptions(_ command: Command) -> LookupOptions {
        LookupOptions(family: options.family, isTraced: command.trace ?? false)
    }

    private func peers(_ command: Command) async throws -> Answer {
        let enough = LookupGoal.Enough(
            providers: command.providers ?? 1,
            responders: command.responders ?? 1
        )
        return try await look(.peers(id(command.target), enough), command)
    }

    /// All lookups at once.
    private func burst(_ command: Command) async throws -> Answer {
        let targets = try (command.targets ?? []).map { try id($0) }
        let begun = DHTInstant.now
        let results = await withTaskGroup(of: (Int, Answer).self) { group in
            for (index, target) in targets.enumerated() {
                group.addTask {
                    let goal = LookupGoal.peers(target, LookupGoal.Enough())
                    let answer = try? await look(goal, command)
                    return (index, answer ?? Answer(ok: false, error: "refused"))
                }
            }
            return await group.reduce(into: [Int: Answer]()) { $0[$1.0] = $1.1 }
        }
        var answer = Answer(ok: true)
        answer.wall_ms = DHTInstant.now.since(begun).milliseconds
        answer.results = targets.indices.compactMap { results[$0] }
        return answer
    }

    private func look(_ goal: LookupGoal, _ command: Command) async throws -> Answer {
        let begun = DHTInstant.now
        let result = try await client.lookup(
            goal,
            options: lookupOptions(command),
            deadline: deadline(command)
        )
        var answer = describe(result)
        answer.wall_ms = DHTInstant.now.since(begun).milliseconds
        return answer
    }

    private func write(_ publication: Publication, _ command: Command) async throws -> Answer {
        let result = try await client.publish(
            publication,
            options: lookupOptions(command),
            deadline: .now + .milliseconds(command.deadline_ms ?? 5000)
        )
        return describe(result)
    }

    private func put(_ command: Command) async throws -> Answer {
        let value = try bytes(command.value)
        guard let seed = command.seed else {
            return try await write(.item(StoredItem(value: value)), command)
        }
        guard let signer = ItemSigner(seed: try bytes(seed)),
            let item = signer.item(
                value: value,
                salt: try bytes(command.salt),
                sequence: command.seq ?? 1
            )
        else { throw ProbeError.badArgument("seed") }
        var answer = try await write(.item(item, compareAndSwap: command.cas), command)
        answer.key = signer.publicKey.bytes.hex
        return answer
    }

    private func describe(_ result: LookupResult) -> Answer {
        let report = result.report
        var answer = Answer(ok: true)
        answer.verdict = "\(result.verdict)"
        answer.end = "\(report.end)"
        answer.providers = result.providers.map(\.endpoint.description)
        answer.closest = result.closest.map { "\($0.id) \($0.endpoint)" }
        answer.value = result.item?.value.hex
        answer.seq = result.item?.mutable?.sequence
        answer.hops = report.hops
        answer.queried = report.queried
        answer.responded = report.responded
        answer.hedged = report.hedged
        answer.stalled = report.stalled
        answer.timed_out = report.timedOut
        answer.winner = report.winner.map { "\($0)" }
        answer.elapsed_ms = report.elapsed.milliseconds
        answer.first_ms = report.firstResult?.milliseconds
        answer.attempted = result.write?.attempted
        answer.stored = result.write?.stored
        answer.refusals = result.write?.refusals.map { [$0.code, Int64($0.count)] }
        let text = TraceText(result)
        if !result.trace.isEmpty { answer.trace = text.queries + [text.summary] }
        return answer
    }

    private func status() async -> Answer {
        let status = await client.status()
        var answer = Answer(ok: true)
        answer.good = status.node.good
        answer.dubious = status.node.questionable
        answer.bad = status.node.bad
        answer.ratio = status.node.responseRatio
        answer.since_answer_ms = status.sinceLastAnswer?.milliseconds
        answer.sent = status.tally.datagramsSent
        answer.received = status.node.counters.datagramsReceived
        answer.dropped = [:]
        for reason in DropReason.allCases where status.node.counters[reason] > 0 {
            answer.dropped?["\(reason)"] = status.node.counters[reason]
        }
        answer.send_failures = [:]
        for failure in SendFailure.allCases where status.tally[failure] > 0 {
            answer.send_failures?["\(failure)"] = status.tally[failure]
        }
        answer.receive_buffer = status.sockets.first?.receiveBufferBytes
        answer.sockets_open = status.sockets.count(where: \.isOpen)
        answer.sockets_lost = status.tally.socketsLost
        return answer
    }

    private func id(_ hex: String?) throws -> NodeID {
        guard let id = NodeID(hex: hex ?? "") else { throw ProbeError.badArgument("target") }
        return id
    }

    private func key(_ command: Command) throws -> PublicKey {
        guard let key = PublicKey(try bytes(command.key)) else {
            throw ProbeError.badArgument("key")
        }
        return key
    }

    private func bytes(_ hex: String?) throws -> [UInt8] {
        guard let bytes = [UInt8](hex: hex ?? "") else { throw ProbeError.badArgument("hex") }
        return bytes
    }
}
