import Cache
import Testing

@testable import IndexService

/// Who may begin a lookup when too many want to.
@Suite struct LookupRatesTests {
    private func at(_ milliseconds: UInt64) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: 1_000_000_000_000 + milliseconds * 1_000_000)
    }

    @Test func callersWhoWantAllOfItLeaveTheBackgroundItsPart() {
        var rates = LookupRates(perSecond: 500)
        var begun = (callers: 0, background: 0)
        for tick in 0..<10_000 as Range<UInt64> {
            if rates.take(at: at(tick), givingWay: false) == nil { begun.callers += 1 }
            if rates.take(at: at(tick), givingWay: true) == nil { begun.background += 1 }
        }
        // Ten seconds of the rate, and a burst.
        #expect((5_450...5_500).contains(begun.callers + begun.background))
        #expect(begun.callers > 4_900 && begun.background > 270)
    }

    @Test func theBackgroundMayHaveMoreOfAnIdleRate() {
        var rates = LookupRates(perSecond: 500)
        let begun = (0..<10_000 as Range<UInt64>).count {
            rates.take(at: at($0), givingWay: true) == nil
        }
        #expect(begun > 4_900)
    }

    @Test func whoHasToWaitIsToldUntilWhen() throws {
        var rates = LookupRates(perSecond: 40)
        while rates.take(at: at(0), givingWay: false) == nil {}
        while rates.take(at: at(0), givingWay: true) == nil {}
        let later = rates.take(at: at(0), givingWay: true)
        let next = try #require(later)
        #expect(next > at(0))
        #expect(rates.take(at: next, givingWay: true) == nil)
    }
}
