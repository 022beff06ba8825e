import Randomness
import Cache
import Testing

@testable import IndexService

/// The rule of admission.
@Suite struct MissGateRuleTests {
    @Test func soManyRunSoManyWaitAndTheRestIsRefused() {
        var gate = makeGate(running: 2, waiting: 2)
        let entries = (1...5).map { gate.enter($0, from: 1) }
        #expect(entries == [.runs, .runs, .waits, .waits, .refused(.full)])
        #expect((gate.running, gate.waiting) == (2, 2))
    }

    @Test func placesGoRoundRobinAmongAddressesAndInOrderWithinOne() {
        var gate = makeGate(running: 1, waiting: 8)
        _ = gate.enter(0, from: 9)
        for (ticket, address) in [(1, 1), (2, 1), (3, 1), (4, 2), (5, 2), (6, 3)] {
            _ = gate.enter(MissGate.Ticket(ticket), from: UInt32(address))
        }
        let order = (0..<6).flatMap { _ in gate.leave(at: .milliseconds(0)).admitted }
        #expect(order == [1, 4, 6, 2, 5, 3])
        #expect(gate.leave(at: .milliseconds(0)) == MissGate.Turn())
        #expect(gate.running == 0)
    }

    @Test func aNewcomerWithTwoFewerDisplacesTheOldestOfTheMost() {
        var gate = makeGate(running: 1, waiting: 4)
        _ = gate.enter(0, from: 1)
        for ticket in 1...4 { _ = gate.enter(MissGate.Ticket(ticket), from: 1) }
        #expect(gate.enter(5, from: 2) == .replaces(1, because: .displaced))
        #expect(gate.enter(6, from: 2) == .replaces(2, because: .displaced))
        // Two each: nobody is better off by another exchange.
        #expect(gate.enter(7, from: 2) == .refused(.full))
        #expect(gate.enter(8, from: 1) == .refused(.full))
        #expect(gate.enter(9, from: 3) == .replaces(3, because: .displaced))
        #expect(gate.waiting == 4)
    }

    @Test func oneWithOneFewerDisplacesNobody() {
        var gate = makeGate(running: 1, waiting: 3)
        _ = gate.enter(0, from: 1)
        for (ticket, address) in [(1, 1), (2, 2), (3, 3)] {
            _ = gate.enter(MissGate.Ticket(ticket), from: UInt32(address))
        }
        #expect(gate.enter(4, from: 4) == .refused(.full))
    }

    @Test func waitersPastTheirDeadlineAreSkippedAndMakeRoom() {
        var gate = makeGate(running: 1, waiting: 3)
        _ = gate.enter(0, from: 1)
        _ = gate.enter(1, from: 1, deadline: 10)
        _ = gate.enter(2, from: 2, deadline: 10)
        _ = gate.enter(3, from: 2)
        #expect(gate.enter(4, from: 2, at: 10) == .replaces(1, because: .expired))
        #expect(gate.leave(at: .milliseconds(10)) == MissGate.Turn(admitted: [3], expired: [2]))
        #expect(gate.enter(5, from: 2, deadline: 10, at: 10) == .refused(.expired))
    }

    @Test func whoWithdrawsIsNotServed() {
        var gate = makeGate(running: 1, waiting: 3)
        _ = gate.enter(0, from: 1)
        _ = gate.enter(1, from: 1)
        _ = gate.enter(2, from: 1)
        let outcomes = [gate.withdraw(1), gate.withdraw(1), gate.withdraw(0)]
        #expect(outcomes == [true, false, false])
        #expect(gate.leave(at: .milliseconds(0)).admitted == [2])
    }

    @Test func smallerLimitsTurnNobodyAway() {
        var gate = makeGate(running: 4, waiting: 4)
        for ticket in 0..<8 { _ = gate.enter(MissGate.Ticket(ticket), from: 1) }
        #expect(gate.resize(running: 2, waiting: 1, at: .milliseconds(0)) == MissGate.Turn())
        #expect((gate.running, gate.waiting) == (4, 4))
        let turns = (0..<3).map { _ in gate.leave(at: .milliseconds(0)).admitted }
        #expect(turns == [[], [], [4]])
        #expect(gate.running == 2)
    }

    /// What holds whatever happens, over random histories.
    @Test(arguments: 1...100) func randomHistoriesKeepTheInvariants(seed: Int) {
        var history = GateHistory(seed: UInt64(seed))
        for _ in 0..<500 { history.step() }
        history.finish()
        #expect(history.violations.isEmpty, "seed \(seed)")
    }
}

/// Random callers against a gate, with the simplest model of who waits.
private struct GateHistory {
    private struct Waiter {
        let ticket: MissGate.Ticket
        let address: UInt32
        let deadline: Int
    }

    private let maximum: (running: Int, waiting: Int)
    private var random: SeededRandom
    private var gate: MissGate.StateMachine
    private var now = 0
    private var lastTicket: MissGate.Ticket = 0
    private var running = 0
    /// In the order of arrival.
    private var waiters: [Waiter] = []
    var violations: [String] = []

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
        maximum = (random.int(in: 1...6), random.int(in: 0...12))
        gate = makeGate(running: maximum.running, waiting: maximum.waiting)
    }

    mutating func step() {
        now += random.int(in: 0...5)
        switch random.int(in: 0...9) {
        case 0...5: enter()
        case 6...8: if running > 0 { leave() }
        default: withdraw()
        }
        expect(gate.running == running && running <= maximum.running, "running")
        expect(gate.waiting == waiters.count && waiters.count <= maximum.waiting, "waiting")
        expect(waiters.isEmpty || running == maximum.running, "nobody waits beside a free place")
    }

    mutating func finish() {
        while running > 0 { leave() }
        expect(waiters.isEmpty && gate.waiting == 0, "everybody comes to an end")
    }

    private mutating func expect(_ holds: Bool, _ rule: String) {
        if !holds { violations.append("\(rule) at \(now)") }
    }

    private func count(of address: UInt32) -> Int {
        waiters.count { $0.address == address }
    }

    private mutating func remove(_ ticket: MissGate.Ticket) -> Waiter? {
        waiters.firstIndex { $0.ticket == ticket }.map { waiters.remove(at: $0) }
    }

    private mutating func enter() {
        lastTicket += 1
        // Some addresses ask more often than others.
        let address = UInt32(min(random.int(in: 0...6), random.int(in: 0...6)))
        let newcomer = Waiter(
            ticket: lastTicket,
            address: address,
            deadline: now + random.int(in: 1...40)
        )
        let most = Set(waiters.map(\.address)).map { count(of: $0) }.max() ?? 0
        let own = count(of: address)
        switch gate.enter(lastTicket, from: address, deadline: newcomer.deadline, at: now) {
        case .runs:
            expect(waiters.isEmpty, "nobody is passed by")
            running += 1
        case .waits:
            waiters.append(newcomer)
        case .refused(let reason):
            expect(reason == .full && waiters.count == maximum.waiting, "refused when full")
            expect(own + 2 > most, "refused only when no fairer exchange is left")
            expect(!waiters.contains { $0.deadline <= now }, "the late make room")
        case .replaces(let ticket, let reason):
            guard let gone = remove(ticket) else {
                return expect(false, "only who waits is displaced")
            }
            if reason == .expired {
                expect(gone.deadline <= now, "expired is past its deadline")
            } else {
                expect(own + 2 <= most, "who has two more loses one")
                expect(count(of: gone.address) + 1 == most, "of those with the most")
                let older = waiters.contains { $0.address == gone.address && $0.ticket < ticket }
                expect(!older, "the oldest of them")
            }
            waiters.append(newcomer)
        }
    }

    private mutating func leave() {
        running -= 1
        let turn = gate.leave(at: .milliseconds(now))
        for ticket in turn.expired {
            expect(remove(ticket).map { $0.deadline <= now } ?? false, "expired is late")
        }
        for ticket in turn.admitted {
            running += 1
            guard let waiter = remove(ticket) else {
                expect(false, "only who waits is admitted")
                continue
            }
            expect(waiter.deadline > now, "nobody late is admitted")
            let passed = waiters.contains { $0.address == waiter.address && $0.ticket < ticket }
            expect(!passed, "in order within an address")
        }
        expect(turn.admitted.count <= 1, "one place, one admission")
    }

    private mutating func withdraw() {
        guard let ticket = waiters.isEmpty ? nil : random.pick(waiters).ticket else { return }
        expect(gate.withdraw(ticket) && remove(ticket) != nil, "who waits can withdraw")
    }
}

private func makeGate(running: Int, waiting: Int) -> MissGate.StateMachine {
    MissGate.StateMachine(running: running, waiting: waiting)
}

extension MissGate.StateMachine {
    /// With a deadline and a time in milliseconds.
    fileprivate mutating func enter(
        _ ticket: MissGate.Ticket,
        from address: UInt32,
        deadline: Int = 1_000_000,
        at now: Int = 0
    ) -> MissGate.Entry {
        enter(
            ticket,
            from: .four(address),
            deadline: .milliseconds(deadline),
            at: .milliseconds(now)
        )
    }
}
