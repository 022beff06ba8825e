package import DHTCore

/// What a client is started with: the core's settings and those of the sockets.
package struct MainlineConfiguration: Sendable {
    /// Settings of the core; `families` is derived from `binds`.
    package var node = DHTSettings()
    /// Addresses to listen on, at most one a family; port 0 lets the system choose.
    package var binds = [Endpoint(0, 0, 0, 0, port: 0)]
    /// The nodes to join by; at most `BootstrapAddress.limit`.
    package var bootstrap: [BootstrapAddress] = []
    /// What is allowed as soon as a bootstrap node turns out to be at a private address.
    package var onPrivateNetwork = PrivateNetworkAllowance()
    /// The own id; nil takes the saved one, or else a random one.
    package var id: NodeID?
    /// Where good contacts are kept between runs; nil keeps none (amnesia).
    package var savedNodesPath: String?
    package var socket = SocketSettings()
    package var retry = RetrySettings()
    /// How long every reply is held back; a network on loopback has late nodes by it.
    package var replyDelay: TimeSpan?
    /// What bootstrap names are looked up with, on a thread that may block; nil asks the system.
    package var lookUpName: NameLookup?

    package typealias NameLookup =
        @Sendable (BootstrapAddress, Message.Families) throws -> [Endpoint]

    package init() {}

    /// The core's settings with the families that will be bound.
    var nodeSettings: DHTSettings {
        var settings = node
        settings.families = binds.reduce(into: []) { families, endpoint in
            families.formUnion(endpoint.family == .v4 ? .v4 : .v6)
        }
        return settings
    }

    /// Throws unless there is exactly one address for each of one or two families.
    package func checkBinds() throws(MainlineError) {
        guard !binds.isEmpty else { throw .badBinds(reason: "no UDP address to bind was given") }
        for family in AddressFamily.allCases where binds.count(where: { $0.family == family }) > 1 {
            let name = family == .v4 ? "IPv4" : "IPv6"
            throw .badBinds(reason: "two \(name) addresses to bind were given; one is enough")
        }
    }
}

/// What a private network is allowed beyond the core's settings.
package struct PrivateNetworkAllowance: Sendable {
    /// Contacts and providers at private addresses.
    package var privateAddresses = false
    /// Any number of contacts of one network.
    package var sharedNetworks = false

    package init() {}
}

/// How the UDP sockets are set up.
package struct SocketSettings: Sendable {
    /// `SO_RCVBUF` asked for; the system may grant less.
    ///
    /// A burst of 250 lookups overruns the usual 212 kB and loses a thousand replies.
    package var receiveBufferBytes = 4 << 20
    /// `SO_SNDBUF` asked for.
    package var sendBufferBytes = 1 << 20
    /// Datagrams that one system call reads.
    package var datagramsPerRead = 32
    /// Such reads in one wake of the event loop; bounds the work before others get their turn.
    package var readsPerWake = 4
    /// The room for one datagram: an item of 1000 bytes comes in up to 1748 (two families wanted).
    package var datagramCapacity = 2048

    package init() {}
}

/// How often what failed is tried again; every pause doubles up to its limit and has jitter.
package struct RetrySettings: Sendable {
    /// The first pause before a lost socket is reopened.
    package var rebindPause = TimeSpan.milliseconds(250)
    package var rebindPauseLimit = TimeSpan.seconds(30)
    /// The first pause before unresolved bootstrap names are asked again.
    package var resolvePause = TimeSpan.seconds(1)
    package var resolvePauseLimit = TimeSpan.minutes(5)
    /// How often good contacts are written to disk, beside once at the stop.
    package var saveInterval = TimeSpan.minutes(10)
    /// The part of a pause by which it is shortened at random.
    package var jitter = 0.25

    package init() {}

    /// The pause before attempt `attempt` (from 0), shortened by up to `jitter`.
    package func pause(_ first: TimeSpan, limit: TimeSpan, attempt: Int) -> TimeSpan {
        let doubled = first.scaled(by: Double(1 << min(max(0, attempt), 20)))
        return min(doubled, limit).scaled(by: 1 - jitter * Double.random(in: 0..<1))
    }
}
