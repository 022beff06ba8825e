import Randomness
import Testing

@testable import DHTCore

struct ReplyTimesTests {
    @Test func fewAnswersGiveNoOpinion() {
        var times = ReplyTimes()
        for _ in 0..<7 { times.record(.milliseconds(20)) }
        #expect(times.quantile(0.5) == nil)
    }

    @Test func quantilesAreWithinABucketOfTheTruth() throws {
        var generator = SeededRandom(seed: 1)
        var times = ReplyTimes()
        for _ in 0..<400 { times.record(.milliseconds(20 + Int(generator.next() % 131))) }
        for (fraction, truth) in [(0.25, 53.0), (0.5, 85.0), (0.75, 118.0), (0.95, 144.0)] {
            let value = try #require(times.quantile(fraction)).milliseconds
            #expect(abs(value - truth) < truth * 0.25, "p\(fraction) \(value)")
        }
    }

    @Test func theLateTailDoesNotMoveTheMiddle() throws {
        var times = ReplyTimes()
        for index in 0..<100 { times.record(.milliseconds(index % 5 == 0 ? 820 : 20)) }
        let middle = try #require(times.quantile(0.65)).milliseconds
        #expect(middle < 26)
        #expect(try #require(times.quantile(0.9)).milliseconds > 600)
    }

    @Test func aFewSlowAnswersDoNotSetTheDelay() throws {
        var times = ReplyTimes()
        for index in 0..<10 { times.record(.milliseconds(index < 5 ? 20 : 820)) }
        #expect(try #require(times.quantile(0.65)).milliseconds > 600)
        #expect(try #require(times.usualQuantile(0.65)).milliseconds < 70)
    }

    @Test func thePastFades() throws {
        var times = ReplyTimes()
        for _ in 0..<500 { times.record(.milliseconds(20)) }
        for _ in 0..<3_000 { times.record(.milliseconds(200)) }
        #expect(try #require(times.quantile(0.1)).milliseconds > 100)
        #expect(times.count < 512)
    }

    @Test func absurdTimesStayInRange() throws {
        var times = ReplyTimes()
        for _ in 0..<5 { times.record(TimeSpan(nanoseconds: .max)) }
        for _ in 0..<5 { times.record(TimeSpan(nanoseconds: -5)) }
        #expect(try #require(times.quantile(1)).milliseconds < 60_000)
    }
}

struct PacketRateTests {
    @Test func burstThenRate() {
        var rate = PacketRate(perSecond: 10, burst: 3)
        for _ in 0..<3 { #expect(rate.take(at: makeTime(0)) == true) }
        #expect(rate.take(at: makeTime(0)) == false)
        #expect(rate.nextFree(at: makeTime(0)) == makeTime(100))
        #expect(rate.take(at: makeTime(100)) == true)
        #expect(rate.take(at: makeTime(150)) == false)
        #expect(rate.take(at: makeTime(10_000)) == true)
    }

    /// libtorrent bans an address for five minutes after 50 queries in 10 s.
    @Test func oneNodeGetsABurstAndStillFewerThanLibtorrentBans() {
        let pacing = PacingSettings()
        var rates = AddressRates(
            perSecond: pacing.queriesPerSecondToOneNode,
            burst: pacing.queryBurstToOneNode,
            limit: 10
        )
        var sent: [Int] = []
        for time in 0..<60_000 {
            while rates.take(makeEndpoint(1), at: makeTime(time)) { sent.append(time) }
        }
        #expect(sent.count { $0 == 0 } == 20)
        let most = sent.map { first in sent.count { (first..<first + 10_000).contains($0) } }.max()
        #expect(most == 39)
    }

    @Test func whoLeavesAReserveFindsItsPartOfTheBurstAndTheWholeRate() {
        var rates = AddressRates(perSecond: 2, burst: 20, limit: 10)
        func drain(leaving reserve: Int, at time: Int) -> Int {
            var sent = 0
            while rates.nextFree(for: makeEndpoint(1), at: makeTime(time), leaving: reserve)
                <= makeTime(time), rates.take(makeEndpoint(1), at: makeTime(time))
            { sent += 1 }
            return sent
        }
        #expect(drain(leaving: 10, at: 0) == 10)
        #expect(drain(leaving: 10, at: 1_000) == 2)
        // The reserve is there for the others, and is filled up again before anything else.
        #expect(drain(leaving: 0, at: 1_000) == 10)
        #expect(drain(leaving: 10, at: 5_000) == 0)
        #expect(drain(leaving: 0, at: 5_000) == 8)
        #expect(drain(leaving: 10, at: 11_000) == 2)
    }

    @Test func aReserveAsLargeAsTheBurstIsAWaitForTheWholeBurst() {
        var rates = AddressRates(perSecond: 1, burst: 2, limit: 10)
        #expect(rates.take(makeEndpoint(1), at: makeTime(0)) == true)
        let free = rates.nextFree(for: makeEndpoint(1), at: makeTime(0), leaving: 100)
        #expect(free == makeTime(1_000))
    }

    @Test func addressesAreCountedApartAndForgotten() {
        var rates = AddressRates(perSecond: 1, burst: 1, limit: 4)
        for number in 0..<4 { #expect(rates.take(makeEndpoint(number), at: makeTime(0)) == true) }
        #expect(rates.take(makeEndpoint(0), at: makeTime(1)) == false)
        // No room to remember a fifth: it passes, the overall rate bounds it.
        #expect(rates.take(makeEndpoint(9), at: makeTime(1)) == true)
        #expect(rates.count == 4)
        #expect(rates.take(makeEndpoint(5), at: makeTime(2_000)) == true)
        #expect(rates.count == 1)
    }
}

struct TimeTests {
    @Test func sumsStopAtTheEnds() {
        #expect(DHTInstant.distantFuture + .seconds(1) == .distantFuture)
        #expect(DHTInstant.distantPast + TimeSpan(nanoseconds: -1) == .distantPast)
        #expect(DHTInstant.distantFuture.since(.distantPast).nanoseconds == .max)
        #expect(DHTInstant.distantPast.since(.distantFuture).nanoseconds == .min)
        #expect(TimeSpan(nanoseconds: .max).scaled(by: 4).nanoseconds == .max)
    }
}

struct TransactionsTests {
    func makeEntry(_ number: Int = 1) -> Transactions.Entry {
        Transactions.Entry(
            endpoint: makeEndpoint(number),
            expected: nil,
            method: .ping,
            purpose: .ping(isTentative: false),
            sentAt: makeTime(0)
        )
    }

    @Test func aReplyNeedsTheRightTransactionAndAddress() throws {
        var transactions = Transactions(limit: 10)
        let begun = transactions.begin(makeEntry(), nonce: 7, expires: makeTime(1_000))
        let id = try #require(begun)
        #expect(throws: Transactions.Mismatch.wrongAddress) {
            try transactions.finish(id, from: makeEndpoint(2))
        }
        #expect(throws: Transactions.Mismatch.wrongAddress) {
            try transactions.finish(id, from: makeEndpoint(1, port: 1))
        }
        #expect(try transactions.finish(id, from: makeEndpoint(1)).method == .ping)
        #expect(throws: Transactions.Mismatch.unknown) {
            try transactions.finish(id, from: makeEndpoint(1))
        }
        #expect(transactions.count == 0)
        #expect(transactions.nextExpiry == nil)
    }

    @Test func queriesExpireInOrder() {
        var transactions = Transactions(limit: 10)
        for number in 0..<3 {
            _ = transactions.begin(makeEntry(number), nonce: 1, expires: makeTime(number * 10))
        }
        #expect(transactions.nextExpiry == makeTime(0))
        #expect(transactions.expire(at: makeTime(10))?.endpoint == makeEndpoint(0))
        #expect(transactions.expire(at: makeTime(10))?.endpoint == makeEndpoint(1))
        let none = transactions.expire(at: makeTime(10))
        #expect(none == nil)
        #expect(transactions.count == 1)
    }

    @Test func theLimitHolds() {
        var transactions = Transactions(limit: 2)
        #expect((transactions.begin(makeEntry(), nonce: 1, expires: makeTime(1)) != nil) == true)
        #expect((transactions.begin(makeEntry(), nonce: 1, expires: makeTime(1)) != nil) == true)
        #expect((transactions.begin(makeEntry(), nonce: 1, expires: makeTime(1)) == nil) == true)
        #expect(transactions.isFull)
    }

    @Test func slotsAreReusedAndTheQueueStaysShort() throws {
        var transactions = Transactions(limit: 4)
        for round in 0..<10_000 {
            let id = transactions.begin(
                makeEntry(),
                nonce: UInt32(round),
                expires: makeTime(round + 1_000)
            )
            _ = try transactions.finish(try #require(id), from: makeEndpoint(1))
        }
        #expect(transactions.count == 0)
    }
}

struct ObservedAddressTests {
    @Test func severalNetworksMustAgree() {
        var observed = ObservedAddress(votesNeeded: 3)
        let address = Endpoint(93, 184, 216, 34, port: 6_881)
        // Many votes of one network are one vote.
        for host in 1...9 {
            let voter = Endpoint(11, 0, 0, UInt8(host), port: 1)
            #expect(observed.vote(address, by: voter) == false)
        }
        #expect(observed.vote(address, by: makeEndpoint(2)) == false)
        #expect(observed.vote(address.with(port: 9), by: makeEndpoint(3)) == true)
        #expect(observed.agreed == address.with(port: 0))
        #expect(observed.vote(address, by: makeEndpoint(4)) == false)
    }

    @Test func aMinorityOfLiarsChangesNothing() {
        var observed = ObservedAddress(votesNeeded: 3)
        let truth = Endpoint(93, 184, 216, 34, port: 1)
        for number in 0..<20 { _ = observed.vote(truth, by: makeEndpoint(number)) }
        for number in 100..<110 {
            _ = observed.vote(Endpoint(6, 6, 6, 6, port: 1), by: makeEndpoint(number))
        }
        #expect(observed.agreed == truth.with(port: 0))
    }

    @Test func localAddressesAreNoEvidence() {
        var observed = ObservedAddress(votesNeeded: 1)
        #expect(observed.vote(Endpoint(192, 168, 1, 1, port: 1), by: makeEndpoint(1)) == false)
    }
}
