internal import Cache
internal import DHTClient
internal import DHTCore
internal import Synchronization

/// The newest item of each key that was ever seen here, of bounded number.
///
/// For as long as it is kept no older one is believed, whoever serves it again. As an answer it
/// ends some time after the DHT last had it: its publisher has given it up by then.
final class NewestRecords: Sendable {
    private struct Sighting: Sendable {
        let item: StoredItem
        let lastSeen: MonotonicInstant
    }

    /// How long an item that the DHT has no more is an answer, in nanoseconds.
    private let memory: UInt64
    private let sightings = ShardedCache<PublicKey, Sighting>(
        limits: CacheLimits(entries: 10_000, bytes: 16 << 20, negativePercent: 0, pinnedPercent: 0)
    )
    /// Held from the comparison with what is known to the change.
    private let writing = Mutex(())

    /// - Parameter memory: publishers store an item again every hour or so.
    init(memory: UInt64 = 3_600_000_000_000) {
        self.memory = memory
    }

    /// The newest item of a key, unless the DHT has been without it for too long.
    func item(of key: PublicKey, at now: MonotonicInstant) -> StoredItem? {
        guard let known = sighting(of: key, at: now),
            now.nanoseconds(since: known.lastSeen) < memory
        else { return nil }
        return known.item
    }

    /// What an item is beside the newest one that was seen before.
    enum Novelty: Sendable {
        /// Not to be believed: a newer one is known.
        case overtaken
        /// It is that one, or the first of its key.
        case known
        /// What was made from that one is not true any more.
        case newer
    }

    /// Notes an item that the DHT has, unless a newer one is known.
    func take(_ item: StoredItem, of key: PublicKey, at now: MonotonicInstant) -> Novelty {
        writing.withLock { _ in
            let known = sighting(of: key, at: now)?.item
            if let known, isOvertaken(item, by: known) { return .overtaken }
            let never = MonotonicInstant.distantFuture
            let life = Life(refreshFrom: never, freshUntil: never, staleUntil: never)
            let sighting = Sighting(item: item, lastSeen: now)
            let cost = item.value.count + 256
            sightings.insert(
                CacheEntry(key: key, value: sighting, life: life, cost: cost),
                at: now
            )
            return known.map(item.supersedes) == true ? .newer : .known
        }
    }

    /// Whether a newer item was ever seen, be it an answer still or not.
    func knowsNewer(than item: StoredItem, of key: PublicKey, at now: MonotonicInstant) -> Bool {
        sighting(of: key, at: now).map { isOvertaken(item, by: $0.item) } ?? false
    }

    private func isOvertaken(_ item: StoredItem, by known: StoredItem) -> Bool {
        let isSame =
            item.value == known.value && item.mutable?.sequence == known.mutable?.sequence
        return !isSame && !item.supersedes(known)
    }

    private func sighting(of key: PublicKey, at now: MonotonicInstant) -> Sighting? {
        guard case .fresh(let sighting, _) = sightings.value(for: key, at: now) else { return nil }
        return sighting
    }
}
