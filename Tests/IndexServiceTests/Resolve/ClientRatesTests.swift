import Randomness
import Cache
import Testing

@testable import IndexService

@Suite struct TokenBucketTests {
    @Test func aBurstPassesAtOnceAndThenTheRate() {
        var bucket = TokenBucket(perSecond: 10, burst: 5)
        #expect((0..<8).count { _ in bucket.take(at: .milliseconds(0)) } == 5)
        #expect(bucket.take(at: .milliseconds(99)) == false)
        #expect(bucket.nextFree(at: .milliseconds(99)) == .milliseconds(100))
        #expect(bucket.take(at: .milliseconds(100)) == true)
        #expect((0..<50).count { _ in bucket.take(at: .milliseconds(60_000)) } == 5)
    }

    @Test func fiveHundredASecondAreFiveHundredASecond() {
        var bucket = TokenBucket(perSecond: 500, burst: 500)
        let passed = (0..<100_000).count { bucket.take(at: .milliseconds($0 / 10)) }
        #expect((500 + 4_990...500 + 5_000).contains(passed))
    }

    @Test func whoLeavesHalfFindsHalfOfTheBurstAndTheWholeRate() {
        var bucket = TokenBucket(perSecond: 10, burst: 6)
        #expect((0..<8).count { _ in bucket.take(at: .milliseconds(0), leavingHalf: true) } == 3)
        #expect(bucket.nextFree(at: .milliseconds(0), leavingHalf: true) == .milliseconds(50))
        #expect(bucket.take(at: .milliseconds(100), leavingHalf: true) == true)
        #expect((0..<8).count { _ in bucket.take(at: .milliseconds(100)) } == 3)
        #expect(bucket.take(at: .milliseconds(399), leavingHalf: true) == false)
        let later = (5..<105).count { bucket.take(at: .milliseconds($0 * 100), leavingHalf: true) }
        #expect(later == 100)
    }

    @Test func whoLeavesHalfFindsTheLastTokenOfALoneOne() {
        var bucket = TokenBucket(perSecond: 1, burst: 1)
        #expect(bucket.take(at: .milliseconds(0), leavingHalf: true) == true)
        #expect(bucket.take(at: .milliseconds(999), leavingHalf: true) == false)
        #expect(bucket.take(at: .milliseconds(1_000), leavingHalf: true) == true)
    }

    @Test(arguments: [(0, 0), (-1, -1), (.max, .max)])
    func noRateAndNoTimeTraps(perSecond: Int, burst: Int) {
        var bucket = TokenBucket(perSecond: perSecond, burst: burst)
        #expect(bucket.take(at: .milliseconds(0)) == true)
        _ = bucket.take(at: .distantFuture)
        _ = bucket.nextFree(at: .distantFuture)
        _ = bucket.take(at: .milliseconds(1))
    }
}

@Suite struct ClientRatesTests {
    @Test func everyAddressHasItsOwnBucket() {
        let rates = makeRates()
        let (one, other) = (ClientAddress("192.0.2.1"), ClientAddress("192.0.2.2"))
        #expect((0..<5).count { _ in rates.admit(one, at: .milliseconds(0)) } == 2)
        #expect((0..<5).count { _ in rates.admit(other, at: .milliseconds(0)) } == 2)
        #expect(rates.nextFree(for: one, at: .milliseconds(0)) == .milliseconds(1_000))
    }

    @Test func anIPv6NetworkOf64BitsIsOneClient() {
        #expect(ClientAddress("2001:db8:1:2::1") == ClientAddress("2001:db8:1:2:ffff::9"))
        #expect(ClientAddress("2001:db8:1:2::1") != ClientAddress("2001:db8:1:3::1"))
        #expect(ClientAddress("fe80::1%eth0") == ClientAddress("fe80::2"))
    }

    @Test func aMappedAddressIsItsIPv4Address() {
        #expect(ClientAddress("::ffff:192.0.2.1") == ClientAddress("192.0.2.1"))
        #expect(ClientAddress("192.0.2.1") == .four(0xC000_0201))
    }

    @Test(arguments: ["", "unix", "192.0.2", "%", "[::1]", "1.2.3.4\u{0}"])
    func whatIsNoAddressIsOneClient(text: String) {
        #expect(ClientAddress(text) == .other)
    }

    @Test func whoWasSilentLongestIsForgottenFirst() {
        let rates = makeRates(maximumAddresses: 3)
        let now = MonotonicInstant.milliseconds(0)
        for number in 1...3 { for _ in 0..<2 { _ = rates.admit(.four(UInt32(number)), at: now) } }
        // Being refused is a use, so 1 is remembered and 2 is the one to go.
        #expect(!rates.admit(.four(1), at: now))
        #expect(rates.admit(.four(4), at: now))
        #expect(rates.count == 3)
        #expect(!rates.admit(.four(1), at: now))
        #expect(!rates.admit(.four(3), at: now))
        #expect(rates.admit(.four(2), at: now))
    }

    @Test func theTableBehavesLikeAListInTheOrderOfUse() {
        var random = SeededRandom(seed: 7)
        let rates = makeRates(maximumAddresses: 16)
        var model: [(address: UInt32, bucket: TokenBucket)] = []
        for step in 0..<20_000 {
            let address = UInt32(random.int(in: 0...24))
            let now = MonotonicInstant.milliseconds(step)
            var bucket = TokenBucket(perSecond: 1, burst: 2)
            if let index = model.firstIndex(where: { $0.address == address }) {
                bucket = model.remove(at: index).bucket
            } else if model.count == 16 {
                model.removeFirst()
            }
            #expect(rates.admit(.four(address), at: now) == bucket.take(at: now))
            model.append((address, bucket))
            #expect(rates.count == model.count)
        }
    }

    @Test func aFloodOfAddressesDoesNotGrowTheTable() {
        let rates = ClientRates(perSecond: 1, burst: 1, maximumAddresses: 1_000)
        for number in 0..<20_000 { _ = rates.admit(.six(UInt64(number)), at: .milliseconds(0)) }
        #expect(rates.count == 1_000)
    }

    private func makeRates(maximumAddresses: Int = 100) -> ClientRates {
        ClientRates(perSecond: 1, burst: 2, maximumAddresses: maximumAddresses)
    }
}
