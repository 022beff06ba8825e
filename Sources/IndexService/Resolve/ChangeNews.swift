internal import Synchronization

/// Tells what has changed, once for each change: events on the bus, and the metric beside them.
///
/// Whoever writes the index knows what that changed. What the DHT says changes without anybody's
/// doing, and shows when it is looked up again: for one question here and for another there, each
/// with an answer of its own. So the newest state of every subject is remembered, in a fixed number
/// of slots; a subject whose slot another one has taken is new again, which costs one event.
final class ChangeNews: Sendable {
    /// Subjects share this many slots.
    private static let slotCount = 4096

    /// In each slot the upper half of a subject's hash, and its state below.
    private let slots = InlineArray<4096, Atomic<UInt64>> { _ in Atomic(0) }
    private let metrics: Metrics
    private let bus: EventBus?

    init(metrics: Metrics, bus: EventBus?) {
        self.metrics = metrics
        self.bus = bus
    }

    /// Tells what a write has changed, after it was committed and the answers it touches ended.
    func tell(_ changes: IndexChanges) {
        for name in changes.names { bus?.publish(.nameChanged(name)) }
        for id in changes.providerSets {
            // Whoever looks now finds nothing that was not told.
            forget(.contentID(id))
            tellProviders(of: id)
        }
    }

    /// Notes all providers of `id` as they were just found, and tells when they are not the same as
    /// before.
    func providers(of id: ContentID, are providers: Set<ProviderID>) {
        guard isOther(.contentID(id), providers.hashValue) else { return }
        tellProviders(of: id)
    }

    /// Notes where a key name leads by the newest record, nil for nowhere, and tells when that is
    /// not the same as before.
    func keyName(_ name: Name, leadsTo id: ContentID?) {
        guard isOther(.name(name), id.hashValue) else { return }
        bus?.publish(.nameChanged(name))
    }

    private func tellProviders(of id: ContentID) {
        metrics.providerSetChanged()
        bus?.publish(.providerSetChanged(id))
    }

    /// Notes a subject's state; whether another one was known.
    private func isOther(_ subject: ResolveKey, _ state: Int) -> Bool {
        let (slot, tag) = Self.place(of: subject)
        let entry = tag | UInt64(UInt32(truncatingIfNeeded: state))
        let former = slots[slot].exchange(entry, ordering: .relaxed)
        return former != 0 && former != entry && former & Self.tagBits == tag
    }

    private func forget(_ subject: ResolveKey) {
        let (slot, tag) = Self.place(of: subject)
        let entry = slots[slot].load(ordering: .relaxed)
        guard entry & Self.tagBits == tag else { return }
        slots[slot].store(0, ordering: .relaxed)
    }

    private static let tagBits: UInt64 = 0xFFFF_FFFF_0000_0000

    private static func place(of subject: ResolveKey) -> (slot: Int, tag: UInt64) {
        let hash = UInt64(UInt(bitPattern: subject.hashValue))
        return (Int(hash % UInt64(slotCount)), hash & tagBits)
    }
}
