internal import Glibc
internal import NIOCore

/// The process's limit of open files (`RLIMIT_NOFILE`), of which every connection takes one.
///
/// A service that runs out of descriptors can neither accept connections nor open its own files, so
/// that the need is known and met before it listens.
package struct DescriptorLimit: Sendable {
    /// Connections over the cap that are told so and closed: more than these wait in the kernel's
    /// queue.
    static let refusedConnections = 64
    /// The reserve, the store's files but those of its readers, logs, standard streams and what
    /// libraries open, generously.
    private static let ownFiles = 96
    /// What a reader of the store holds: the database and its log.
    private static let perReader = 2
    /// What an event loop holds: epoll, timer, wake-up, with room for one more.
    private static let perEventLoop = 4

    /// Descriptors that may be needed at once.
    package let needed: Int

    /// - Parameters:
    ///   - connections: the cap of open connections of one listener.
    package init(connections: Int, listeners: Int, eventLoops: Int, readers: Int) {
        needed =
            Self.ownFiles + Self.perEventLoop * eventLoops + Self.perReader * readers
            + listeners * (connections + Self.refusedConnections)
    }

    init(_ settings: Settings) {
        self.init(
            connections: settings.http.maxConnections,
            listeners: settings.metrics.bind == nil ? 1 : 2,
            eventLoops: settings.http.loopCount,
            readers: settings.database.readers
        )
    }

    /// Raises the soft limit as far as is needed and allowed.
    ///
    /// - Throws: `StartError.setting` when the hard limit is lower than what is needed.
    package func claim() throws(StartError) {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0 else { return }
        let needed = rlim_t(needed)
        guard limit.rlim_cur < needed else { return }
        guard needed <= limit.rlim_max else {
            throw .setting(
                "http.max_connections needs \(needed) open files and this process may have "
                    + "\(limit.rlim_max); lower http.max_connections or raise the limit (ulimit -n)"
            )
        }
        limit.rlim_cur = needed
        _ = setrlimit(resource, &limit)
    }
}

extension Settings.HTTP {
    /// Threads that serve connections: as many as were asked for, or one a core.
    var loopCount: Int {
        eventLoops == 0 ? System.coreCount : eventLoops
    }
}
