internal import DHTCore
internal import Glibc
internal import NIOCore
internal import NIOPosix

/// Turns the configured bootstrap nodes into endpoints, and tries again what cannot be resolved.
///
/// A name may move while the service runs for months, so names are asked for again whenever the
/// node is short of contacts, which is when it needs them.
///
/// Confined to the driver's event loop; the system's resolver blocks, so it runs on NIO's threads
/// for that. Numeric addresses are there at once.
final class BootstrapResolver {
    /// What could not be resolved the last time, with the system's reason.
    private var failures: [ResolveFailure] = []
    /// The same, also while it is tried again.
    private var reasons: [BootstrapAddress: String] = [:]
    /// The last reason why nothing could be sent to an endpoint.
    private var unsent: [Endpoint: SendFailure] = [:]

    /// Whether the first attempt to resolve names is under way.
    var isResolving: Bool { isFirstRound && underWay > 0 }

    private let addresses: [BootstrapAddress]
    private let families: Message.Families
    private let retry: RetrySettings
    private let eventLoop: any EventLoop
    private weak var driver: DatagramDriver?
    private let lookUp: MainlineConfiguration.NameLookup
    private var resolved: [BootstrapAddress: [Endpoint]] = [:]
    private var isFirstRound = true
    private var attempt = 0
    private var underWay = 0
    private var timer: Scheduled<Void>?
    private var isStopped = false

    init(_ configuration: MainlineConfiguration, driver: DatagramDriver) {
        addresses = configuration.bootstrap
        families = configuration.nodeSettings.families
        retry = configuration.retry
        lookUp = configuration.lookUpName ?? BootstrapResolver.askSystem
        eventLoop = driver.eventLoop
        self.driver = driver
    }

    /// Every bootstrap node and why it cannot be asked, as far as that is known; in the configured
    /// order.
    var states: [BootstrapState] {
        addresses.map { BootstrapState(address: $0.description, problem: problem(of: $0)) }
    }

    private func problem(of address: BootstrapAddress) -> String? {
        guard let endpoints = resolved[address] else {
            return reasons[address] ?? "its name is being resolved"
        }
        let spoken = endpoints.filter { families.contains($0.family) }
        guard let first = spoken.first else {
            let name = endpoints.first?.family == .v6 ? "IPv6" : "IPv4"
            return "no \(name) address is bound to ask it from (dht.bind)"
        }
        guard spoken.contains(where: { $0.scope != .martian }) else {
            return "no node can be at \(first.description)"
        }
        return spoken.allSatisfy { unsent[$0] != nil } ? unsent[first]?.reason : nil
    }

    /// Takes note of whether the system took a datagram.
    func noteSending(to endpoint: Endpoint, _ failure: SendFailure?) {
        guard let failure else {
            if !unsent.isEmpty { unsent[endpoint] = nil }
            return
        }
        guard resolved.values.contains(where: { $0.contains(endpoint) }) else { return }
        unsent[endpoint] = failure
    }

    func start() {
        for address in addresses {
            if let endpoint = address.endpoint { resolved[address] = [endpoint] }
        }
        handOver()
        resolve(addresses.filter { $0.endpoint == nil })
    }

    func stop() {
        isStopped = true
        timer?.cancel()
        timer = nil
    }

    /// In the configured order, so that the same answers give the same list.
    private func handOver() {
        let endpoints = addresses.flatMap { resolved[$0] ?? [] }
        if !endpoints.isEmpty { driver?.join(by: endpoints) }
    }

    /// Asks for the names that are not known; for all of them when the node needs contacts.
    private func resolveAgain() {
        guard !isStopped, let driver else { return }
        let isShort = driver.isShortOfContacts
        let wanted = addresses.filter {
            resolved[$0] == nil || (isShort && $0.endpoint == nil)
        }
        guard wanted.isEmpty else { return resolve(wanted) }
        attempt = 0
        let limit = retry.resolvePauseLimit
        resolveAgain(after: retry.pause(limit, limit: limit, attempt: 0))
    }

    private func resolve(_ names: [BootstrapAddress]) {
        failures = []
        underWay = names.count
        let families = families
        let lookUp = lookUp
        for name in names {
            NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) {
                try lookUp(name, families)
            }
            .assumeIsolated()
            .whenComplete { [weak self] in self?.take($0, for: name) }
        }
    }

    private func take(_ result: Result<[Endpoint], any Error>, for address: BootstrapAddress) {
        guard !isStopped else { return }
        underWay -= 1
        switch result {
        case .success(let endpoints):
            // The same answer must not end the pauses between attempts to join.
            if Set(resolved[address] ?? []) != Set(endpoints) {
                resolved[address] = endpoints
                unsent = unsent.filter { sent in
                    resolved.values.contains { $0.contains(sent.key) }
                }
                handOver()
            }
        case .failure(let error):
            let failure =
                error as? ResolveFailure
                ?? ResolveFailure(address: address.description, reason: "\(error)")
            failures.append(failure)
            reasons[address] = failure.reason
        }
        guard underWay == 0 else { return }
        isFirstRound = false
        if !failures.isEmpty {
            failures.sort { $0.address < $1.address }
            driver?.report(.bootstrapUnresolved(failures))
        }
        let pause = retry.pause(
            retry.resolvePause,
            limit: retry.resolvePauseLimit,
            attempt: attempt
        )
        attempt += 1
        resolveAgain(after: pause)
    }

    private func resolveAgain(after pause: TimeSpan) {
        timer = eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(pause.nanoseconds)) {
            [weak self] in
            self?.resolveAgain()
            return
        }
    }

    /// Asks the system's resolver; blocks for as long as it takes.
    private static func askSystem(
        _ address: BootstrapAddress,
        _ families: Message.Families
    ) throws -> [Endpoint] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        hints.ai_family =
            families == [.v4, .v6] ? AF_UNSPEC : families.contains(.v6) ? AF_INET6 : AF_INET
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(address.host, nil, &hints, &list)
        guard code == 0 else {
            let reason = String(cString: gai_strerror(code))
            throw ResolveFailure(address: address.description, reason: reason)
        }
        defer { freeaddrinfo(list) }
        var endpoints: [Endpoint] = []
        var next = list
        // A name may stand for a whole fleet; a few of them are enough to join by.
        while let entry = next?.pointee, endpoints.count < 8 {
            if let base = entry.ai_addr, let endpoint = Endpoint(base) {
                endpoints.append(endpoint.with(port: address.port))
            }
            next = entry.ai_next
        }
        guard !endpoints.isEmpty else {
            throw ResolveFailure(address: address.description, reason: "it has no address")
        }
        return endpoints
    }
}

@available(*, unavailable)
extension BootstrapResolver: Sendable {}

extension SendFailure {
    fileprivate var reason: String {
        switch self {
        case .unreachable: "no route leads to it"
        case .forbidden: "a firewall forbids to send to it"
        case .bufferFull: "the send buffer is full"
        case .tooBig: "the path does not take datagrams of that size"
        case .noSocket: "no socket is open"
        case .other: "nothing can be sent to it"
        }
    }
}

/// What is known of a bootstrap node.
package struct BootstrapState: Equatable, Sendable {
    package let address: String
    /// Why it cannot be asked, as the end of a sentence; nil when nothing is known against it.
    package let problem: String?
}

/// A bootstrap node whose name could not be resolved.
package struct ResolveFailure: Error, Equatable, Sendable {
    package let address: String
    /// In the words of the system.
    package let reason: String
}
