internal import Synchronization

/// Ties a caller to its lookup from before the lookup has begun, so that it can be cancelled at any
/// time and in any order of events.
final class LookupTicket: Sendable {
    typealias ID = UInt64

    let id: ID
    private let cancelled = Atomic<Bool>(false)
    private static let lastID = Atomic<ID>(0)

    init() {
        id = Self.lastID.wrappingAdd(1, ordering: .relaxed).newValue
    }

    var isCancelled: Bool { cancelled.load(ordering: .acquiring) }

    func cancel() {
        cancelled.store(true, ordering: .releasing)
    }
}
