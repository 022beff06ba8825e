import Glibc
import Synchronization

/// Why a run could not be made at all.
package enum LoadRunError: Error {
    case noSuchHost
    /// No connection could be opened.
    case unreachable
}

/// What one run found.
package struct LoadResult: Sendable {
    package let tally: Tally
    /// Seconds from the first measured request to the last measured answer; at a rate, to when the
    /// next request would have left, if that is later.
    package let seconds: Double
    /// User and system time of this process over the whole run, in seconds.
    package let cpuSeconds: Double
}

/// One run: as many threads as the plan says, each with a worker.
package final class LoadRun: Sendable {
    package let plan: LoadPlan
    package let state = RunState()
    private let address: sockaddr_in
    private let tallies = Mutex<[Tally]>([])

    package init(_ plan: LoadPlan) throws(LoadRunError) {
        self.plan = plan
        guard let address = Self.resolve(plan.host, plan.port) else { throw .noSuchHost }
        self.address = address
    }

    /// Blocks until all workers are done; `progress` is called about five times a second.
    package func run(progress: () -> Void) throws(LoadRunError) -> LoadResult {
        let before = Self.cpuSeconds()
        var threads: [pthread_t] = []
        for number in 0..<plan.threads {
            var thread = pthread_t()
            let body = ThreadBody { [self] in work(number) }
            let context = Unmanaged.passRetained(body).toOpaque()
            let result = pthread_create(&thread, nil, runThreadBody, context)
            precondition(result == 0, "the system has no thread left")
            threads.append(thread)
        }
        while tallies.withLock({ $0.count }) < plan.threads {
            usleep(20_000)
            progress()
        }
        for thread in threads { pthread_join(thread, nil) }
        let all = tallies.withLock { $0 }
        var tally = Tally()
        for one in all { tally.merge(one) }
        guard state.connected.load(ordering: .relaxed) > 0 else { throw .unreachable }
        let window = tally.lastRecorded - min(tally.lastRecorded, tally.firstRecorded)
        return LoadResult(
            tally: tally,
            seconds: Double(window) / 1e9,
            cpuSeconds: Self.cpuSeconds() - before
        )
    }

    private func work(_ number: Int) {
        var worker = Worker(plan: plan, number: number, address: address, shared: state)
        let tally = worker.run()
        tallies.withLock { $0.append(tally) }
    }

    /// The first IPv4 address of a host.
    private static func resolve(_ host: String, _ port: UInt16) -> sockaddr_in? {
        var hints = addrinfo()
        hints.ai_family = AF_INET
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, "\(port)", &hints, &found) == 0, let found else { return nil }
        defer { freeaddrinfo(found) }
        guard let address = found.pointee.ai_addr else { return nil }
        return UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in.self)
    }

    private static func cpuSeconds() -> Double {
        var usage = rusage()
        getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
        let times = [usage.ru_utime, usage.ru_stime]
        return times.reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
    }
}

/// What a thread runs, in a box that fits through a pointer.
private final class ThreadBody {
    let run: () -> Void

    init(_ run: @escaping () -> Void) { self.run = run }
}

private func runThreadBody(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().run()
    return nil
}
