internal import DHTClient

extension SettingsSchema {
    static let dht: [SettingRow] = [
        SettingRow(
            "dht.mode",
            \.dht.mode,
            .choice,
            macronode: .client,
            "whether to ask the BitTorrent DHT, or to ask and answer"
        ),
        SettingRow(
            "dht.bind",
            \.dht.binds,
            .addresses(2),
            "UDP addresses of the DHT, one for IPv4 and one for IPv6 at most"
        ),
        SettingRow(
            "dht.bootstrap",
            \.dht.bootstrap,
            .bootstrap,
            "nodes to join the DHT by"
        ),
        SettingRow(
            "dht.ask",
            \.dht.ask,
            .choice,
            reload: true,
            "whether the DHT is asked only for providers that the index lacks, or always"
        ),
        SettingRow(
            "dht.alpha",
            \.dht.alpha,
            .count(1...16),
            reload: true,
            "queries that a lookup has in flight at the top of its list"
        ),
        SettingRow(
            "dht.beta",
            \.dht.beta,
            .count(0...16),
            reload: true,
            "further queries that stalled ones may open; 0 switches hedging off"
        ),
        SettingRow(
            "dht.hedge_ms",
            \.dht.hedgeDelay,
            .milliseconds(1...1000),
            reload: true,
            "when a query is stalled, until enough reply times are known"
        ),
        SettingRow(
            "dht.adaptive_hedge",
            \.dht.adaptsHedgeDelay,
            .flag,
            reload: true,
            "whether the hedge delay follows the reply times seen lately"
        ),
        SettingRow(
            "dht.query_timeout_ms",
            \.dht.queryTimeout,
            .milliseconds(10...10_000),
            reload: true,
            "when a query has failed"
        ),
        SettingRow(
            "dht.deadline_ms",
            \.dht.deadline,
            .milliseconds(10...30_000),
            reload: true,
            "the time one lookup has; one in the background has four times as long"
        ),
        SettingRow(
            "dht.hop_cap",
            \.dht.hopCap,
            .count(1...32),
            reload: true,
            "the longest referral chain that a lookup follows"
        ),
        SettingRow(
            "dht.packet_budget",
            \.dht.packetBudget,
            .count(1...1000),
            reload: true,
            "queries that one lookup may send"
        ),
        SettingRow(
            "dht.queries_per_second",
            \.dht.queriesPerSecond,
            .count(1...1_000_000),
            "queries a second over all lookups"
        ),
        SettingRow(
            "dht.query_burst",
            \.dht.queryBurst,
            .count(1...1_000_000),
            "queries that may leave at once after a pause"
        ),
        SettingRow(
            "dht.queries_per_second_to_one_node",
            \.dht.queriesPerSecondToOneNode,
            .count(1...1_000_000),
            "queries a second to one node, once its burst is used up"
        ),
        SettingRow(
            "dht.query_burst_to_one_node",
            \.dht.queryBurstToOneNode,
            .count(1...1_000_000),
            "queries that may go to one node at once after a pause, half of them for callers only"
        ),
        SettingRow(
            "dht.allow_private_addresses",
            \.dht.privateAddresses,
            .choice,
            "contacts and providers at loopback and private addresses"
        ),
        SettingRow(
            "dht.allow_shared_networks",
            \.dht.sharedNetworks,
            .choice,
            "several contacts of one /24 or /64 in a lookup"
        ),
        SettingRow(
            "dht.min_good_nodes",
            \.dht.minGoodNodes,
            .count(1...10_000),
            "good contacts below which the DHT counts as not ready"
        ),
        SettingRow(
            "dht.min_nodes",
            \.dht.minNodes,
            .count(1...10_000),
            "good and dubious contacts below which the DHT counts as not ready"
        ),
    ]
}

extension SettingsSchema {
    static let publish: [SettingRow] = [
        SettingRow(
            "publish.key_file",
            \.publish.keyFile,
            .optionalPath,
            "file with the key whose names are kept on the DHT; empty is none"
        ),
        SettingRow(
            "publish.names",
            \.publish.names,
            .publishedNames,
            reload: true,
            "names under that key, @ for the key itself, and where they point"
        ),
        SettingRow(
            "publish.ttl_s",
            \.publish.ttl,
            .seconds(ContentLink.ttlRange),
            reload: true,
            "how long others may keep where a name points"
        ),
    ]

    static let limits: [SettingRow] = [
        SettingRow(
            "limits.running",
            \.limits.running,
            .count(1...65_536),
            reload: true,
            "requests of one route that need more than RAM, at once"
        ),
        SettingRow(
            "limits.waiting",
            \.limits.waiting,
            .count(0...65_536),
            reload: true,
            "requests of one route that wait behind them; then 429"
        ),
        SettingRow(
            "limits.lookups_per_second",
            \.limits.lookupsPerSecond,
            .count(1...1_000_000),
            reload: true,
            "lookups started in the DHT a second"
        ),
    ]

    static let rateLimit: [SettingRow] = [
        SettingRow(
            "ratelimit.enabled",
            \.rateLimit.enabled,
            .flag,
            macronode: true,
            reload: true,
            "whether one client address may make only so many requests that RAM does not answer"
        ),
        SettingRow(
            "ratelimit.per_second",
            \.rateLimit.perSecond,
            .count(1...1_000_000),
            reload: true,
            "such requests of one address a second; then 429"
        ),
        SettingRow(
            "ratelimit.burst",
            \.rateLimit.burst,
            .count(1...1_000_000),
            reload: true,
            "such requests of one address at once after a pause"
        ),
    ]
}

extension SettingFormat where Value == [ListenAddress] {
    /// One or more addresses, separated by commas outside the file.
    static func addresses(_ most: Int) -> Self {
        SettingFormat(
            unit: nil,
            expected: "a list of addresses",
            allowed: "1 to \(most) of \(ListenAddress.form)",
            bounds: nil,
            parse: { (raw) throws(SettingFault) in
                let items = try raw.listItems()
                guard (1...most).contains(items.count) else { throw .outOfRange }
                var addresses: [ListenAddress] = []
                for item in items { addresses.append(try ListenAddress(parsing: item)) }
                return addresses
            },
            render: { .list($0.map(\.description)) },
            text: { $0.map(\.description).joined(separator: ",") }
        )
    }
}

extension SettingFormat where Value == [BootstrapAddress] {
    /// Bootstrap nodes, separated by commas outside the file; empty is none.
    static var bootstrap: Self {
        SettingFormat(
            unit: nil,
            expected: "a list of nodes",
            allowed: "up to \(BootstrapAddress.limit) of host:port, [IPv6]:port",
            bounds: nil,
            parse: { (raw) throws(SettingFault) in
                let items = try raw.listItems()
                guard items.count <= BootstrapAddress.limit else { throw .outOfRange }
                do {
                    return try BootstrapAddress.list(items)
                } catch {
                    throw .malformed("is no node to join by: \(error)")
                }
            },
            render: { .list($0.map(\.description)) },
            text: { $0.map(\.description).joined(separator: ",") }
        )
    }
}
