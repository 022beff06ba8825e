package import Cache
internal import Synchronization

/// A rate for each client address.
package final class ClientRates: Sendable {
    private let table: Mutex<StateMachine>
    private let isEnabled = Atomic(true)

    package init(perSecond: Int, burst: Int, maximumAddresses: Int = StateMachine.defaultLimit) {
        table = Mutex(
            StateMachine(perSecond: perSecond, burst: burst, maximumAddresses: maximumAddresses)
        )
    }

    /// Takes a token of this address; false when it has none, never while switched off.
    package func admit(_ address: ClientAddress, at now: MonotonicInstant) -> Bool {
        guard isEnabled.load(ordering: .relaxed) else { return true }
        return table.withLock { $0.admit(address, at: now) }
    }

    /// When this address has a token again; not later than `now` when it has one.
    package func nextFree(
        for address: ClientAddress,
        at now: MonotonicInstant
    ) -> MonotonicInstant {
        table.withLock { $0.nextFree(for: address, at: now) }
    }

    /// Changes the rate; every address begins with a full bucket again.
    package func setRate(perSecond: Int, burst: Int) {
        table.withLock { $0.setRate(perSecond: perSecond, burst: burst) }
    }

    /// Switches the limit on or off.
    package func setEnabled(_ isOn: Bool) {
        isEnabled.store(isOn, ordering: .relaxed)
    }

    /// Addresses remembered now.
    package var count: Int { table.withLock { $0.count } }
}

extension ClientRates {
    /// One token bucket for each address, of bounded number: the address that was silent longest is
    /// forgotten first.
    ///
    /// Forgetting can only favour: who is forgotten comes back with a full bucket. The addresses
    /// form a ring in the order of use, linked by index, closed by slot 0 which stands for none.
    package struct StateMachine: Sendable {
        /// Addresses remembered unless the caller says otherwise: some 5 MiB.
        package static let defaultLimit = 65_536

        private struct Slot {
            var address = ClientAddress.other
            var bucket: TokenBucket
            /// The neighbour that was used more recently.
            var previous = 0
            /// The neighbour that was used less recently.
            var next = 0
        }

        private let limit: Int
        private var full: TokenBucket
        private var slots: [Slot]
        private var indices: [ClientAddress: Int] = [:]

        package init(perSecond: Int, burst: Int, maximumAddresses: Int = defaultLimit) {
            limit = max(1, maximumAddresses)
            full = TokenBucket(perSecond: perSecond, burst: burst)
            slots = [Slot(bucket: full)]
        }

        package var count: Int { indices.count }

        /// Takes a token of this address; false when it has none.
        ///
        /// Being refused is a use as well.
        package mutating func admit(_ address: ClientAddress, at now: MonotonicInstant) -> Bool {
            let index = indices[address] ?? enter(address)
            unlink(index)
            link(index)
            return slots[index].bucket.take(at: now)
        }

        package func nextFree(
            for address: ClientAddress,
            at now: MonotonicInstant
        ) -> MonotonicInstant {
            guard let index = indices[address] else { return now }
            return slots[index].bucket.nextFree(at: now)
        }

        package mutating func setRate(perSecond: Int, burst: Int) {
            self = Self(perSecond: perSecond, burst: burst, maximumAddresses: limit)
        }

        /// A slot for a new address: one more, or that of the address that was silent longest.
        private mutating func enter(_ address: ClientAddress) -> Int {
            let index: Int
            if indices.count < limit {
                index = slots.count
                slots.append(Slot(bucket: full, previous: index, next: index))
            } else {
                index = slots[0].previous
                indices[slots[index].address] = nil
                slots[index].bucket = full
            }
            slots[index].address = address
            indices[address] = index
            return index
        }

        private mutating func unlink(_ index: Int) {
            let (previous, next) = (slots[index].previous, slots[index].next)
            slots[previous].next = next
            slots[next].previous = previous
        }

        /// Makes the slot the most recently used.
        private mutating func link(_ index: Int) {
            let front = slots[0].next
            slots[index].previous = 0
            slots[index].next = front
            slots[front].previous = index
            slots[0].next = index
        }
    }
}
