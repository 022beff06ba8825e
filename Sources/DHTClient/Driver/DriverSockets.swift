internal import DHTCore
internal import NIOCore

/// The driver's sockets, one a family: opens them, sends through them, reopens lost ones.
///
/// Confined to the driver's event loop.
final class DriverSockets {
    private var slots: [Slot] = []
    private let settings: SocketSettings
    private let retry: RetrySettings
    private let patience: TimeSpan
    private weak var driver: DatagramDriver?
    private let eventLoop: any EventLoop

    /// A family's socket and what is being done to get it back.
    private struct Slot {
        var socket: DatagramSocket
        var lastError: String?
        var attempt = 0
        /// Since when there is none; nil while it is open.
        var lostAt: DHTInstant?
        var rebind: Scheduled<Void>?
    }

    init(_ configuration: MainlineConfiguration, driver: DatagramDriver) {
        settings = configuration.socket
        retry = configuration.retry
        patience = configuration.node.familyPatience
        eventLoop = driver.eventLoop
        self.driver = driver
    }

    /// Binds every address; throws, with none left open, when one of them cannot be had.
    func open(_ binds: [Endpoint]) throws(MainlineError) -> EventLoopFuture<Void> {
        guard let driver else { throw .stopped }
        do throws(MainlineError) {
            for endpoint in binds {
                let socket = try DatagramSocket(endpoint, at: endpoint, settings, driver: driver)
                slots.append(Slot(socket: socket))
            }
        } catch {
            for slot in slots { slot.socket.discard() }
            slots = []
            throw error
        }
        let opening = slots.map { $0.socket.open(settings, on: eventLoop) }
        return EventLoopFuture.andAllSucceed(opening, on: eventLoop)
    }

    /// Sends one datagram through the socket of its family; nil when the system took it.
    func send(_ payload: Span<UInt8>, to endpoint: Endpoint) -> SendFailure? {
        for slot in slots where slot.socket.requested.family == endpoint.family {
            return slot.socket.send(payload, to: endpoint)
        }
        return .noSocket
    }

    /// Why nothing can be asked in a configured family; nil while its socket is open.
    func obstacle(in family: AddressFamily) -> MainlineError? {
        let slot = slots.first { $0.socket.requested.family == family }
        guard let slot, !slot.socket.isOpen else { return nil }
        guard let lostAt = slot.lostAt, DHTInstant.now.since(lostAt) >= patience else {
            return .notConnected(family)
        }
        return .familyGone(family)
    }

    var endpoints: [Endpoint] { slots.map(\.socket.bound) }

    var statuses: [MainlineStatus.SocketStatus] {
        slots.map { slot in
            MainlineStatus.SocketStatus(
                endpoint: slot.socket.bound,
                isOpen: slot.socket.isOpen,
                receiveBufferBytes: slot.socket.receiveBufferBytes,
                lastError: slot.lastError
            )
        }
    }

    /// Closes everything for good.
    func close() -> EventLoopFuture<Void> {
        for index in slots.indices {
            slots[index].rebind?.cancel()
            slots[index].rebind = nil
        }
        let closing = slots.map { $0.socket.close(on: eventLoop) }
        return EventLoopFuture.andAllComplete(closing, on: eventLoop)
    }
}

@available(*, unavailable)
extension DriverSockets: Sendable {}

// MARK: - Losing and reopening

extension DriverSockets {
    /// Remembers what a read failed with, for the case that the socket is lost to it.
    func failed(_ socket: DatagramSocket, _ error: any Error) {
        guard let index = slots.firstIndex(where: { $0.socket === socket }) else { return }
        slots[index].lastError = "\(error)"
    }

    /// A socket was closed by the system, or by an error of its own.
    func lost(_ socket: DatagramSocket) {
        guard let index = slots.firstIndex(where: { $0.socket === socket }) else { return }
        if slots[index].lastError == nil { slots[index].lastError = "the socket was closed" }
        slots[index].lostAt = slots[index].lostAt ?? .now
        scheduleRebind(at: index)
    }

    /// Closes the open sockets of these families without giving them up.
    func drop(_ families: Set<AddressFamily>) {
        for slot in slots where families.contains(slot.socket.requested.family) {
            slot.socket.drop()
        }
    }

    private func scheduleRebind(at index: Int) {
        let attempt = slots[index].attempt
        let pause = retry.pause(retry.rebindPause, limit: retry.rebindPauseLimit, attempt: attempt)
        slots[index].attempt += 1
        slots[index].rebind = eventLoop.assumeIsolated().scheduleTask(
            in: .nanoseconds(pause.nanoseconds)
        ) { [weak self] in
            self?.rebind(at: index)
            return
        }
        let reason = slots[index].lastError ?? "it was closed"
        let endpoint = slots[index].socket.bound
        driver?.report(.socketLost(endpoint, reason: reason, nextAttempt: pause))
    }

    private func rebind(at index: Int) {
        slots[index].rebind = nil
        guard let driver else { return }
        let old = slots[index].socket
        do throws(MainlineError) {
            let socket = try reopened(old, driver: driver)
            slots[index].socket = socket
            socket.open(settings, on: eventLoop).assumeIsolated().whenComplete { [weak self] in
                self?.reopened(at: index, socket, $0)
            }
        } catch {
            slots[index].lastError = error.description
            scheduleRebind(at: index)
        }
    }

    /// At the same port, by which others know us; at any other where the system was to choose.
    private func reopened(
        _ old: DatagramSocket,
        driver: DatagramDriver
    ) throws(MainlineError) -> DatagramSocket {
        let requested = old.requested
        do throws(MainlineError) {
            return try DatagramSocket(requested, at: old.bound, settings, driver: driver)
        } catch {
            guard requested.port == 0 else { throw error }
            return try DatagramSocket(requested, at: requested, settings, driver: driver)
        }
    }

    private func reopened(
        at index: Int,
        _ socket: DatagramSocket,
        _ result: Result<Void, any Error>
    ) {
        // A socket that was lost meanwhile has been taken care of already.
        guard slots[index].socket === socket, slots[index].rebind == nil else { return }
        switch result {
        case .success:
            slots[index].attempt = 0
            slots[index].lastError = nil
            slots[index].lostAt = nil
            driver?.report(.bound(socket.bound))
        case .failure(let error):
            slots[index].lastError = "\(error)"
            scheduleRebind(at: index)
        }
    }
}
