/// The contacts of one family, in buckets by how many leading bits they share with our own id.
///
/// Bucket n holds the contacts that share exactly n bits, which is Kademlia's tree with only the
/// own branch split. Only nodes that answered us get in; a full bucket keeps those that go on
/// answering.
package struct RoutingTable: Sendable {
    package private(set) var own: NodeID
    private let settings: RoutingSettings
    private let allowsSharedNetworks: Bool
    private var buckets: [Bucket] = []
    /// Where the contact of an address is, so that an address has one contact only.
    private var bucketOfAddress: [Endpoint: UInt8] = [:]
    private var contactsOfNetwork: [Endpoint.Network: UInt16] = [:]

    /// One distance range: the contacts in use, and those that wait for a place.
    private struct Bucket: Sendable {
        var contacts: [Contact] = []
        /// Longest waiting first.
        var replacements: [Contact] = []
        /// When a contact of this range last answered.
        var lastChanged: DHTInstant
    }

    package init(own: NodeID, settings: RoutingSettings, allowsSharedNetworks: Bool = false) {
        self.own = own
        self.settings = settings
        self.allowsSharedNetworks = allowsSharedNetworks
    }

    /// Contacts in use, whatever their standing.
    package var count: Int { bucketOfAddress.count }

    /// What became of a contact that answered.
    package enum Admission: Equatable, Sendable {
        case known
        case added
        /// Took the place of a bad contact, or of its own earlier self.
        case replaced
        /// The bucket is full, or its /24 or /64 has its share of it; it waits.
        ///
        /// `doubtful` is who should be pinged, if anyone.
        case waiting(doubtful: Contact?)
        case refused(Refusal)
    }

    /// Why a contact may not enter.
    package enum Refusal: Equatable, Sendable {
        case ownID
        /// Another address answers to this id already.
        case idTaken
        /// Another port of the address has a good contact already.
        case addressTaken
        /// The /24 or /64 has its share.
        case networkFull
    }
}

// MARK: - What happened

extension RoutingTable {
    /// A node answered a query: the only way into the table.
    package mutating func answered(
        id: NodeID,
        endpoint: Endpoint,
        after time: TimeSpan,
        at now: DHTInstant
    ) -> Admission {
        let index = own.commonPrefixLength(with: id)
        guard index < NodeID.bitCount else { return .refused(.ownID) }
        grow(to: index, at: now)
        buckets[index].lastChanged = now
        if let slot = buckets[index].contacts.firstIndex(where: { $0.id == id }) {
            if buckets[index].contacts[slot].endpoint == endpoint {
                buckets[index].contacts[slot].answered(after: time, at: now)
                return .known
            }
            let standing = buckets[index].contacts[slot].standing(at: now, settings)
            guard standing == .bad else { return .refused(.idTaken) }
            remove(at: slot, in: index)
        }
        var contact = Contact(id: id, endpoint: endpoint, lastAnswered: now)
        contact.answered(after: time, at: now)
        return admit(contact, to: index, at: now)
    }

    /// A node of the table asked us something, which shows that it lives.
    ///
    /// False when it is not in the table.
    package mutating func heard(from id: NodeID, at endpoint: Endpoint, at now: DHTInstant) -> Bool
    {
        guard let (index, slot) = place(of: id, endpoint) else { return false }
        buckets[index].contacts[slot].lastSeen = now
        return true
    }

    /// A query to a node timed out.
    ///
    /// A waiting replacement takes over, if there is one.
    package mutating func failed(id: NodeID, endpoint: Endpoint) {
        guard let (index, slot) = place(of: id, endpoint) else {
            forgetReplacement(endpoint, id: id)
            return
        }
        let failures = buckets[index].contacts[slot].failures
        buckets[index].contacts[slot].failures = failures == .max ? failures : failures + 1
        guard Int(failures) + 1 >= settings.failuresUntilReplaced else { return }
        _ = replace(slot, in: index)
    }

    /// A node turned out to be another one than we thought.
    package mutating func removeContact(id: NodeID, endpoint: Endpoint) {
        guard let (index, slot) = place(of: id, endpoint) else { return }
        remove(at: slot, in: index)
    }

    /// Puts a contact into its bucket without a question, for tests and simulated networks.
    ///
    /// The limits hold all the same; false when they keep it out.
    package mutating func seed(_ contact: Contact, at now: DHTInstant) -> Bool {
        let index = own.commonPrefixLength(with: contact.id)
        guard index < NodeID.bitCount else { return false }
        grow(to: index, at: now)
        guard !buckets[index].contacts.contains(where: { $0.id == contact.id }) else {
            return false
        }
        return admit(contact, to: index, at: now) == .added
    }
}

// MARK: - Questions

extension RoutingTable {
    /// The contacts closest to a target, closest first, into a buffer that the caller keeps.
    ///
    /// Bad contacts are left out. Buckets are visited in the order of their distance, so only a few
    /// are looked at.
    package func closest(to target: NodeID, count: Int, into result: inout [Contact]) {
        result.removeAll(keepingCapacity: true)
        guard count > 0 else { return }
        let shared = own.commonPrefixLength(with: target)
        if shared < buckets.count { collect(shared, target, count, &result) }
        if result.count < count, shared + 1 < buckets.count {
            for index in (shared + 1)..<buckets.count { collect(index, target, count, &result) }
        }
        var index = min(shared, buckets.count) - 1
        while index >= 0, result.count < count {
            collect(index, target, count, &result)
            index -= 1
        }
    }

    /// How many contacts there are of each standing.
    package func census(at now: DHTInstant) -> ContactCount {
        var counts = ContactCount()
        for bucket in buckets {
            for contact in bucket.contacts {
                switch contact.standing(at: now, settings) {
                case .good: counts.good += 1
                case .questionable: counts.questionable += 1
                case .bad: counts.bad += 1
                }
            }
        }
        return counts
    }

    /// Every contact in use, bucket by bucket.
    package var contacts: [Contact] { buckets.flatMap(\.contacts) }

    /// Whether a contact with this id could enter: its bucket has room or a bad contact.
    package func hasRoom(for id: NodeID, at now: DHTInstant) -> Bool {
        let index = own.commonPrefixLength(with: id)
        guard index < NodeID.bitCount else { return false }
        guard index < buckets.count else { return true }
        return buckets[index].contacts.count < capacity(of: index)
            || buckets[index].contacts.contains { $0.standing(at: now, settings) == .bad }
    }

    /// The contact whose turn it is to be asked whether it is still there.
    ///
    /// Of those no longer good the one that was seen or asked longest ago; nil when all were
    /// `recently`. It counts as asked from now on, so that one that is dead does not keep the
    /// others from their turn.
    package mutating func takeMostDoubtful(
        at now: DHTInstant,
        notAskedSince recently: DHTInstant
    ) -> Contact? {
        var oldest = recently
        var found: (bucket: Int, slot: Int)?
        for index in buckets.indices {
            for (slot, contact) in buckets[index].contacts.enumerated() {
                let last = max(contact.lastSeen, contact.lastAsked)
                guard last < oldest, contact.standing(at: now, settings) != .good else { continue }
                (oldest, found) = (last, (index, slot))
            }
        }
        guard let (bucket, slot) = found else { return nil }
        buckets[bucket].contacts[slot].lastAsked = now
        return buckets[bucket].contacts[slot]
    }

    /// A bucket in which nothing answered for a while, and marks it as seen to.
    package mutating func takeStaleBucket(at now: DHTInstant, after age: TimeSpan) -> Int? {
        let stale = (0..<depth).filter { now.since(buckets[$0].lastChanged) > age }
        guard
            let index = stale.min(by: { buckets[$0].lastChanged < buckets[$1].lastChanged })
        else { return nil }
        buckets[index].lastChanged = now
        return index
    }

    /// Whether a contact is in use.
    package func contains(id: NodeID, endpoint: Endpoint) -> Bool {
        place(of: id, endpoint) != nil
    }

    /// The buckets that are looked after: of those that hold the nearest neighbours together, as
    /// many as fill one bucket, only the first, since one lookup there finds them all.
    ///
    /// So a node whose id is made to resemble the own one cannot make work out of the empty buckets
    /// on the way to it.
    package var depth: Int {
        var neighbours = 0
        for index in buckets.indices.reversed() {
            neighbours += buckets[index].contacts.count
            if neighbours >= settings.bucketCapacity { return min(index + 2, buckets.count) }
        }
        return min(buckets.count, 1)
    }

    /// Contacts in use in one bucket, for tests and reports.
    package func count(inBucket index: Int) -> Int {
        index < buckets.count ? buckets[index].contacts.count : 0
    }

    /// How many contacts a bucket may hold.
    package func capacity(of index: Int) -> Int {
        settings.capacity(ofBucket: index)
    }
}

// MARK: - Details

extension RoutingTable {
    private func collect(
        _ index: Int,
        _ target: NodeID,
        _ count: Int,
        _ result: inout [Contact]
    ) {
        for contact in buckets[index].contacts
        where Int(contact.failures) < settings.failuresUntilBad {
            let distance = contact.id.distance(to: target)
            if result.count >= count {
                guard let last = result.last, distance < last.id.distance(to: target) else {
                    continue
                }
                result.removeLast()
            }
            var position = result.count
            while position > 0, distance < result[position - 1].id.distance(to: target) {
                position -= 1
            }
            result.insert(contact, at: position)
        }
    }

    private mutating func grow(to index: Int, at now: DHTInstant) {
        while buckets.count <= index { buckets.append(Bucket(lastChanged: now)) }
    }

    /// Finds a place for a contact whose id is not in the bucket.
    private mutating func admit(
        _ contact: Contact,
        to index: Int,
        at now: DHTInstant
    ) -> Admission {
        var admission = Admission.added
        if let previous = bucketOfAddress[addressKey(contact.endpoint)] {
            // The node at this port has become another one, or a dead one gives way to a neighbour.
            guard giveUpAddress(contact.endpoint, in: Int(previous), at: now) else {
                return .refused(.addressTaken)
            }
            admission = .replaced
        }
        guard hasShare(contact.endpoint.network, in: index) else {
            return admitNeighbour(contact, to: index, at: now)
        }
        if buckets[index].contacts.count < capacity(of: index) {
            insert(contact, in: index)
            return admission
        }
        if let bad = buckets[index].contacts.firstIndex(where: {
            $0.standing(at: now, settings) == .bad
        }) {
            remove(at: bad, in: index)
            insert(contact, in: index)
            return .replaced
        }
        if let slot = slotToGiveUp(for: contact, in: index) {
            let former = buckets[index].contacts[slot]
            remove(at: slot, in: index)
            insert(contact, in: index)
            wait(former, in: index)
            return .replaced
        }
        wait(contact, in: index)
        let doubtful = buckets[index].contacts
            .filter { $0.standing(at: now, settings) == .questionable }
            .min { $0.lastSeen < $1.lastSeen }
        return .waiting(doubtful: doubtful)
    }

    /// Finds a place for a contact whose network has its share: that of a neighbour in its bucket
    /// that failed, now or later, so that no dead node hides a living one.
    private mutating func admitNeighbour(
        _ contact: Contact,
        to index: Int,
        at now: DHTInstant
    ) -> Admission {
        let network = contact.endpoint.network
        let contacts = buckets[index].contacts
        let neighbours = contacts.indices.filter { contacts[$0].endpoint.network == network }
        guard !neighbours.isEmpty else { return .refused(.networkFull) }
        let failing = neighbours.first {
            Int(contacts[$0].failures) >= settings.failuresUntilReplaced
        }
        if let failing {
            remove(at: failing, in: index)
            insert(contact, in: index)
            return .replaced
        }
        // One of a network is enough, so that no network crowds out the others that wait.
        buckets[index].replacements.removeAll { $0.endpoint.network == network }
        wait(contact, in: index)
        let doubtful = neighbours.first {
            contacts[$0].standing(at: now, settings) == .questionable
        }
        return .waiting(doubtful: doubtful.map { contacts[$0] })
    }

    private mutating func wait(_ contact: Contact, in index: Int) {
        buckets[index].replacements.removeAll { $0.endpoint == contact.endpoint }
        if buckets[index].replacements.count >= settings.replacementCapacity {
            buckets[index].replacements.removeFirst()
        }
        buckets[index].replacements.append(contact)
    }

    /// Puts the replacement that answered most recently into a failing contact's place.
    private mutating func replace(_ slot: Int, in index: Int) -> Bool {
        let leaving = buckets[index].contacts[slot].endpoint.network
        for position in buckets[index].replacements.indices.reversed() {
            let candidate = buckets[index].replacements[position]
            let isInUse =
                bucketOfAddress[addressKey(candidate.endpoint)] != nil
                || buckets[index].contacts.contains { $0.id == candidate.id }
            let network = candidate.endpoint.network
            // One whose network has its share goes on waiting for a neighbour to fail.
            guard isInUse || leaving == network || hasShare(network, in: index) else { continue }
            buckets[index].replacements.remove(at: position)
            guard !isInUse else { continue }
            remove(at: slot, in: index)
            insert(candidate, in: index)
            return true
        }
        return false
    }

    private func hasShare(_ network: Endpoint.Network, in index: Int) -> Bool {
        guard !allowsSharedNetworks else { return true }
        let inTable = Int(contactsOfNetwork[network] ?? 0)
        guard inTable > 0 else { return true }
        guard inTable < settings.perNetworkInTable else { return false }
        let inBucket = buckets[index].contacts.count { $0.endpoint.network == network }
        return inBucket < settings.perNetworkInBucket
    }

    private mutating func insert(_ contact: Contact, in index: Int) {
        buckets[index].contacts.append(contact)
        bucketOfAddress[addressKey(contact.endpoint)] = UInt8(truncatingIfNeeded: index)
        contactsOfNetwork[contact.endpoint.network, default: 0] += 1
    }

    private mutating func remove(at slot: Int, in index: Int) {
        let endpoint = buckets[index].contacts.remove(at: slot).endpoint
        bucketOfAddress[addressKey(endpoint)] = nil
        let left = (contactsOfNetwork[endpoint.network] ?? 1) - 1
        contactsOfNetwork[endpoint.network] = left == 0 ? nil : left
    }

    /// Removes the contact of an address unless it is a good one at another port.
    private mutating func giveUpAddress(
        _ endpoint: Endpoint,
        in index: Int,
        at now: DHTInstant
    ) -> Bool {
        let key = addressKey(endpoint)
        guard
            let slot = buckets[index].contacts.firstIndex(where: { addressKey($0.endpoint) == key })
        else { return true }
        let contact = buckets[index].contacts[slot]
        guard contact.endpoint == endpoint || contact.standing(at: now, settings) != .good else {
            return false
        }
        remove(at: slot, in: index)
        return true
    }

    private mutating func forgetReplacement(_ endpoint: Endpoint, id: NodeID) {
        let index = own.commonPrefixLength(with: id)
        guard index < buckets.count else { return }
        buckets[index].replacements.removeAll { $0.endpoint == endpoint }
    }

    /// The contact of a full bucket that gives way to one that has answered: the slowest of the
    /// part of the range that has most, for the first of a part that has none, or a slower one of
    /// the same part.
    ///
    /// Contacts that lie evenly in their range leave no target with nobody near it, and quick ones
    /// do not stall. Only a part with several gives one up, so that nobody who chooses ids can
    /// drive out more than the surplus.
    private func slotToGiveUp(for contact: Contact, in index: Int) -> Int? {
        guard contact.roundTrip > 0 else { return nil }
        let contacts = buckets[index].contacts
        var parts: [Int: Int] = [:]
        for known in contacts { parts[part(of: known.id, in: index), default: 0] += 1 }
        let wanted = part(of: contact.id, in: index)
        if parts[wanted] != nil {
            let slowest = contacts.indices
                .filter { part(of: contacts[$0].id, in: index) == wanted }
                .max { contacts[$0].roundTrip < contacts[$1].roundTrip }
            guard let slowest, contacts[slowest].roundTrip / 2 > contact.roundTrip else {
                return nil
            }
            return slowest
        }
        guard let most = parts.values.max(), most > 1 else { return nil }
        return contacts.indices.filter { parts[part(of: contacts[$0].id, in: index)] == most }
            .max { contacts[$0].roundTrip < contacts[$1].roundTrip }
    }

    /// Which of as many equal parts of a bucket's range as it holds contacts an id lies in.
    private func part(of id: NodeID, in index: Int) -> Int {
        let bits = capacity(of: index).bitWidth - 1 - capacity(of: index).leadingZeroBitCount
        let distance = own.distance(to: id)
        let from = index + 1
        var part = 0
        for bit in from..<min(from + bits, NodeID.bitCount) {
            part = part << 1 | (distance.hasBit(bit) ? 1 : 0)
        }
        return part
    }

    private func place(of id: NodeID, _ endpoint: Endpoint) -> (index: Int, slot: Int)? {
        let index = own.commonPrefixLength(with: id)
        guard index < buckets.count,
            let slot = buckets[index].contacts.firstIndex(where: {
                $0.id == id && $0.endpoint == endpoint
            })
        else { return nil }
        return (index, slot)
    }

    /// An address counts once whatever its port, unless many nodes share addresses here.
    private func addressKey(_ endpoint: Endpoint) -> Endpoint {
        allowsSharedNetworks ? endpoint : endpoint.with(port: 0)
    }
}
