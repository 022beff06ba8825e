internal import Synchronization

/// Ends the life of cached answers when what they were made from changes.
///
/// An answer depends on at most two subjects: the key asked about and the content id it led to.
/// Every subject hashes to one of a fixed number of epochs. An answer remembers the epochs as they
/// stood *before* its facts were read; a write bumps the epoch of what it changed after its commit
/// and before its acknowledgement. So an answer made from older facts, cached already or still
/// being made, is never served once the write was acknowledged. Two subjects that share an epoch
/// only cost a miss.
///
/// The names of one public key are one subject: they change together, with the key's item. They
/// have epochs apart from everything else, so that whoever changes names of their own ends no
/// answers but those of key names.
///
/// This takes the place of finding all answers that mention a content id, of which there may be any
/// number; the price is a fixed 32 KiB and a few loads a hit.
final class SubjectEpochs: Sendable {
    /// All epochs: half of them for the names of keys, half for the rest.
    static let slotCount = 8192
    private static let halfCount = slotCount / 2

    private let epochs = InlineArray<8192, Atomic<UInt32>> { _ in Atomic(0) }
    /// Ends every answer at once.
    private let generation = Atomic<UInt32>(0)
    /// Counts bumps of any subject; tells whether one fell between two moments.
    private let bumps = Atomic<UInt64>(0)

    /// The stamps of an answer about `key`, to be taken before any of its facts are read.
    func stamps(for key: ResolveKey) -> SubjectStamps {
        SubjectStamps(
            generation: generation.load(ordering: .acquiring),
            bumps: bumps.load(ordering: .acquiring),
            key: stamp(key)
        )
    }

    /// Adds the content id that the facts led to.
    ///
    /// It was not known when the facts were read, so this holds only when nothing at all was bumped
    /// meanwhile; nil says that the facts may be older than they look and must be read again.
    func stamps(_ stamps: SubjectStamps, leadingTo target: ContentID) -> SubjectStamps? {
        var stamps = stamps
        stamps.target = stamp(.contentID(target))
        return bumps.load(ordering: .acquiring) == stamps.bumps ? stamps : nil
    }

    /// Whether nothing that the stamps stand for has changed since they were taken.
    func areCurrent(_ stamps: SubjectStamps) -> Bool {
        stamps.generation == generation.load(ordering: .acquiring)
            && isCurrent(stamps.key) && stamps.target.map(isCurrent) ?? true
    }

    /// Ends all answers about `key` or made from it.
    func bump(_ key: ResolveKey) {
        // First the count: who sees the new epoch of a content id, and takes it for the one before
        // its facts were read, sees the count as well and reads the facts again.
        bumps.wrappingAdd(1, ordering: .releasing)
        epochs[Self.slot(of: key)].wrappingAdd(1, ordering: .releasing)
    }

    /// Ends all answers about a subject but those that are made under the stamp that it returns.
    ///
    /// That is the one given, which holds no more, where somebody else has ended them meanwhile.
    func advance(_ stamp: SubjectStamps.Stamp) -> SubjectStamps.Stamp {
        let next = SubjectStamps.Stamp(slot: stamp.slot, epoch: stamp.epoch &+ 1)
        let isLast = epochs[Int(stamp.slot)].compareExchange(
            expected: stamp.epoch,
            desired: next.epoch,
            ordering: .acquiringAndReleasing
        ).exchanged
        return isLast ? next : stamp
    }

    func bumpAll() {
        generation.wrappingAdd(1, ordering: .releasing)
    }

    /// How a subject stands.
    func stamp(_ key: ResolveKey) -> SubjectStamps.Stamp {
        let slot = Self.slot(of: key)
        return .init(slot: UInt32(slot), epoch: epochs[slot].load(ordering: .acquiring))
    }

    /// Whether its subject has not changed since the stamp was taken.
    func isCurrent(_ stamp: SubjectStamps.Stamp) -> Bool {
        epochs[Int(stamp.slot)].load(ordering: .acquiring) == stamp.epoch
    }

    private static func slot(of key: ResolveKey) -> Int {
        if case .name(let name) = key, let publicKey = name.keyLabel {
            return halfCount + slot(ofHash: publicKey.hashValue)
        }
        return slot(ofHash: key.hashValue)
    }

    private static func slot(ofHash hash: Int) -> Int {
        Int(UInt(bitPattern: hash) % UInt(halfCount))
    }
}

/// The epochs of an answer's subjects, as they stood before its facts were read.
package struct SubjectStamps: Sendable {
    struct Stamp: Sendable {
        let slot: UInt32
        let epoch: UInt32
    }

    let generation: UInt32
    /// Matters until the facts are read; an outcome in RAM has 0 in its place.
    let bumps: UInt64
    var key: Stamp
    /// The content id that a name led to; nil while unknown, and for content ids themselves.
    var target: Stamp?
}
