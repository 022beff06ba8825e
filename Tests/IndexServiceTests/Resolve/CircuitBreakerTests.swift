import Randomness
import Cache
import Testing

@testable import IndexService

@Suite struct CircuitBreakerTests {
    @Test func aFewFailuresProveNothing() {
        let breaker = makeBreaker()
        breaker.fail(19, at: 0)
        #expect(breaker.phase(at: .milliseconds(0)) == .closed)
        breaker.fail(1, at: 1)
        #expect(breaker.phase(at: .milliseconds(1)) == .open)
        #expect(breaker.admit(at: .milliseconds(1_000)) == nil)
    }

    @Test func lessThanHalfOfTheCallsMayFail() {
        let breaker = makeBreaker()
        breaker.succeed(21, at: 0)
        breaker.fail(20, at: 1)
        #expect(breaker.phase(at: .milliseconds(1)) == .closed)
        breaker.fail(1, at: 1)
        #expect(breaker.phase(at: .milliseconds(1)) == .open)
    }

    @Test func callsOlderThanTheWindowAreForgotten() {
        let breaker = makeBreaker()
        breaker.fail(19, at: 0)
        breaker.fail(19, at: 10_000)
        #expect(breaker.phase(at: .milliseconds(10_000)) == .closed)
        breaker.fail(1, at: 19_999)
        #expect(breaker.phase(at: .milliseconds(19_999)) == .open)
    }

    @Test func oneProbePassesAfterThePauseAndItsSuccessCloses() throws {
        let breaker = makeOpenBreaker()
        #expect(breaker.admit(at: .milliseconds(999)) == nil)
        #expect(breaker.phase(at: .milliseconds(1_000)) == .halfOpen)
        let probe = try #require(breaker.admit(at: .milliseconds(1_000)))
        #expect(breaker.admit(at: .milliseconds(1_001)) == nil)
        breaker.succeeded(probe, at: .milliseconds(1_100))
        #expect(breaker.phase(at: .milliseconds(1_100)) == .closed)
        breaker.fail(19, at: 1_100)
        #expect(breaker.phase(at: .milliseconds(1_100)) == .closed)
    }

    @Test func everyProbeThatFailsDoublesThePauseUpTo30Seconds() throws {
        let breaker = makeOpenBreaker()
        var now = 0
        for pause in [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            #expect(breaker.admit(at: .milliseconds(now + pause - 1)) == nil)
            now += pause
            let probe = try #require(breaker.admit(at: .milliseconds(now)))
            breaker.failed(probe, at: .milliseconds(now))
        }
    }

    @Test func jitterShortensAPauseByAQuarterAtMost() {
        let breaker = makeBreaker(jitter: 1)
        breaker.fail(20, at: 0)
        #expect(breaker.phase(at: .milliseconds(749)) == .open)
        #expect(breaker.phase(at: .milliseconds(750)) == .halfOpen)
    }

    @Test func aResetLetsEverybodyPassAndForgetsWhatFailed() throws {
        let breaker = makeOpenBreaker()
        let probe = try #require(breaker.admit(at: .milliseconds(1_000)))
        breaker.failed(probe, at: .milliseconds(1_000))
        let late = try #require(breaker.admit(at: .milliseconds(3_000)))
        breaker.reset()
        #expect(breaker.phase(at: .milliseconds(3_001)) == .closed)
        breaker.failed(late, at: .milliseconds(3_002))
        breaker.fail(19, at: 3_003)
        #expect(breaker.phase(at: .milliseconds(3_003)) == .closed)
        breaker.fail(1, at: 3_004)
        #expect(breaker.phase(at: .milliseconds(3_004)) == .open)
    }

    @Test func reportsFromBeforeTheChangeCountForNothing() throws {
        let breaker = makeBreaker()
        let old = try #require(breaker.admit(at: .milliseconds(0)))
        breaker.fail(20, at: 0)
        let probe = try #require(breaker.admit(at: .milliseconds(1_000)))
        breaker.succeeded(old, at: .milliseconds(1_000))
        breaker.failed(old, at: .milliseconds(1_000))
        breaker.withdrawn(old)
        #expect(breaker.phase(at: .milliseconds(1_000)) == .halfOpen)
        #expect(breaker.admit(at: .milliseconds(1_000)) == nil)
        breaker.succeeded(probe, at: .milliseconds(1_000))
        #expect(breaker.phase(at: .milliseconds(1_000)) == .closed)
    }

    @Test func aProbeWithoutAVerdictMakesRoomForAnother() throws {
        let breaker = makeOpenBreaker()
        let cancelled = try #require(breaker.admit(at: .milliseconds(1_000)))
        breaker.withdrawn(cancelled)
        _ = try #require(breaker.admit(at: .milliseconds(1_000)))
        #expect(breaker.admit(at: .milliseconds(5_999)) == nil)
        #expect(breaker.admit(at: .milliseconds(6_000)) != nil)
    }

    /// What holds whatever happens, over random histories.
    @Test(arguments: 1...200) func randomHistoriesKeepTheInvariants(seed: Int) {
        var history = BreakerHistory(seed: UInt64(seed))
        for _ in 0..<400 { history.step() }
        #expect(history.violations.isEmpty, "seed \(seed)")
    }
}

/// Random calls against a breaker, with what a reader of its rules would expect.
private struct BreakerHistory {
    private var random: SeededRandom
    private var breaker = CircuitBreaker.StateMachine()
    private var now = 0
    private var underWay: [CircuitBreaker.Permit] = []
    private var probe: (permit: CircuitBreaker.Permit, since: Int)?
    /// Reports while closed: when, and whether it failed.
    private var reports: [(at: Int, failed: Bool)] = []
    private var openedAt: Int?
    private var failureShare: Int
    var violations: [String] = []

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
        failureShare = random.int(in: 0...100)
    }

    mutating func step() {
        now += random.int(in: 0...(random.oneIn(40) ? 20_000 : 300))
        if random.oneIn(50) { failureShare = random.int(in: 0...100) }
        if random.oneIn(2) || underWay.isEmpty { admit() } else { report() }
    }

    private var phase: CircuitBreaker.Phase { breaker.phase(at: .milliseconds(now)) }

    private mutating func expect(_ holds: Bool, _ rule: String) {
        if !holds { violations.append("\(rule) at \(now)") }
    }

    private mutating func admit() {
        let before = phase
        let permit = breaker.admit(at: .milliseconds(now))
        switch before {
        case .closed:
            expect(permit != nil, "closed: everybody passes")
        case .open:
            expect(permit == nil, "open: nobody passes")
            expect(now - (openedAt ?? 0) < 30_000, "a pause is 30 s at most")
        case .halfOpen:
            expect(now - (openedAt ?? now) >= 750, "a pause is 0.75 s at least")
            let isFree = probe.map { now - $0.since >= 5_000 } ?? true
            expect((permit != nil) == isFree, "half-open: one at a time")
            if let permit { probe = (permit, now) }
        }
        if let permit { underWay.append(permit) }
    }

    private mutating func report() {
        let permit = underWay.remove(at: random.int(in: 0...underWay.count - 1))
        let before = phase
        let isProbe = probe?.permit == permit
        let failed = random.int(in: 0...99) < failureShare
        if failed {
            let jitter = Double(random.int(in: 0...99)) / 100
            breaker.failed(permit, at: .milliseconds(now), jitter: jitter)
        } else {
            breaker.succeeded(permit, at: .milliseconds(now))
        }
        if before == .closed { reports.append((now, failed)) }
        switch (before, phase) {
        case (.closed, .open):
            // A tenth of the window is the grain in which calls are forgotten.
            let recent = reports.filter { now - $0.at < 10_000 }
            expect(recent.count >= 20, "opens after 20 calls at least")
            expect(failed, "opens at a failure")
            opened()
        case (.halfOpen, .open):
            expect(isProbe && failed, "a probe that failed opens again")
            opened()
        case (.halfOpen, .closed):
            expect(isProbe && !failed, "a probe that succeeded closes")
            probe = nil
            reports = []
        case (.open, .halfOpen), (.open, .closed), (.closed, .halfOpen):
            expect(false, "no such change by a report")
        default:
            expect(before != .halfOpen || !isProbe, "the probe's report ends the trial")
        }
    }

    private mutating func opened() {
        openedAt = now
        probe = nil
        reports = []
    }
}

private func makeBreaker(jitter: Double = 0) -> CircuitBreaker {
    CircuitBreaker(jitter: { jitter })
}

/// Opened at 0.
private func makeOpenBreaker() -> CircuitBreaker {
    let breaker = makeBreaker()
    breaker.fail(20, at: 0)
    return breaker
}

extension CircuitBreaker {
    /// So many calls that fail at a time in milliseconds.
    fileprivate func fail(_ count: Int, at time: Int) {
        for _ in 0..<count {
            guard let permit = admit(at: .milliseconds(time)) else { return }
            failed(permit, at: .milliseconds(time))
        }
    }

    fileprivate func succeed(_ count: Int, at time: Int) {
        for _ in 0..<count {
            guard let permit = admit(at: .milliseconds(time)) else { return }
            succeeded(permit, at: .milliseconds(time))
        }
    }
}
