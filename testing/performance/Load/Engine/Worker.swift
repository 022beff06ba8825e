import CEpoll
import Glibc
package import Synchronization

/// What workers and whoever watches them share.
package final class RunState: Sendable {
    package let stopRequested = Atomic<Bool>(false)
    package let answers = Atomic<Int>(0)
    package let refusals = Atomic<Int>(0)
    let connected = Atomic<Int>(0)
    let settledWorkers = Atomic<Int>(0)
    /// When the run begins, 0 while connections are still made.
    package let start = Atomic<UInt64>(0)

    package init() {}
}

/// One thread of the generator: an epoll loop over its share of the connections.
struct Worker {
    static let readBytes = 256 << 10
    static let sweepInterval: UInt64 = 50_000_000
    /// So long a run that was stopped waits for what is in flight.
    static let patienceWhenStopped: UInt64 = 1_000_000_000

    let plan: LoadPlan
    let number: Int
    let address: sockaddr_in
    let shared: RunState
    let epoll = epoll_create1(0)

    var connections: [Connection]
    var free: RingOfFree
    var wakes = WakeQueue()
    var schedule: Schedule?
    var writer: RequestWriter
    var tally = Tally()
    var input = [UInt8](repeating: 0, count: readBytes)
    /// Requests this worker may still send.
    var budget: Int
    var exhausted = false
    var began: UInt64 = 0
    var measured: UInt64 = 0
    var ends: UInt64 = 0
    var nextSweep: UInt64 = 0
    private var reported = 0

    init(plan: LoadPlan, number: Int, address: sockaddr_in, shared: RunState) {
        (self.plan, self.number, self.address, self.shared) = (plan, number, address, shared)
        let count = plan.connections(of: number)
        connections = Array(repeating: Connection(), count: count)
        free = RingOfFree(capacity: count)
        writer = RequestWriter(plan: plan, worker: number)
        let all = plan.requests ?? Int.max
        budget = plan.requests == nil ? all : all / plan.threads
        if plan.requests != nil, number < all % plan.threads { budget += 1 }
    }

    /// Connects, sends until the end, waits for what is in flight, and returns what it saw.
    mutating func run() -> Tally {
        load_exact_timers()
        connectAll()
        beginTogether()
        let isAlone = shared.connected.load(ordering: .relaxed) == 0
        while !isAlone {
            let now = monotonicNow()
            // Who stops a run has its end now: what was due until then is sent and waited for.
            if isStopped { ends = min(ends, now) }
            wakeThose(at: now)
            if now >= ends {
                if schedule != nil { sendWhatIsDue(at: ends) }
                break
            }
            sendWhatIsDue(at: now)
            if isFinished { break }
            waitAndRead(limit: min(ends, nextWake(after: now)), at: now)
        }
        if !isAlone {
            drain()
            countUnsent()
            // The last batch of a rate stands for the time until the next one would have left.
            if let schedule { tally.lastRecorded = max(tally.lastRecorded, schedule.covered) }
        }
        for index in connections.indices { close(index) }
        Glibc.close(epoll)
        tally.settle()
        return tally
    }

    private var isStopped: Bool { shared.stopRequested.load(ordering: .relaxed) }

    private var isFinished: Bool {
        (exhausted || budget == 0) && connections.allSatisfy { $0.outstanding == 0 }
    }

    private mutating func connectAll() {
        for index in connections.indices { open(index) }
        let limit = monotonicNow() + plan.timeout
        while connections.contains(where: { !$0.settled }), monotonicNow() < limit {
            waitAndRead(limit: limit, at: monotonicNow())
        }
        let open = connections.count { $0.state == .open }
        shared.connected.wrappingAdd(open, ordering: .relaxed)
        shared.settledWorkers.wrappingAdd(1, ordering: .releasing)
    }

    /// All workers begin at one instant.
    private mutating func beginTogether() {
        while shared.settledWorkers.load(ordering: .acquiring) < plan.threads { usleep(100) }
        let proposal = monotonicNow() + 1_000_000
        let (_, agreed) = shared.start.compareExchange(
            expected: 0,
            desired: proposal,
            ordering: .acquiringAndReleasing
        )
        began = agreed == 0 ? proposal : agreed
        measured = began + plan.warmUp
        ends = measured + plan.duration
        nextSweep = began + Self.sweepInterval
        schedule = plan.rate.map {
            Schedule(
                rate: $0,
                batch: plan.batch,
                start: began,
                part: number,
                parts: plan.threads
            )
        }
        while case let now = monotonicNow(), now < began {
            usleep(UInt32((began - now) / 1000 + 1))
        }
    }

    private mutating func wakeThose(at now: UInt64) {
        while let index = wakes.pop(at: now) {
            switch connections[index].state {
            case .closed: open(index)
            case .open where connections[index].isIdle(at: now): free.add(index)
            default: break
            }
        }
        guard now >= nextSweep else { return }
        nextSweep = now + Self.sweepInterval
        for index in connections.indices
        where connections[index].outstanding > 0
            && now - connections[index].sentAt > plan.timeout
        {
            countTimeouts(index, at: now)
            reopen(index, at: now)
        }
    }

    /// Gives every free connection a batch of what is due.
    private mutating func sendWhatIsDue(at now: UInt64) {
        while !exhausted, budget > 0, let index = free.first {
            var batch = connections[index].batch
            batch.removeAll(keepingCapacity: true)
            connections[index].requests.removeAll(keepingCapacity: true)
            while batch.count < min(plan.batch, budget) {
                let intended = schedule == nil ? now : schedule?.take(at: min(now, ends - 1))
                guard let intended else { break }
                guard let route = writer.append(to: &connections[index].requests) else {
                    exhausted = true
                    break
                }
                let end = connections[index].requests.count
                batch.append(Connection.Sent(intended: intended, route: route, end: end))
                if intended >= measured { tally.lateness.record(now - intended) }
            }
            guard !batch.isEmpty else { return }
            budget -= batch.count
            free.removeFirst()
            connections[index].begin(batch, at: now)
            send(index, at: now)
        }
    }

    private func nextWake(after now: UInt64) -> UInt64 {
        var next = min(nextSweep, wakes.first ?? .max)
        if let schedule, !free.isEmpty, !exhausted, budget > 0 { next = min(next, schedule.next) }
        return next
    }

    /// Waits for what is in flight, no longer than a request may take.
    private mutating func drain() {
        var limit = monotonicNow() + plan.timeout
        while connections.contains(where: { $0.outstanding > 0 }) {
            let now = monotonicNow()
            if isStopped { limit = min(limit, ends + Self.patienceWhenStopped) }
            if now >= limit { break }
            waitAndRead(limit: min(limit, now + Self.sweepInterval), at: now)
        }
        let now = monotonicNow()
        for index in connections.indices {
            if now - connections[index].sentAt >= plan.timeout {
                countTimeouts(index, at: now)
            } else {
                tally.abandoned += measuredInFlight(index).count
            }
        }
    }

    private mutating func countTimeouts(_ index: Int, at now: UInt64) {
        for sent in measuredInFlight(index) {
            tally.recordTimeout(route: sent.route, intended: sent.intended, at: now)
        }
    }

    /// What a connection waits for, without what belongs to the warm-up.
    private func measuredInFlight(_ index: Int) -> [Connection.Sent] {
        connections[index].batch[connections[index].answered...].filter { $0.intended >= measured }
    }

    /// What was due and found no free connection has waited until now at least.
    private mutating func countUnsent() {
        guard !exhausted, ends > began else { return }
        let now = min(ends, monotonicNow())
        let due = schedule?.takeAll(from: measured, through: min(now, ends - 1), most: budget)
        guard let due, let schedule, !due.isEmpty else { return }
        tally.recordUnsent(due, of: schedule, at: now)
    }

    /// Shows the watcher how far it is; once per round of events is enough.
    mutating func publish() {
        shared.answers.wrappingAdd(tally.answersInAll - reported, ordering: .relaxed)
        reported = tally.answersInAll
    }
}

/// The connections that may send, the one that has waited longest first.
struct RingOfFree {
    private var slots: [Int]
    private var isIn: [Bool]
    private var head = 0
    private var count = 0

    init(capacity: Int) {
        slots = Array(repeating: 0, count: max(1, capacity))
        isIn = Array(repeating: false, count: slots.count)
    }

    var isEmpty: Bool { count == 0 }
    var first: Int? { count == 0 ? nil : slots[head] }

    /// A connection is free once: one that began anew while it paused may be told so twice.
    mutating func add(_ index: Int) {
        guard !isIn[index] else { return }
        isIn[index] = true
        slots[(head + count) % slots.count] = index
        count += 1
    }

    mutating func removeFirst() {
        isIn[slots[head]] = false
        head = (head + 1) % slots.count
        count -= 1
    }

    mutating func remove(_ index: Int) {
        let kept = (0..<count).map { slots[(head + $0) % slots.count] }.filter { $0 != index }
        (head, count) = (0, 0)
        for index in isIn.indices { isIn[index] = false }
        kept.forEach { add($0) }
    }
}
