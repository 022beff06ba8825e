/// Everything an operator can set, read once and then only read.
///
/// The value beside each field is the built-in default, which is the micronode's. What the
/// macronode does otherwise, the allowed ranges and the keys' names stand in `SettingsSchema`.
/// A reload makes a new value; nobody changes one that is in use.
package struct Settings: Sendable, Equatable {
    package var http = HTTP()
    package var metrics = Metrics()
    package var database = Database()
    package var auth = Auth()
    package var cache = Cache()
    package var spill = Spill()
    package var rank = Rank()
    package var index = Index()
    package var dht = DHT()
    package var publish = Publish()
    package var limits = Limits()
    package var rateLimit = RateLimit()
    package var amnesia = Amnesia()
    package var log = Log()

    package init() {}
}

extension Settings {
    /// The listener and the limits of what comes in through it.
    package struct HTTP: Sendable, Equatable {
        /// Where the service listens: loopback, for the admin routes may be open at first.
        package var bind = ListenAddress(host: "127.0.0.1", port: 5304)

        /// Event loops; 0 is one per core, for a cache hit is pure processor time.
        package var eventLoops = 0

        /// Open connections in all: the usual limit of open files is 1024.
        package var maxConnections = 1024

        /// Open connections of one client address: no client alone can take them all.
        package var maxConnectionsPerAddress = 256

        /// How long a connection may say nothing: longer than the pause of a usual client pool.
        package var idleTimeout = Duration.seconds(60)

        /// How long a request's head may take: what keeps slow senders from holding connections.
        package var headerTimeout = Duration.seconds(10)

        /// One request from end to end: four lookups' time, and short of a caller's patience.
        package var requestTimeout = Duration.milliseconds(5000)

        /// Largest request body, in bytes: a manifest is at most 1 MiB.
        package var maxBodyBytes = 1 << 20

        /// How many times its compressed size a body may grow to: JSON rarely gets past ten.
        package var maxDecompressionRatio = 10

        /// Largest header list, in bytes: twice what browsers and gateways usually send.
        package var maxHeaderBytes = 16 << 10

        /// Longest request target, in bytes: a name has 253 at most; the rest is for queries.
        package var maxTargetBytes = 8 << 10

        /// How long requests in flight may take to end at shutdown: two full requests' time.
        package var drainTimeout = Duration.seconds(10)
    }

    /// Where the metrics are served.
    package struct Metrics: Sendable, Equatable {
        /// A listener of its own for `/metrics`; nil serves it beside the rest, one port less.
        package var bind: ListenAddress?
    }

    /// The index in SQLite.
    package struct Database: Sendable, Equatable {
        /// The `path` that keeps the index in memory.
        package static let memory = ":memory:"

        /// How far a commit is followed to the disk.
        package enum Synchronous: String, Sendable, Equatable, CaseIterable {
            /// A commit waits until the disk has it.
            case full

            /// A commit waits for no disk; a power cut can take the newest ones.
            case normal
        }

        /// A directory, or `:memory:`: an instance that was never configured leaves no trace.
        package var path = Database.memory

        /// An answer of 201 says that the change is kept, so a power cut may not take it.
        package var synchronous = Synchronous.full

        /// Free bytes on the disk under which writes are refused: room to close cleanly.
        package var minFreeBytes = 4 << 20

        /// Pages held in memory, in bytes, over all connections: a small board has room for it.
        package var pageCacheBytes = 32 << 20

        /// The longest that a caller waits for a read: far more than a disk that works needs.
        package var readTimeout = Duration.seconds(1)

        /// Connections that only read: one for a slow listing, one for everything else.
        package var readers = 2

        /// Whether nothing of the index is ever on a disk.
        package var isInMemory: Bool { path == Database.memory }
    }

    /// Who may change things.
    package struct Auth: Sendable, Equatable {
        /// The file with the admin token; nil is no token, so a first try needs no setting up.
        package var tokenFile: String?
    }

    /// The encoded answers in RAM.
    package struct Cache: Sendable, Equatable {
        /// Answers held at most: with answers of about 3 KiB this meets `maxBytes`.
        package var entries = 20_000

        /// Memory for answers, in bytes: an eighth of a board that has 512 MiB.
        package var maxBytes = 64 << 20

        /// The share of "not found" in it, in percent: a scan of random names evicts nothing real.
        package var negativePercent = 10

        /// How long "not found" is believed: a name just published is seen soon.
        package var negativeTTL = Duration.seconds(15)

        /// No answer lives longer, whatever its own life: a wrong one ends within the hour.
        package var maxTTL = Duration.seconds(3600)

        /// How long after its life an answer may still be given out: an outage of an hour.
        package var maxStale = Duration.seconds(3600)

        /// The life of an answer that names none: providers of popular content move in minutes.
        package var defaultTTL = Duration.seconds(300)

        /// Keys looked up at the start, in the background: none, for nobody knows them but you.
        package var warmupKeys: [ResolveKey] = []

        /// Locks the cache is split over; 0 lets the number of cores decide.
        package var shards = 0
    }

    /// The answers on disk that RAM had to let go of.
    package struct Spill: Sendable, Equatable {
        /// A small board answers from its index as fast, and its card wears out.
        package var enabled = false

        /// A directory; nil is one beside the index, which is on a disk that was meant for us.
        package var path: String?

        /// Size of its file, in bytes: some 300,000 answers of about 3 KiB.
        package var maxBytes = 1 << 30
    }

    /// The order of providers in an answer.
    package struct Rank: Sendable, Equatable {
        /// After how long a sighting counts half: providers announce about every half hour.
        package var halfLife = Duration.seconds(3600)

        /// This instance's region, for callers who give none; "" prefers none.
        package var region = ""

        /// When not empty, only providers that match are ever named: nobody is left out unasked.
        package var allow: [AddressPattern] = []

        /// Providers that are never named, also when `allow` matches them.
        package var deny: [AddressPattern] = []
    }

    /// What the index may hold.
    package struct Index: Sendable, Equatable {
        /// Providers of one cid: thirty times what one answer shows, and one cid stays small.
        package var maxProvidersPerCID = 1000
    }

    /// What may be under way at once.
    package struct Limits: Sendable, Equatable {
        /// Requests of one route that need more than RAM, at once: what two cores can keep moving.
        package var running = 512

        /// Requests that wait behind them: half a second's worth, and short of a caller's patience.
        package var waiting = 512

        /// Lookups started in the DHT a second: polite, and far above what misses usually need.
        package var lookupsPerSecond = 500
    }

    /// The rate of requests that one client address may make.
    package struct RateLimit: Sendable, Equatable {
        /// One tenant does not limit itself.
        package var enabled = false

        /// Requests a second: a busy application's misses; answers out of RAM are free.
        package var perSecond = 200

        /// Requests at once after a pause.
        package var burst = 400
    }

    /// Forgetting on purpose.
    package struct Amnesia: Sendable, Equatable {
        /// Nothing is written to disk, and memory that held answers is zeroed at shutdown.
        package var enabled = true
    }

    /// What the service says about itself.
    package struct Log: Sendable, Equatable {
        /// The least important level that is still written.
        package enum Level: String, Sendable, Equatable, CaseIterable {
            case trace, debug, info, notice, warning, error
        }

        /// How a record is written.
        package enum Format: String, Sendable, Equatable, CaseIterable {
            /// Text on a terminal, JSON elsewhere.
            case auto
            case json, text
        }

        /// What an operator acts on, without the steps of each lookup.
        package var level = Level.info

        /// People at a terminal and collectors behind a pipe both get what they can read.
        package var format = Format.auto

        /// One record per request: without it a complaint cannot be followed up.
        package var requests = true
    }
}
