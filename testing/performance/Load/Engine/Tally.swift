/// What became of the requests of one worker, or of all.
package struct Tally: Sendable {
    /// From the intended time of a request to the end of its answer, in nanoseconds.
    package var latency = Histogram()
    /// The same of 429 and 503 alone: how quickly the service says no.
    package var refusals = Histogram()
    /// The same from when they were sent: what is left once a connection was free.
    package var refusalsFromSending = Histogram()
    package var byRoute: [Histogram?] = Array(repeating: nil, count: Route.allCases.count)
    /// How many of `byRoute` are answers; the others timed out.
    package var answersByRoute = [Int](repeating: 0, count: Route.allCases.count)
    /// From the intended time to the moment of sending: what the generator itself was late.
    package var lateness = Histogram()
    package var byStatus: [Int: Int] = [:]
    package var hits = 0
    /// 404 for something that should be there.
    package var missing = 0
    package var connectErrors = 0
    /// Connections that broke, or bytes that are not HTTP, with requests unanswered.
    package var brokenErrors = 0
    package var timeouts = 0
    /// Requests under way when somebody stopped the run: neither answers nor errors.
    package var abandoned = 0
    /// Requests sent once more, since their connection closed before anything of an answer came.
    package var resent = 0
    /// Requests that were due and never sent, because no connection was free.
    package var unsent = 0
    package var bytes = 0
    /// Answers, warm-up included.
    package var answersInAll = 0
    package var firstRecorded = UInt64.max
    package var lastRecorded: UInt64 = 0

    private var statusCounts = [Int](repeating: 0, count: 600)

    package init() {}

    mutating func record(
        _ facts: ResponseFacts,
        route: Route,
        intended: UInt64,
        sent: UInt64,
        at now: UInt64
    ) {
        let elapsed = recordWait(route: route, intended: intended, at: now)
        answersByRoute[route.rawValue] += 1
        statusCounts[facts.status] += 1
        if facts.status == 429 || facts.status == 503 {
            refusals.record(elapsed)
            refusalsFromSending.record(now - min(now, sent))
        }
        if facts.hit { hits += 1 }
        if facts.status == 404, route != .unknown { missing += 1 }
        firstRecorded = min(firstRecorded, intended)
        lastRecorded = max(lastRecorded, now)
    }

    /// A request without an answer has taken so long as it has waited, at least.
    mutating func recordTimeout(route: Route, intended: UInt64, at now: UInt64) {
        timeouts += 1
        recordWait(route: route, intended: intended, at: now)
    }

    /// Requests of a schedule, by their numbers, that have waited until `now` to be sent.
    ///
    /// There may be many millions of them: they are not gone through one by one.
    mutating func recordUnsent(_ due: Range<UInt64>, of schedule: Schedule, at now: UInt64) {
        let (first, last) = (due.lowerBound, due.upperBound - 1)
        unsent += due.count
        let (least, most) = (now - schedule.intended(of: last), now - schedule.intended(of: first))
        // They are evenly spaced, but for the ends of batches.
        latency.record(from: least, through: most, mean: Double(least) / 2 + Double(most) / 2) {
            // Those that waited longer than this left before the others were due.
            let longer = now > $0 ? schedule.due(by: now - $0 - 1) : 0
            return due.upperBound - min(max(longer, first), due.upperBound)
        }
    }

    @discardableResult
    private mutating func recordWait(route: Route, intended: UInt64, at now: UInt64) -> UInt64 {
        let elapsed = now - min(now, intended)
        latency.record(elapsed)
        if byRoute[route.rawValue] == nil { byRoute[route.rawValue] = Histogram() }
        byRoute[route.rawValue]?.record(elapsed)
        return elapsed
    }

    /// Moves what was counted quickly to where it is read.
    mutating func settle() {
        for (status, number) in statusCounts.enumerated() where number > 0 {
            byStatus[status, default: 0] += number
            statusCounts[status] = 0
        }
    }

    mutating func merge(_ other: Tally) {
        latency.merge(other.latency)
        lateness.merge(other.lateness)
        refusals.merge(other.refusals)
        refusalsFromSending.merge(other.refusalsFromSending)
        for (index, theirs) in other.byRoute.enumerated() {
            guard let theirs else { continue }
            var ours = byRoute[index] ?? Histogram()
            ours.merge(theirs)
            byRoute[index] = ours
            answersByRoute[index] += other.answersByRoute[index]
        }
        byStatus.merge(other.byStatus, uniquingKeysWith: +)
        hits += other.hits
        missing += other.missing
        connectErrors += other.connectErrors
        brokenErrors += other.brokenErrors
        timeouts += other.timeouts
        abandoned += other.abandoned
        unsent += other.unsent
        resent += other.resent
        bytes += other.bytes
        answersInAll += other.answersInAll
        firstRecorded = min(firstRecorded, other.firstRecorded)
        lastRecorded = max(lastRecorded, other.lastRecorded)
    }

    /// Answers that were measured.
    package var answers: Int { byStatus.values.reduce(0, +) }
    /// 429 and 503: the service defends itself.
    package var throttled: Int { byStatus[429, default: 0] + byStatus[503, default: 0] }

    /// What no caller should see: other 4xx and 5xx, missing answers, broken connections.
    package var errors: Int {
        let statuses = byStatus.filter { $0.key >= 400 && ![404, 429, 503].contains($0.key) }
        return statuses.values.reduce(0, +) + missing + connectErrors + brokenErrors + timeouts
    }

    package var attempts: Int { answers + connectErrors + brokenErrors + timeouts }
    /// Of what was due the requests that never left: who hangs makes no errors, and is late.
    package var unsentShare: Double {
        unsent == 0 ? 0 : Double(unsent) / (Double(attempts) + Double(unsent))
    }
    package var errorShare: Double { attempts == 0 ? 1 : Double(errors) / Double(attempts) }
    package var throttledShare: Double {
        attempts == 0 ? 0 : Double(throttled) / Double(attempts)
    }
}
