package import DHTClient

extension Settings {
    /// Names of the operator's own key, kept on the DHT.
    package struct Publish: Sendable, Equatable {
        /// The file that `svc-index keygen` made; nil has no key to publish with.
        package var keyFile: String?

        /// Names under the key and where they point.
        package var names: [PublishedName] = []

        /// How long others may keep what they found: the shortest that records are given.
        package var ttl = Duration.seconds(300)
    }

    /// The side towards the BitTorrent Mainline DHT.
    package struct DHT: Sendable, Equatable {
        /// What part this instance takes in the network.
        package enum Mode: String, Sendable, Equatable, CaseIterable {
            /// No socket, no lookups.
            case off
            /// Asks and says that it does not answer (BEP 43).
            case client
            /// Asks and answers.
            case server
        }

        /// Whether something is taken that only makes sense in a network of one's own.
        package enum Allowance: String, Sendable, Equatable, CaseIterable {
            /// When a bootstrap node is, or is resolved to, a loopback or private address.
            case auto
            case always, never
        }

        /// When the DHT is asked for the providers of a content id.
        package enum Ask: String, Sendable, Equatable, CaseIterable {
            /// When the index has none.
            case missing
            /// Also when the index has some.
            case always
        }

        /// What the index has is answered in a tenth of the time that a lookup takes.
        package var ask = Ask.missing

        /// A laptop asks nobody before it was told whom.
        package var mode = Mode.off

        /// UDP addresses, one a family; port 0 takes a free one, which a client needs no rule for.
        package var binds = [ListenAddress(host: "0.0.0.0", port: 0)]

        /// Nodes to join by: routers of the network, or any node that is up.
        package var bootstrap: [BootstrapAddress] = []

        /// Queries in flight at the top of a lookup's list: three hide one slow node.
        package var alpha = 3

        /// Queries of the second wave, opened by stalled ones: two more win most of what is lost.
        package var beta = 2

        /// When a query is stalled, until enough reply times are known.
        package var hedgeDelay = Duration.milliseconds(150)

        /// Whether the hedge delay follows the reply times seen lately.
        package var adaptsHedgeDelay = true

        /// When a query has failed: past the slowest honest round trip.
        package var queryTimeout = Duration.milliseconds(1000)

        /// The time one lookup has.
        package var deadline = Duration.milliseconds(1200)

        /// The longest referral chain: a network of millions is crossed in four.
        package var hopCap = 5

        /// Datagrams that one lookup may send: ten times what one needs.
        package var packetBudget = 200

        /// Queries a second, overall: some fifty lookups a second; one node gets few of them.
        package var queriesPerSecond = 1000

        /// Queries that may leave at once after a pause: a burst of 250 lookups.
        package var queryBurst = 5000

        /// Queries a second to one node, once its burst is used up: public nodes ban who asks more.
        package var queriesPerSecondToOneNode = 2

        /// Queries that may go to one node at once after a pause.
        package var queryBurstToOneNode = 20

        /// Contacts and providers at loopback and private addresses.
        package var privateAddresses = Allowance.auto

        /// Several contacts of one /24 or /64 in a lookup.
        package var sharedNetworks = Allowance.auto

        /// Good contacts below which the DHT counts as not ready.
        package var minGoodNodes = 4

        /// Good and dubious contacts below which the DHT counts as not ready.
        package var minNodes = 30
    }
}
