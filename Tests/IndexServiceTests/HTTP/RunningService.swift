import Foundation
import Logging
import NIOPosix
import Testing
import UnixSignals

@testable import IndexService

/// The real service in this process, listening on a port of its own.
struct RunningService: Sendable {
    /// The admin token of every service that has one.
    static let token = "test-token-kQ2v9XbT7rLm4ZsY"

    let application: IndexApplication
    let port: UInt16
    let log: RecordedLog
    let source: ChangingSettings
    let loops: MultiThreadedEventLoopGroup

    /// Sends `requests` one after another and reads as many answers.
    ///
    /// They share a connection for as long as the answers leave it open.
    func ask(_ requests: [WireRequest]) async throws -> [WireResponse] {
        let port = port
        return try await onOwnThread {
            var connection = try RawConnection(port: port)
            return try requests.map { request in
                try connection.send(request)
                let answer = try connection.response(to: request.method)
                if answer["Connection"] == "close" { connection = try RawConnection(port: port) }
                return answer
            }
        }
    }

    func ask(_ requests: WireRequest...) async throws -> [WireResponse] {
        try await ask(requests)
    }

    /// One request on a connection of its own.
    func ask(_ request: WireRequest) async throws -> WireResponse {
        try await ask([request])[0]
    }

    /// Sends `bytes` on a connection of its own, then reads one answer.
    func send(_ bytes: [UInt8], as method: String = "GET") async throws -> WireResponse {
        let port = port
        return try await onOwnThread {
            let connection = try RawConnection(port: port)
            try connection.send(bytes)
            return try connection.response(to: method)
        }
    }

    /// Works on a connection of its own, on a thread of its own.
    func connected<Output: Sendable>(
        _ work: @escaping @Sendable (RawConnection) throws -> Output
    ) async throws -> Output {
        let port = port
        return try await onOwnThread { try work(try RawConnection(port: port)) }
    }

    /// One request on a connection of its own, in a service that may stop meanwhile.
    func askOnce(_ request: WireRequest) async throws -> WireResponse {
        try await send(request.bytes, as: request.method)
    }

    /// Changes what the settings are read from, and reads them again.
    func reload(_ change: (inout Settings) -> Void) async throws {
        source.change(change)
        try await reload()
    }

    /// Reads the settings again as they are now.
    func reload() async throws {
        let reloader = try #require(application.reloader)
        await reloader.reload()
    }

    /// What `/metrics` says at this moment.
    func exposition() throws -> Exposition {
        try Exposition(application.metrics.exposition())
    }

    /// The value of a series in `/metrics`, its labels as `name=value,name=value`.
    func metric(_ name: String, _ labels: String = "") throws -> Double {
        try exposition().value(name, labels) ?? 0
    }
}

/// Loops that outlive every service of these tests.
///
/// The HTTP library's stop goes on for a moment after a cancelled service has returned, and finds
/// no loop any more where the service has ended its own; a debug build does not forgive that.
let sharedLoops = MultiThreadedEventLoopGroup(numberOfThreads: 2)

/// Starts a service in memory, runs `body` against it, and stops it.
///
/// - Parameters:
///   - loops: event loops that outlive it.
///   - hasToken: whether the admin routes are enabled.
///   - signals: what ends it in place of the end of `body`, which must send one of them.
func withService(
    on loops: MultiThreadedEventLoopGroup = sharedLoops,
    hasToken: Bool = true,
    stopOn signals: [UnixSignal] = [],
    settings configure: (inout Settings) -> Void = { _ in },
    log: RecordedLog = RecordedLog(),
    _ body: @Sendable (RunningService) async throws -> Void
) async throws {
    let directory = try TemporaryDirectory()
    var settings = Settings()
    settings.http.bind = ListenAddress(host: "127.0.0.1", port: 0)
    settings.http.eventLoops = 2
    // Tests that block the store decide for themselves how long.
    settings.database.readTimeout = .seconds(60)
    // Slow enough that no score changes, and no entity tag with it, while a test runs.
    settings.rank.halfLife = .seconds(31_536_000)
    if hasToken {
        settings.auth.tokenFile = try directory.write(RunningService.token + "\n", to: "token")
    }
    configure(&settings)
    let source = ChangingSettings(settings)
    let application = try IndexApplication(
        settings: settings,
        logger: log.makeLogger(),
        feed: source.makeFeed()
    )
    let (addresses, sink) = AsyncStream.makeStream(of: ListenAddress.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            defer { sink.finish() }
            // Whoever sends signals wants the whole of a process's stop.
            try await application.run(
                on: signals.isEmpty ? loops : nil,
                stopOn: signals,
                onListening: { sink.yield($0) }
            )
        }
        if let address = await addresses.first(where: { _ in true }) {
            let service = RunningService(
                application: application,
                port: address.port,
                log: log,
                source: source,
                loops: loops
            )
            do {
                try await body(service)
            } catch {
                group.cancelAll()
                throw error
            }
        }
        // Whoever gave signals has sent one by now, and waits for the service to end by itself.
        if signals.isEmpty { group.cancelAll() }
        try await group.waitForAll()
    }
}

/// A directory that is gone when the value is.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "svc-index-tests-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file and returns its path.
    func write(_ text: String, to name: String) throws -> String {
        let file = path + "/" + name
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        return file
    }
}
