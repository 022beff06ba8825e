/// Everything about the core that can be set: each limit with its default and the reason for it.
package struct DHTSettings: Sendable {
    /// Answer queries (server), or ask only and say so with `ro = 1` (client, BEP 43).
    package var answersQueries = false
    /// The families that the socket can reach; each has its own routing table (BEP 32).
    package var families: Message.Families = .v4
    /// What `v` says: client letters and version (BEP 20 style).
    ///
    /// Empty sends none.
    package var version: [UInt8] = [0x53, 0x58, 0, 1]
    /// Accept contacts and providers at loopback, link-local and private addresses.
    package var allowsPrivateAddresses = false
    /// Accept several contacts of one /24 or /64; needed where all nodes share one address.
    package var allowsSharedNetworks = false
    /// Ignore contacts whose id does not follow from their address (BEP 42).
    ///
    /// Off, because many nodes of the network do not follow it.
    package var requiresSecureIDs = false
    /// Take an id that follows from the own address as soon as that is known (BEP 42).
    package var adoptsSecureID = true
    /// Ping somebody when nobody has answered for so long, so that a network which is gone shows as
    /// silence within `silenceLimit`; nil does not look.
    ///
    /// A third of that limit or less. With it, timeouts while nobody at all answers are not held
    /// against the contacts.
    package var canaryInterval: TimeSpan?
    /// When nobody has answered for so long, the network is gone.
    package var silenceLimit = TimeSpan.milliseconds(1_400)
    /// How long a family may be silent alone, or without a socket, before it counts as gone.
    package var familyPatience = TimeSpan.minutes(1)
    /// Structure that one datagram may have.
    package var bencode = Bencode.Limits()
    package var lookup = LookupSettings()
    package var routing = RoutingSettings()
    package var storage = StorageSettings()
    package var pacing = PacingSettings()
    package var maintenance = MaintenanceSettings()

    package init() {}
}

/// How a lookup runs (DHT.md section 2).
package struct LookupSettings: Sendable {
    /// Kademlia's k: how many of the closest nodes a complete lookup must have settled.
    package var k = 8
    /// Queries in flight at the top of the shortlist.
    package var alpha = 3
    /// How many of the closest candidates, failed ones not counted, are the top of the shortlist.
    ///
    /// A smaller top asks more and is a little faster without hedging; three times k gives hedging
    /// the most for its packets (measured in the simulator).
    package var topOfList = 24
    /// Further queries that stalled ones may open: the second wave.
    ///
    /// 0 switches hedging off.
    package var beta = 2
    /// Let an overdue query keep its slot until its timeout.
    ///
    /// nil: only without hedging. To be set for comparisons alone.
    package var overdueKeepsSlot: Bool?
    /// When a query is stalled, until enough reply times are known.
    package var hedgeDelay = TimeSpan.milliseconds(150)
    /// The shortest hedge delay that reply times may lead to.
    package var hedgeDelayFloor = TimeSpan.milliseconds(25)
    /// The longest hedge delay that reply times may lead to.
    package var hedgeDelayCeiling = TimeSpan.milliseconds(300)
    /// The quantile of the recent reply times after which a query is stalled.
    package var hedgeQuantile = 0.65
    /// Derive the hedge delay and the settling time from recent reply times.
    package var adaptsToReplyTimes = true
    /// When a query has failed.
    package var queryTimeout = TimeSpan.milliseconds(1000)
    /// How long a complete lookup waits for a query, until enough reply times are known.
    package var settleDelay = TimeSpan.milliseconds(500)
    /// The quantile of the reply times from which the settling time follows.
    package var settleQuantile = 0.75
    /// How many times that quantile a complete lookup waits for a query.
    package var settleFactor = 2.0
    /// The shortest settling time; the longest is the query timeout.
    package var settleFloor = TimeSpan.milliseconds(60)
    /// Answers among the k closest that a reading lookup needs before it may finish without the
    /// overdue ones.
    ///
    /// More than half of k: it meets every write that k - quorum + 1 of them have taken, unless
    /// some of the k have failed since, for then it settles for answers from farther away.
    package var quorum = 5
    /// The longest referral chain that is followed; a contact of the own table is hop 1.
    package var hopCap = 5
    /// Candidates that a lookup remembers.
    package var shortlistCapacity = 100
    /// Ask contacts of the own table that answered late, or not at all, after all the others.
    ///
    /// Only in lookups that one result ends: on their way any answer leads on.
    package var asksSlowContactsLast = true
    /// Queries that one lookup may send.
    package var packetBudget = 200
    /// Contacts taken from one reply.
    package var nodesPerReply = 20
    /// Providers that one lookup collects; when there are more, each node that names some has its
    /// share.
    package var providersLimit = 256
    /// Unanswered referrals after which what else the same node named is asked last.
    package var silentReferralsLimit = 3
    /// Queries that one lookup spends on such candidates before it gives up as unknown.
    ///
    /// What two honest nodes name; a liar makes a lookup no longer than that.
    package var doubtfulLimit = 16
    /// Lookups at once; further ones are refused.
    package var activeLimit = 1024
    /// The longest token that is kept for a write; others are taken for "do not store here".
    package var tokenLimit = 64
    /// How long a finished lookup still listens for answers under way, to enrich caches.
    package var harvestTime = TimeSpan.zero

    package init() {}
}

/// What the routing tables hold.
package struct RoutingSettings: Sendable {
    /// Contacts in a bucket (BEP 5).
    package var bucketCapacity = 8
    /// Let the first buckets hold 64, 32, 16, 8, 4 and 2 times as much: it saves hops.
    ///
    /// libtorrent begins with 16 times. Of a network of 1,000 nodes this knows two thirds instead
    /// of a quarter; the p95 of the first provider is one round trip instead of two (measured).
    package var extendsFirstBuckets = true
    /// Answered contacts that wait for a place in a full bucket.
    package var replacementCapacity = 8
    /// How long after its last answer a contact is good (BEP 5).
    package var goodFor = TimeSpan.minutes(15)
    /// Consecutive failures after which a contact is bad.
    package var failuresUntilBad = 3
    /// Consecutive failures after which a contact gives way to a replacement that is waiting.
    package var failuresUntilReplaced = 1
    /// Contacts of one /24 or /64 in one bucket.
    package var perNetworkInBucket = 1
    /// Contacts of one /24 or /64 in the whole table.
    package var perNetworkInTable = 4

    package init() {}

    /// How many contacts the bucket of those that share `index` leading bits may hold.
    package func capacity(ofBucket index: Int) -> Int {
        let factor = extendsFirstBuckets && index < 6 ? 64 >> index : 1
        return bucketCapacity * factor
    }
}

/// What server mode stores for others.
package struct StorageSettings: Sendable {
    /// Info-hashes with announced peers; beyond it those farthest from the own id go.
    package var infoHashesLimit = 2_000
    /// Peers of one info-hash; beyond it the oldest of the address with the most go.
    package var peersPerInfoHashLimit = 100
    /// Peers of one address (one /64 for IPv6) in an info-hash; beyond it its oldest goes.
    ///
    /// Not counted where all nodes share one address.
    package var peersPerAddressLimit = 4
    /// How long an announce lives (BEP 5: 30 to 45 minutes in practice).
    package var peerLifetime = TimeSpan.minutes(45)
    /// Peers in one reply; more would not fit the datagram.
    package var peersPerReply = 40
    /// BEP 44 items; beyond it those farthest from the own id go.
    package var itemsLimit = 700
    /// How long an item lives (BEP 44).
    package var itemLifetime = TimeSpan.minutes(120)
    /// How often the token secret changes; the previous one stays valid for as long again.
    package var tokenRotation = TimeSpan.minutes(5)

    package init() {}
}

/// How much is sent, and how much of what arrives is answered.
package struct PacingSettings: Sendable {
    /// Queries a second, overall, once the burst is used up: some fifty lookups.
    package var queriesPerSecond = 1_000
    /// Queries that may leave at once after a pause: 250 lookups at once, of some 18 queries each.
    ///
    /// They go to thousands of nodes, each of which is spared by its own rate.
    package var queryBurst = 5_000
    /// Queries a second to one address, once its burst is used up.
    ///
    /// libtorrent bans an address that sends 50 in 10 s for five minutes. With the burst these
    /// make 40 in any 10 s, so there is some room.
    package var queriesPerSecondToOneNode = 2
    /// Queries that may go to one address at once after a pause.
    ///
    /// Many lookups at once begin with the same contacts of the own table: a lookup that may not
    /// ask the closest one takes a detour.
    package var queryBurstToOneNode = 20
    /// The part of that burst which lookups in the background leave to those somebody waits for.
    package var burstShareOfCallers = 0.5
    /// Queries without an answer at once; bounds what can arrive in one go.
    ///
    /// 250 lookups at once have up to 1,250 under way; answers to twice as many fit the receive
    /// buffer that the driver asks for.
    package var queriesInFlight = 2_048
    /// Replies a second, overall (server mode).
    package var repliesPerSecond = 1_000
    /// Queries of one address that are answered in a second (server mode).
    package var repliesPerSecondToOneAddress = 20
    /// Addresses whose rates are remembered at once, per direction.
    package var trackedAddresses = 4_096
    /// Bytes waiting to be fetched by the driver; replies beyond it are dropped.
    package var outboxLimit = 4 << 20

    package init() {}
}

/// How the node keeps itself connected and its writes alive.
package struct MaintenanceSettings: Sendable {
    /// How often the node looks after itself; each time does a bounded amount of work.
    package var interval = TimeSpan.seconds(10)
    /// A bucket without an answer for this long is refreshed by a lookup (BEP 5).
    package var refreshAfter = TimeSpan.minutes(15)
    /// The time between the lookups that fill the buckets.
    ///
    /// At a dozen queries each these are 100 a second, less than half of what is polite overall.
    package var fillPause = TimeSpan.milliseconds(125)
    /// The pause after joining until all buckets are looked at again; it doubles each time, up to
    /// `refreshAfter`.
    package var fillAgainAfter = TimeSpan.seconds(2)
    /// Lookups at once that fill buckets or refresh them.
    package var refreshesUnderWay = 4
    /// After so many of them in a row that found nobody new, a bucket is as full as it gets.
    package var fruitlessFillsLimit = 3
    /// The deadline of refresh and bootstrap lookups.
    package var lookupTime = TimeSpan.seconds(10)
    /// Below this many contacts the bootstrap nodes are asked.
    package var contactsBeforeBootstrap = 3
    /// The first pause after a failed bootstrap; it doubles each time.
    package var bootstrapPause = TimeSpan.seconds(1)
    /// The longest pause between bootstraps.
    package var bootstrapPauseLimit = TimeSpan.minutes(5)
    /// Nodes that wait to be pinged: senders of queries, doubtful and saved contacts.
    package var candidatesLimit = 64
    /// Pings without an answer at once.
    package var pingsUnderWay = 8
    /// Announces and items that are kept alive.
    package var publicationsLimit = 10_000
    /// The time between announces: 15 to 30 minutes, because nodes forget them after 30 to 45.
    package var announceInterval = TimeSpan.minutes(25)
    /// The time between puts: nodes forget items after two hours.
    package var putInterval = TimeSpan.minutes(60)
    /// The part of an interval by which it is shortened at random.
    package var jitter = 0.25
    /// The part of a write's time that its lookup may take.
    package var writeLookupShare = 0.75
    /// The deadline of a repeated write.
    package var writeTime = TimeSpan.seconds(10)
    /// Networks that must name the same new address before the own id changes (BEP 42).
    package var addressVotes = 5

    package init() {}
}
