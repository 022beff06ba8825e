import Testing

@testable import IndexService

/// A stall counts for all that it held up, not only for the one timer that saw its end.
@Suite struct LoopLagTests {
    private static let millisecond: Int64 = 1_000_000

    private func lags(_ milliseconds: Int64) -> [Int64] {
        LoopLagMonitor.lags(ofTurnLateBy: milliseconds * Self.millisecond)
            .map { $0 / Self.millisecond }
    }

    @Test func aTurnThatIsNearlyInTimeIsOne() {
        #expect(lags(0) == [0])
        #expect(lags(5) == [5])
        #expect(lags(99) == [99])
    }

    @Test func aLateOneIsAllThatWereDueMeanwhile() {
        #expect(lags(250) == [250, 150, 50])
        #expect(lags(1000) == [1000, 900, 800, 700, 600, 500, 400, 300, 200, 100, 0])
    }

    @Test func aProcessThatWasStoppedForDaysDoesNotCountForAsLong() {
        #expect(lags(3 * 86_400_000).count == 1000)
    }
}
