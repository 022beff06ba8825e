internal import NIOPosix
internal import Synchronization
internal import Waiting

/// Threads for blocking work on the database, whose callers wait no longer than their time.
///
/// A disk that hangs keeps the threads it has caught and no others. Whoever waits behind them is
/// told so at the end of its time, and what it wanted is not begun any more. So many calls wait at
/// most, those of callers who have left included.
final class DatabaseThreads: Sendable {
    private struct State {
        /// Handed to the threads and not begun.
        var waiting = 0
        /// What goes before all that waits for a thread.
        var ahead: [@Sendable (NIOThreadPool.WorkItemState) -> Void] = []
        /// What ends the wait of whoever writes, by number.
        var writers: [UInt64: @Sendable () -> Void] = [:]
        var lastWriter: UInt64 = 0
        var takesWrites = true
    }

    /// Calls that may wait ahead of the others.
    private static let depthAhead = 8

    private let threads: NIOThreadPool
    private let depth: Int
    private let timer = PatienceTimer(label: "index.timer")
    private let state = Mutex(State())
    /// Calls that came to their end in time for whoever waited.
    private let ended = Atomic<UInt64>(0)

    /// - Parameter depth: calls that may wait for a thread.
    init(count: Int, depth: Int) {
        threads = NIOThreadPool(numberOfThreads: count)
        self.depth = depth
        threads.start()
    }

    /// Reads on one of the threads; whoever is cancelled leaves at once.
    ///
    /// - Parameter isAhead: whether it goes before all that waits already.
    /// - Throws: after `patience` `StoreError.late`, or `crowded` when it never began although
    ///   others ended meanwhile: the disk works, and too many want it; `crowded` at once where too
    ///   many wait already.
    func read<Output: Sendable>(
        within patience: Duration,
        ahead isAhead: Bool = false,
        _ body: @escaping @Sendable () throws -> Output
    ) async throws(StoreError) -> Output {
        let call = Call(body)
        try takePlace(ahead: isAhead)
        let endedBefore = ended.load(ordering: .relaxed)
        let number = timer.enter(for: patience) { [self] in
            let othersEnded = ended.load(ordering: .relaxed) != endedBefore
            call.expire(whileOthersEnded: othersEnded && !isAhead)
        }
        defer { timer.leave(number) }
        return try await call.waiter.value(whenCancelled: .failure(Self.left)) {
            submit(call, ahead: isAhead)
        }.get()
    }

    /// Writes on one of the threads: once it has begun its end is waited for, because the caller
    /// has to know what is written.
    ///
    /// - Parameters:
    ///   - withdrawal: takes it back, as a cancellation does, as long as it has not begun.
    ///   - leaves: whether a caller who is cancelled needs to know nothing, and leaves at once.
    /// - Throws: `StoreError.late` from `giveUpWrites` on.
    func write<Output: Sendable>(
        unless withdrawal: Withdrawal?,
        leavingWhenCancelled leaves: Bool,
        _ body: @escaping @Sendable () throws -> Output
    ) async throws(StoreError) -> Output {
        let call = Call(body)
        let number = try enter { call.giveUp(.late) }
        defer { state.withLock { _ = $0.writers.removeValue(forKey: number) } }
        try takePlace()
        let cancelled = leaves ? Result<Output, StoreError>.failure(Self.left) : nil
        let result = await withTaskCancellationHandler {
            withdrawal?.watch { call.withdraw(Self.left) }
            defer { withdrawal?.unwatch() }
            return await call.waiter.value(whenCancelled: cancelled) { submit(call) }
        } onCancel: {
            call.withdraw(Self.left)
        }
        return try result.get()
    }

    /// Ends every wait for a write and takes no more of them: what has begun goes on, and nobody
    /// learns of its end.
    func giveUpWrites() {
        let writers = state.withLock { state in
            state.takesWrites = false
            return Array(state.writers.values)
        }
        for giveUp in writers { giveUp() }
    }

    /// Notes a writer as long as it waits; the number is what it is known by.
    private func enter(_ giveUp: @escaping @Sendable () -> Void) throws(StoreError) -> UInt64 {
        let number: UInt64? = state.withLock { state in
            guard state.takesWrites else { return nil }
            state.lastWriter += 1
            state.writers[state.lastWriter] = giveUp
            return state.lastWriter
        }
        guard let number else { throw .late }
        return number
    }

    /// Runs when all that waits now has begun, also when too much waits already.
    func afterAll(_ body: @escaping @Sendable () -> Void) {
        threads.submit { _ in body() }
    }

    /// Ends the threads when their work has ended; blocks, for as long as that takes.
    func shutDown() throws {
        try threads.syncShutdownGracefully()
    }

    /// Calls that wait for a thread, those of callers who have left included.
    var waitingCount: Int { state.withLock(\.waiting) }

    private static let left = StoreError.unavailable("its caller has left")

    private func takePlace(ahead isAhead: Bool = false) throws(StoreError) {
        let isTaken = state.withLock { state in
            let hasRoom =
                isAhead ? state.ahead.count < Self.depthAhead : state.waiting < depth
            if hasRoom { state.waiting += 1 }
            return hasRoom
        }
        // Looks ahead that are still there have found nobody: their threads hang.
        guard isTaken else { throw isAhead ? .late : .crowded }
    }

    private func submit<Output>(_ call: Call<Output>, ahead isAhead: Bool = false) {
        let work: @Sendable (NIOThreadPool.WorkItemState) -> Void = { [self] threadState in
            state.withLock { $0.waiting -= 1 }
            switch threadState {
            case .active:
                call.run { self.ended.add(1, ordering: .relaxed) }
            case .cancelled: call.giveUp(.unavailable("it is closed"))
            }
        }
        if isAhead { state.withLock { $0.ahead.append(work) } }
        // Whichever thread is free first does what is ahead, whosever turn it was.
        threads.submit { [self] threadState in
            while let first = takeAhead() { first(threadState) }
            if !isAhead { work(threadState) }
        }
    }

    private func takeAhead() -> (@Sendable (NIOThreadPool.WorkItemState) -> Void)? {
        state.withLock { $0.ahead.isEmpty ? nil : $0.ahead.removeFirst() }
    }
}

/// Work that waits for a thread, and its caller.
private final class Call<Output: Sendable>: Sendable {
    typealias Outcome = Result<Output, StoreError>

    let waiter = Waiter<Outcome>()
    /// Nil once it has begun or nobody wants it any more, so that what it holds is let go of.
    private let body: Mutex<(@Sendable () throws -> Output)?>

    init(_ body: @escaping @Sendable () throws -> Output) {
        self.body = Mutex(body)
    }

    /// - Parameter received: called when somebody still waits for the end.
    func run(_ received: () -> Void) {
        guard let body = takeBody(), !waiter.isDone else { return }
        waiter.finish(Result { try body() }.mapError { StoreError($0) }, first: received)
    }

    /// Ends the caller's wait, for its time is over.
    func expire(whileOthersEnded: Bool) {
        let hasBegun = takeBody() == nil
        waiter.finish(.failure(!hasBegun && whileOthersEnded ? .crowded : .late))
    }

    /// Ends the caller's wait, whether or not the work has begun.
    func giveUp(_ error: StoreError) {
        _ = takeBody()
        waiter.finish(.failure(error))
    }

    /// Ends the caller's wait unless the work has begun.
    func withdraw(_ error: StoreError) {
        if takeBody() != nil { waiter.finish(.failure(error)) }
    }

    private func takeBody() -> (@Sendable () throws -> Output)? {
        body.withLock { $0.take() }
    }
}
