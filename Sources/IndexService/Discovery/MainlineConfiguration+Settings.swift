package import DHTClient
internal import DHTCore
internal import Waiting

extension MainlineConfiguration {
    /// The DHT client's configuration as an operator set it.
    ///
    /// - Parameter savedNodesPath: where good contacts are kept between runs; nil in amnesia.
    /// - Throws: `StartError.setting` when `dht.bind` is not numeric, or has two of a family.
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
        do { try checkBinds() } catch { throw .setting("dht.bind: \(error)") }
        node.answersQueries = settings.mode == .server
        // Names may turn out to be private as well, once they are resolved.
        onPrivateNetwork.privateAddresses = settings.privateAddresses != .never
        onPrivateNetwork.sharedNetworks = settings.sharedNetworks != .never
        let isPrivate = settings.bootstrap.contains { $0.endpoint?.scope == .local }
        node.allowsPrivateAddresses = settings.privateAddresses.holds(isPrivate)
        node.allowsSharedNetworks = settings.sharedNetworks.holds(isPrivate)
        node.lookup = LookupSettings(settings)
        node.pacing.queriesPerSecond = settings.queriesPerSecond
        node.pacing.queryBurst = settings.queryBurst
        node.pacing.queriesPerSecondToOneNode = settings.queriesPerSecondToOneNode
        node.pacing.queryBurstToOneNode = settings.queryBurstToOneNode
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
