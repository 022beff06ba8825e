package import DHTClient
internal import DHTCore

extension MainlineConfiguration {
    /// The DHT client's configuration as an operator set it.
    ///
    /// - Parameter savedNodesPath: where good contacts are kept between runs; nil in amnesia.
    /// - Throws: `StartError.setting` when `dht.bind` is no numeric address.
    package init(
        settings: Settings.DHT,
        savedNodesPath: String? = nil
    ) throws(StartError) {
        self.init()
        self.savedNodesPath = savedNodesPath
        bootstrap = settings.bootstrap
        binds = []
        for bind in settings.binds {
            guard let endpoint = DHTCore.Endpoint(numeric: bind.host, port: bind.port) else {
                throw .setting("dht.bind needs a numeric address like 0.0.0.0, not \(bind.host)")
            }
            binds.append(endpoint)
        }
        let isPrivateNetwork = settings.joinsPrivateNetwork
        node.answersQueries = settings.mode == .server
        node.allowsPrivateAddresses = settings.privateAddresses.holds(isPrivateNetwork)
        node.allowsSharedNetworks = settings.sharedNetworks.holds(isPrivateNetwork)
        // Addresses of a private network say nothing about who somebody is (BEP 42).
        node.adoptsSecureID = !isPrivateNetwork
        node.lookup = LookupSettings(settings)
        node.pacing.queriesPerSecond = settings.queriesPerSecond
        node.pacing.queryBurst = settings.queryBurst
    }
}

extension LookupSettings {
    /// How lookups run, as an operator set it; a reload may change it.
    init(_ settings: Settings.DHT) {
        self.init()
        alpha = settings.alpha
        beta = settings.beta
        hedgeDelay = TimeSpan(settings.hedgeDelay)
        adaptsToReplyTimes = settings.adaptsHedgeDelay
        queryTimeout = TimeSpan(settings.queryTimeout)
        hopCap = settings.hopCap
        packetBudget = settings.packetBudget
    }
}

extension Settings.DHT {
    /// Whether every node to join by is at a loopback or private address, so that the network is
    /// one of the operator's own.
    var joinsPrivateNetwork: Bool {
        !bootstrap.isEmpty && bootstrap.allSatisfy { $0.endpoint?.scope == .local }
    }
}

extension Settings.DHT.Allowance {
    fileprivate func holds(_ isPrivateNetwork: Bool) -> Bool {
        switch self {
        case .auto: isPrivateNetwork
        case .always: true
        case .never: false
        }
    }
}

extension TimeSpan {
    /// The same time as the standard library has it; more than 292 years become that.
    package init(_ duration: Duration) {
        self.init(nanoseconds: duration.nanoseconds)
    }
}
