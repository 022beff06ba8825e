import Testing

@testable import LoadEngine

@Suite struct ScheduleTests {
    @Test func intendedTimesStayWhereTheyWereWhenNobodyWasFree() {
        var schedule = Schedule(rate: 1000, start: 5_000_000)
        #expect(schedule.take(at: 4_999_999) == nil)
        // Ten milliseconds of standing still: eleven requests are due, at their own times.
        let taken = (0..<20).compactMap { _ in schedule.take(at: 15_000_000) }
        #expect(taken == (0...10).map { 5_000_000 + UInt64($0) * 1_000_000 })
    }

    @Test func workersTogetherKeepTheRate() {
        let all = (0..<3).flatMap { part in
            var schedule = Schedule(rate: 300, start: 0, part: part, parts: 3)
            return (0..<1000).compactMap { _ in schedule.take(at: 999_999_999) }
        }
        #expect(all.count == 300)
        #expect(Set(all).count == 300)
    }

    @Test func theRequestsOfABatchAreDueTogether() {
        var schedule = Schedule(rate: 500, batch: 125, start: 1_000)
        let taken = (0..<600).compactMap { _ in schedule.take(at: 1_000_000_999) }
        let expected = (0..<4).flatMap { [UInt64](repeating: 1_000 + $0 * 250_000_000, count: 125) }
        #expect(taken == expected)
        #expect(schedule.covered == 1_000_001_000, "four batches are a second's load")
    }

    @Test func workersTakeBatchesInTurn() {
        let times = (0..<2).map { part in
            var schedule = Schedule(rate: 100, batch: 10, start: 0, part: part, parts: 2)
            return (0..<20).compactMap { _ in schedule.take(at: .max) }
        }
        #expect(Set(times[0]) == [0, 200_000_000])
        #expect(Set(times[1]) == [100_000_000, 300_000_000])
    }

    /// What was never sent is counted by arithmetic; here it is beside one by one.
    @Test(arguments: [(1000.0, 1), (33_333.3, 1), (777.7, 7), (0.5, 2), (1e7, 3)], [1, 3])
    func allThatIsDueIsTheSameAtOnceAndOneByOne(load: (rate: Double, batch: Int), parts: Int) {
        for part in 0..<parts {
            var atOnce = Schedule(
                rate: load.rate,
                batch: load.batch,
                start: 77,
                part: part,
                parts: parts
            )
            for _ in 0..<5 { _ = atOnce.take(at: 10_000_000) }
            let (from, through) = (20_000_000 as UInt64, 30_000_000 as UInt64)
            var (oneByOne, slow, fast) = (atOnce, Histogram(), Tally())
            while let intended = oneByOne.take(at: through) {
                if intended >= from { slow.record(through - intended) }
            }
            let due = atOnce.takeAll(from: from, through: through, most: .max)
            if !due.isEmpty { fast.recordUnsent(due, of: atOnce, at: through) }
            #expect(fast.unsent == Int(slow.count) && atOnce.taken == oneByOne.taken)
            #expect(fast.latency.largest == slow.largest)
            #expect(fast.latency.smallest == slow.smallest)
            for percent in stride(from: 0.0, through: 100, by: 2.5) {
                #expect(
                    fast.latency.value(atPercent: percent) == slow.value(atPercent: percent)
                )
            }
        }
    }

    /// One by one this would take hours.
    @Test func aBillionTimesAThousandAreCountedAtOnce() {
        var (schedule, tally) = (Schedule(rate: 1e7, start: 0), Tally())
        let end: UInt64 = 100_000_000_000_000
        let due = schedule.takeAll(from: 0, through: end - 1, most: .max)
        tally.recordUnsent(due, of: schedule, at: end)
        #expect(tally.unsent == 1_000_000_000_000 && tally.latency.count == 1_000_000_000_000)
        #expect(tally.latency.largest == end && tally.latency.smallest == 100)
        #expect(abs(tally.latency.mean / Double(end) - 0.5) < 1e-9)
    }

    @Test func noMoreIsDueThanMayStillBeSent() {
        var schedule = Schedule(rate: 1000, start: 0)
        _ = schedule.take(at: 0)
        #expect(schedule.takeAll(from: 0, through: 1_000_000_000, most: 10) == 1..<11)
        #expect(schedule.takeAll(from: 0, through: 5_000_000, most: 10).isEmpty)
    }

    @Test func aLongRunDoesNotDrift() {
        var schedule = Schedule(rate: 33_333, start: 0)
        var last: UInt64 = 0
        for _ in 0..<33_333 * 60 { last = schedule.take(at: .max) ?? 0 }
        #expect(last < 60_000_000_000 && last > 59_999_900_000)
    }

    /// A server that closes a connection while it thinks makes it begin anew, and its wake comes.
    @Test func aConnectionThatIsToldTwiceThatItIsFreeIsFreeOnce() {
        var free = RingOfFree(capacity: 2)
        for index in [1, 0, 1, 0, 1] { free.add(index) }
        #expect(free.first == 1)
        free.removeFirst()
        #expect(free.first == 0)
        free.remove(0)
        #expect(free.isEmpty)
        free.add(0)
        #expect(free.first == 0)
    }

    @Test func aConnectionIsIdleOnlyWhenItHasThought() {
        var connection = Connection()
        connection.state = .open
        connection.pausesUntil = 10
        #expect(!connection.isIdle(at: 9))
        #expect(connection.isIdle(at: 10))
        connection.batch = [Connection.Sent(intended: 0, route: .resolve)]
        #expect(!connection.isIdle(at: 10))
    }

    /// RFC 9112, 9.3: once, and on a new connection one request at a time.
    @Test func whatIsSentAgainIsSentOnceAndAlone() {
        var connection = Connection()
        connection.requests = Array("firstsecond".utf8)
        let sent = [5, 11].map { Connection.Sent(intended: 0, route: .resolve, end: $0) }
        connection.begin(sent, at: 0)
        #expect(connection.mayBeSent == 11 && connection.mayResend)
        connection.resendFirst()
        #expect(connection.sentBytes == 0 && connection.mayBeSent == 5 && !connection.mayResend)
        connection.answered = 1
        #expect(connection.mayResend, "the second was sent once")
        connection.resendFirst()
        #expect(connection.sentBytes == 5 && connection.mayBeSent == 11 && !connection.mayResend)
    }

    @Test func anAnswerThatHasBegunIsNotAskedForAgain() throws {
        var connection = Connection()
        connection.begin([Connection.Sent(intended: 0, route: .resolve)], at: 0)
        for text in ["H", "TTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"] {
            var offset = 0
            let answer = try Array(text.utf8).withUnsafeBytes {
                try connection.reader.next($0, &offset)
            }
            #expect(answer == nil && !connection.mayResend)
        }
    }

    @Test func wakesComeInTheOrderOfTheirTimes() {
        var (queue, random) = (WakeQueue(), Randomness(seed: 5))
        let times = (0..<200).map { _ in UInt64(random.below(1000)) }
        for (number, time) in times.enumerated() { queue.add(number, at: time) }
        #expect(queue.pop(at: 0) == nil || times.contains(0))
        var seen: [UInt64] = []
        while let next = queue.pop(at: 1000) { seen.append(times[next]) }
        #expect(seen.sorted() == seen)
        #expect(queue.first == nil)
    }
}
