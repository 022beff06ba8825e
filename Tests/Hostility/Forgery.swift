/// A datagram of somebody who means no good.
struct Forgery {
    var bytes: [UInt8]
    /// Where a guessed transaction id stands, which changes each time it is sent.
    var transaction: Range<Int>?

    /// The ways of being no good.
    enum Kind: CaseIterable {
        case garbage
        case cutShort
        case deepNesting
        case notAMessage
        case forgedPeers
        case forgedNodes
        case forgedError
        case query
    }

    static func make(_ kind: Kind, using random: inout some RandomNumberGenerator) -> Forgery {
        switch kind {
        case .garbage:
            return Forgery(bytes: noise(Int.random(in: 1...1_400, using: &random), using: &random))
        case .cutShort:
            let whole = make(.forgedPeers, using: &random).bytes
            let count = Int.random(in: 1..<whole.count, using: &random)
            return Forgery(bytes: Array(whole.prefix(count)))
        case .deepNesting:
            return Forgery(bytes: [UInt8](repeating: UInt8(ascii: "l"), count: 1_400))
        case .notAMessage: return Forgery(bytes: Array("d1:ai1e1:bl1:c1:dee".utf8))
        case .forgedPeers:
            let values = (0..<40).flatMap { _ in Array("6:".utf8) + noise(6, using: &random) }
            let body = Array("5:token4:abcd6:valuesl".utf8) + values + Array("e".utf8)
            return reply(body)
        case .forgedNodes:
            return reply(Array("5:nodes208:".utf8) + noise(8 * 26, using: &random))
        case .forgedError: return guessing(Array("d1:eli202e6:Servere".utf8), "1:y1:ee")
        case .query:
            let head = Array("d1:ad2:id20:aaaaaaaaaaaaaaaaaaaa9:info_hash20:".utf8)
            let tail = Array("e1:q9:get_peers1:t2:xx1:y1:qe".utf8)
            return Forgery(bytes: head + noise(20, using: &random) + tail)
        }
    }

    /// A reply with a sender's id and a body.
    private static func reply(_ body: [UInt8]) -> Forgery {
        guessing(
            Array("d1:rd2:id20:bbbbbbbbbbbbbbbbbbbb".utf8) + body + Array("e".utf8),
            "1:y1:re"
        )
    }

    /// A message with a place for a transaction id.
    private static func guessing(_ head: [UInt8], _ tail: String) -> Forgery {
        let head = head + Array("1:t6:".utf8)
        return Forgery(
            bytes: head + [UInt8](repeating: 0, count: 6) + Array(tail.utf8),
            transaction: head.count..<head.count + 6
        )
    }

    /// Guesses another transaction: a slot that is likely to be in use, and any nonce.
    mutating func guess(using random: inout some RandomNumberGenerator) {
        guard let transaction else { return }
        var noise = random.next()
        for index in transaction {
            bytes[index] = UInt8(truncatingIfNeeded: noise)
            noise >>= 8
        }
        bytes[transaction.lowerBound] = 0
    }

    private static func noise(
        _ count: Int,
        using random: inout some RandomNumberGenerator
    ) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    }
}
