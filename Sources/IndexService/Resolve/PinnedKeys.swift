internal import Synchronization

/// The keys that an administrator wants kept fresh and never evicted.
///
/// The store remembers them over restarts; this is the set in RAM that the resolver asks on a miss.
package final class PinnedKeys: Sendable {
    /// The most keys that can be pinned at once: pins are for a few important names, and each is
    /// looked up again whenever its life ends.
    package static let maximumCount = 1000

    private let keys = Mutex<Set<ResolveKey>>([])

    package init() {}

    func contains(_ key: ResolveKey) -> Bool {
        keys.withLock { !$0.isEmpty && $0.contains(key) }
    }

    var all: Set<ResolveKey> {
        keys.withLock { $0 }
    }

    func insert(_ more: [ResolveKey]) {
        keys.withLock { $0.formUnion(more) }
    }

    func remove(_ gone: [ResolveKey]) {
        keys.withLock { $0.subtract(gone) }
    }
}
