internal import Hummingbird
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
internal import Synchronization

/// One listening socket and everything behind it.
struct Listener: Service {
    let address: ListenAddress
    /// The option that sets the address, for the message when it cannot be bound.
    let flag: String
    let responder: IndexResponder
    let services: ExchangeServices
    let limiter: ConnectionLimiter
    let locals: LoopLocals
    let group: any EventLoopGroup
    let bound: BoundListeners
    /// Shared with other listeners.
    let reserve: DescriptorReserve
    /// How long requests under way may go on once the service stops.
    let drainTimeout: Duration
    let logger: Logger
    /// Called when some of them still have not ended by then, or when everything is cut off.
    let onDrainTimePassed: @Sendable () -> Void
    let onListening: @Sendable (ListenAddress) -> Void

    func run() async throws {
        let stop = StopSignal()
        let application = Application(
            responder: responder,
            server: HTTPServerBuilder { respond in
                ServiceChannel(
                    responder: respond,
                    services: services,
                    limiter: limiter,
                    locals: locals,
                    stop: stop
                )
            },
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: Int(address.port)),
                serverName: nil,
                backlog: 1024,
                availableConnectionsDelegate: .maximum(
                    limiter.maximum + DescriptorLimit.refusedConnections,
                    logger: logger.quieted
                )
            ),
            onServerRunning: { channel in announce(channel) },
            eventLoopGroupProvider: .shared(group),
            logger: logger.quieted
        )
        do {
            try await withGracefulShutdownHandler {
                try await withTaskCancellationHandler {
                    try await withDrainTimer { try await application.run() }
                } onCancel: {
                    onDrainTimePassed()
                }
            } onGracefulShutdown: {
                // Before the server tells its connections: those it cannot tell yet look here.
                stop.give()
                bound.isStopping()
            }
        } catch let error as IOError {
            let reason = SystemError.reason(error.errnoCode)
            throw StartError.listen(address, flag: flag, reason: reason)
        } catch is SocketAddressError.UnknownHost {
            let reason = "the host name does not resolve"
            throw StartError.listen(address, flag: flag, reason: reason)
        }
    }

    /// Runs `body`, and sees to it that what it waits for ends soon after the drain time.
    private func withDrainTimer(_ body: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await body()
                return true
            }
            group.addTask {
                guard (try? await gracefulShutdown()) != nil,
                    (try? await Task.sleep(for: drainTimeout)) != nil
                else { return false }
                logger.warning("the drain time passed; requests still under way are given up")
                onDrainTimePassed()
                return false
            }
            while let isOver = try await group.next() {
                if isOver { return group.cancelAll() }
            }
        }
    }

    private func announce(_ channel: any Channel) {
        let port = channel.localAddress?.port.flatMap(UInt16.init(exactly:)) ?? address.port
        let actual = ListenAddress(host: address.host, port: port)
        bound.add(channel)
        channel.eventLoop.execute {
            let pause = AcceptPause(reserve: reserve, logger: logger)
            // It has closed before it could get into use.
            try? channel.pipeline.syncOperations.addHandler(pause, position: .first)
        }
        logger.notice("listening", metadata: ["address": "\(actual)"])
        onListening(actual)
    }
}

/// Tells connections that come in while their listener stops, too late to be told by the server.
final class StopSignal: Sendable {
    private let flag = Atomic(false)

    var isGiven: Bool { flag.load(ordering: .acquiring) }

    func give() {
        flag.store(true, ordering: .releasing)
    }
}
