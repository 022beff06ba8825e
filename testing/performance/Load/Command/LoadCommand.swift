import ArgumentParser
import Foundation
import LoadEngine
import Synchronization

/// Set by Ctrl-C; the watching thread hands it on to the run.
private let interrupted = Atomic<Bool>(false)

/// The load generator of svc-index.
@main
struct LoadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "svc-index-load",
        abstract: "Loads a running svc-index at a constant rate, or as hard as it can.",
        discussion: """
            Examples:
              svc-index-load --names names.ndjson --rate 20000 --duration 30
              svc-index-load --path /resolve/libc6 --connections 64
              svc-index-load --names names.ndjson --cids cids.txt --rate 5000 \\
                  --mix resolve=80,providers=10,manifests=5,unknown=5 --json
            With --rate, latency counts from when a request was meant to leave, whether or not
            earlier answers were late. Without it, from when it left.
            Exit codes: 0 done, 1 more errors than allowed, 64 usage, 69 nobody answers,
            74 the figures could not be written.
            """
    )

    @Option(help: "Where the service is: http://HOST:PORT.")
    var url = "http://127.0.0.1:5304"
    @Option(help: "Names to resolve: one a line, or the lines of `svc-index import`.")
    var names: String?
    @Option(help: "Content ids for the routes providers and manifests, one a line.")
    var cids: String?
    @Option(help: "Always this path, instead of names.")
    var path: String?
    @Option(help: "Shares of the routes resolve, providers, manifests, unknown.")
    var mix = "resolve=100"
    @Option(help: "80/20, zipf, zipf:EXPONENT, uniform, or each (every key once).")
    var distribution = "80/20"
    @Option(help: "Share of resolves that skip the cache (fresh=true), 0 to 1.")
    var fresh = 0.0
    @Option(help: "Requests a second; as many as possible if none.")
    var rate: Double?
    @Option(help: "Connections over all threads.")
    var connections = 64
    @Option(help: "Threads of the generator.")
    var threads = 1
    @Option(help: "Seconds that are measured.")
    var duration = 10.0
    @Option(help: "Seconds of the same load before them; 1, or 0 with --requests and with each.")
    var warmUp: Double?
    @Option(help: "Milliseconds that a connection waits between an answer and its next request.")
    var thinkMs = 0.0
    @Option(help: "Requests that a connection sends at once (pipelining); due together by --rate.")
    var batch = 1
    @Option(help: "No more than so many requests.")
    var requests: Int?
    @Option(help: "Milliseconds after which a request has failed.")
    var timeoutMs = 5000.0
    @Flag(help: "Four batches in flight at most, and ever longer pauses after 429 and 5xx.")
    var adaptive = false
    @Option(help: "Makes another sequence of keys.")
    var seed: UInt64 = 1
    @Option(help: "Exit with 1 above this share of errors (5xx, 4xx, lost connections).")
    var maxErrorShare = 0.001
    @Option(help: "Exit with 1 above this share of 429 and 503.")
    var maxThrottledShare = 0.01
    @Option(help: "Exit with 1 when more than this share of what was due was never sent.")
    var maxUnsentShare = 0.01
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        for (name, value, range) in limits where !range.contains(value) {
            let (least, most) = (Self.words(range.lowerBound), Self.words(range.upperBound))
            throw ValidationError("\(name) must be \(least) to \(most).")
        }
        if threads > connections { throw ValidationError("--threads needs as many --connections.") }
        guard connections * batch <= Self.mostInFlight else {
            let most = Self.words(Double(Self.mostInFlight))
            throw ValidationError("--connections times --batch must be \(most) at most.")
        }
        _ = try plan()
    }

    /// Requests that may be in flight; their bytes and times are kept until they are answered.
    private static let mostInFlight = 1_000_000

    private static let filesOfTheProcess = 32

    /// What the options may be: beyond, one machine's ports, threads or clock would not do.
    private var limits: [(name: String, value: Double, range: ClosedRange<Double>)] {
        [
            ("--connections", Double(connections), 1...60_000),
            ("--threads", Double(threads), 1...256),
            ("--batch", Double(batch), 1...10_000),
            ("--requests", Double(requests ?? 1), 1...1e9),
            ("--rate", rate ?? 1, 0.001...1e7),
            ("--duration", duration, 0.001...1e6),
            ("--warm-up", warmUp ?? 0, 0...1e6),
            ("--think-ms", thinkMs, 0...1e6),
            ("--timeout-ms", timeoutMs, 1...1e6),
            ("--fresh", fresh, 0...1),
            ("--max-error-share", maxErrorShare, 0...1),
            ("--max-throttled-share", maxThrottledShare, 0...1),
            ("--max-unsent-share", maxUnsentShare, 0...1),
        ]
    }

    private static func words(_ limit: Double) -> String {
        Figures.number(limit, limit == limit.rounded() ? 0 : 3)
    }

    private func plan() throws -> LoadPlan {
        var plan = LoadPlan()
        (plan.host, plan.port) = try address()
        guard let mix = RouteMix(mix) else {
            throw ValidationError("--mix is like resolve=90,unknown=10; it was \(mix).")
        }
        guard let distribution = KeyDistribution(distribution) else {
            throw ValidationError("--distribution is 80/20, zipf, zipf:1.1, uniform or each.")
        }
        (plan.mix, plan.distribution, plan.path) = (mix, distribution, path)
        if let path {
            guard path.hasPrefix("/"), path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
                throw ValidationError("--path begins with / and has no spaces.")
            }
        } else {
            if mix.has(.resolve), names == nil {
                throw ValidationError("Give --names or --path.")
            }
            if mix.has(.providers) || mix.has(.manifests), cids == nil {
                throw ValidationError("The routes providers and manifests need --cids.")
            }
        }
        (plan.fresh, plan.rate, plan.requests) = (fresh, rate, requests)
        (plan.connections, plan.threads, plan.batch) = (connections, threads, batch)
        plan.duration = UInt64(duration * 1e9)
        let counts = requests != nil || distribution == .each
        plan.warmUp = UInt64((warmUp ?? (counts ? 0 : 1)) * 1e9)
        plan.thinkTime = UInt64(thinkMs * 1e6)
        plan.timeout = UInt64(timeoutMs * 1e6)
        (plan.adaptive, plan.seed) = (adaptive, seed)
        if plan.adaptive { plan.threads = min(plan.threads, 4) }
        return plan
    }

    private func address() throws -> (String, UInt16) {
        guard let parts = URLComponents(string: url), parts.scheme == "http",
            let host = parts.host, !host.isEmpty, ["", "/"].contains(parts.path)
        else { throw ValidationError("--url is like http://127.0.0.1:5304; it was \(url).") }
        guard let port = UInt16(exactly: parts.port ?? 80) else {
            throw ValidationError("--url has no such port.")
        }
        return (host, port)
    }

    func run() throws {
        var plan = try plan()
        do {
            if path == nil {
                plan.keys = try names.map { try KeyList(file: $0) }
                plan.cids = try cids.map { try KeyList(file: $0) }
            }
        } catch let error as KeyListError {
            throw ValidationError("\(error).")
        }
        try makeRoomForConnections()
        signal(SIGINT) { _ in interrupted.store(true, ordering: .relaxed) }
        let figures: Figures
        do {
            let run = try LoadRun(plan)
            let meter = ProgressMeter(run)
            let result = try run.run {
                if interrupted.load(ordering: .relaxed) {
                    run.state.stopRequested.store(true, ordering: .relaxed)
                }
                meter.show()
            }
            meter.clear()
            figures = Figures(result, plan: plan)
        } catch LoadRunError.noSuchHost {
            try fail("\(plan.host) has no IPv4 address: check --url.", code: 69)
        } catch {
            try fail("nobody listens at \(url): start svc-index, or give --url.", code: 69)
        }
        try report(json ? figures.json() : figures.table)
        try judge(figures)
    }

    /// Every connection is an open file, every thread has one for its events.
    private func makeRoomForConnections() throws {
        let needed = rlim_t(connections + threads + Self.filesOfTheProcess)
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < needed else { return }
        guard limit.rlim_max >= needed else {
            throw ValidationError(
                "--connections \(connections) needs \(needed) open files, and \(limit.rlim_max) "
                    + "are allowed: ask for fewer, or raise `ulimit -Hn`."
            )
        }
        limit.rlim_cur = needed
        setrlimit(resource, &limit)
    }

    /// To the standard output, which may be a file on a full disk.
    private func report(_ figures: String) throws {
        do {
            try FileHandle.standardOutput.write(contentsOf: Data("\(figures)\n".utf8))
        } catch {
            try fail("the figures could not be written to the standard output.", code: 74)
        }
    }

    private func judge(_ figures: Figures) throws {
        if figures.answers == 0 { try fail("no request was answered.", code: 1) }
        if figures.errorShare > maxErrorShare {
            try fail("errors are above --max-error-share \(maxErrorShare).", code: 1)
        }
        if figures.throttledShare > maxThrottledShare {
            try fail(
                "429 and 503 are above --max-throttled-share \(maxThrottledShare): ask for less, "
                    + "or raise limits.* and ratelimit.*.",
                code: 1
            )
        }
        if figures.unsentShare > maxUnsentShare {
            try fail(
                "what was due and never sent is above --max-unsent-share \(maxUnsentShare): the "
                    + "service did not keep up, or hung; ask for less, or give more --connections.",
                code: 1
            )
        }
    }

    private func fail(_ text: String, code: Int32) throws -> Never {
        FileHandle.standardError.write(Data("svc-index-load: \(text)\n".utf8))
        throw ExitCode(code)
    }
}
