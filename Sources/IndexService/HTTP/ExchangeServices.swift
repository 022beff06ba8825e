internal import Cache
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import Synchronization
internal import Waiting

/// What every connection's `ExchangeHandler` works with: immutable, shared by all of them.
struct ExchangeServices: Sendable {
    /// Times after which a connection or a request is given up.
    struct Limits: Sendable {
        var idleTimeout = TimeAmount.seconds(60)
        var headerTimeout = TimeAmount.seconds(10)
        /// How long requests under way may go on once the service stops.
        var drainTimeout = TimeAmount.seconds(10)
    }

    /// What is still read, and dropped, from a client whose request was refused before its end.
    static let lingeringBytes = 2 << 20
    static let lingeringTime = TimeAmount.seconds(2)
    /// The same at the stop of the service, for clients that may not even look at the connection.
    static let idleLingeringTime = TimeAmount.milliseconds(250)

    let screening: Screening
    let limits: Limits
    let tuning: ExchangeTuning
    let resolver: Resolver
    let ledger: ExchangeLedger
}

/// What a reload changes of every exchange, in cells that a hit may read.
final class ExchangeTuning: Sendable {
    private let timeout = Atomic<Int64>(0)
    private let logs = Atomic(false)

    init(_ settings: Settings) {
        change(to: settings)
    }

    func change(to settings: Settings) {
        timeout.store(settings.http.requestTimeout.nanoseconds, ordering: .relaxed)
        logs.store(settings.log.requests, ordering: .relaxed)
    }

    /// One request from its head to its answer.
    var requestTimeout: TimeAmount { .nanoseconds(timeout.load(ordering: .relaxed)) }

    /// How long a caller waits for an answer, in nanoseconds: less than a request may take.
    var patience: UInt64 { UInt64(clamping: timeout.load(ordering: .relaxed) / 20 * 19) }

    /// Whether exchanges are logged at all.
    var logsRequests: Bool { logs.load(ordering: .relaxed) }
}

/// Accounts for exchanges: the metrics and the one log line of each.
///
/// Answers are logged at `debug`, refusals at `info`, what could not be looked up or not in time at
/// `warning`, our own mistakes at `error`, so that the usual level `info` shows what somebody may
/// have to look at. Keys are shortened; bodies, tokens
/// and queries never appear.
struct ExchangeLedger: Sendable {
    let metrics: Metrics
    let logger: Logger
    let tuning: ExchangeTuning

    func began(_ exchange: Exchange, on local: LoopLocal) {
        metrics.requestBegan(route: exchange.route, on: local.stripe)
    }

    func finished(_ exchange: Exchange, on local: LoopLocal) {
        let elapsed = elapsedNanoseconds(exchange)
        metrics.requestEnded(route: exchange.route, on: local.stripe)
        metrics.requestFinished(
            route: exchange.route,
            method: exchange.method,
            outcome: RequestOutcome(status: exchange.status),
            nanoseconds: elapsed,
            on: local.stripe
        )
        if let problem = exchange.problem, let reason = Problem(problem, "").rejectReason {
            metrics.rejected(reason, on: local.stripe)
        }
        guard tuning.logsRequests else { return }
        log(exchange, nanoseconds: elapsed, "request")
    }

    /// The client went away before its answer was written.
    func abandoned(_ exchange: Exchange, on local: LoopLocal) {
        metrics.requestEnded(route: exchange.route, on: local.stripe)
        guard tuning.logsRequests else { return }
        log(exchange, nanoseconds: elapsedNanoseconds(exchange), "request abandoned by the client")
    }

    private func elapsedNanoseconds(_ exchange: Exchange) -> Int64 {
        Int64(clamping: MonotonicInstant.now().nanoseconds(since: exchange.startedAt))
    }

    private func log(_ exchange: Exchange, nanoseconds: Int64, _ message: Logger.Message) {
        let level: Logger.Level =
            switch exchange.status {
            case ..<400: .debug
            case ..<500: .info
            case 500: .error
            default: .warning
            }
        guard logger.logLevel <= level else { return }
        var metadata: Logger.Metadata = [
            "corr_id": "\(exchange.correlationID)",
            "method": "\(exchange.method.text)",
            "route": "\(exchange.route.text)",
            "status": "\(exchange.status)",
            "bytes": "\(exchange.bodyBytes)",
            "duration_us": "\(nanoseconds / 1000)",
        ]
        if let key = exchange.endpoint?.key { metadata["key"] = "\(KeyHint(key))" }
        if let detail = exchange.cacheDetail { metadata["cache"] = "\(detail)" }
        if let problem = exchange.problem { metadata["code"] = "\(problem.rawValue)" }
        logger.log(level: level, message, metadata: metadata)
    }
}

extension Endpoint {
    /// The key in the path, still percent-encoded.
    var key: String? {
        switch self {
        case .resolve(let key), .adminName(let key): key
        case .providers(let id), .manifest(let id), .adminManifest(let id), .adminProviders(let id):
            id
        case .adminNames, .adminKeys, .adminImport, .health, .readiness, .version, .metrics: nil
        }
    }
}

extension Exchange {
    /// Takes from a response's head what logs and metrics tell of it.
    func note(_ head: HTTPResponseHead) {
        status = Int(head.status.code)
        cacheDetail = head.headers.first(name: CacheStatus.header).flatMap(CacheStatus.detail(in:))
        problem = head.headers.first(name: Problem.codeHeader).flatMap(Problem.Code.init(rawValue:))
    }
}
