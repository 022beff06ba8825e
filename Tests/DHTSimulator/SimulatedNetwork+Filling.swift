import Randomness
package import DHTCore

/// Networks that are there from the start, without thousands of simulated bootstraps.
extension SimulatedNetwork {
    /// Fills every table directly: from each bucket's range a random choice, as many as fit.
    ///
    /// Afterwards the silent nodes fall silent, so that they are stale entries, as in life.
    package func fillTables() {
        let order = (0..<nodes.count).sorted { nodes[$0].id.precedes(nodes[$1].id) }
        let ids = order.map { nodes[$0].id }
        for number in nodes.indices { fill(number, ids, order) }
        for number in nodes.indices {
            traits[number].isSilent = random.happens(options.silentFraction)
            withNode(number) { _ in }
        }
    }

    /// Gives one node its contacts.
    private func fill(_ number: Int, _ ids: [NodeID], _ order: [Int]) {
        let own = nodes[number].id
        var range = 0..<ids.count
        var depth = 0
        while range.count > 1, depth < NodeID.bitCount {
            let split = firstIndex(in: range, of: ids, withBit: depth)
            let isHigh = own.bit(depth)
            let sibling = isHigh ? range.lowerBound..<split : split..<range.upperBound
            range = isHigh ? split..<range.upperBound : range.lowerBound..<split
            seed(number, from: sibling, order, limit: capacity(of: depth))
            depth += 1
        }
    }

    private func seed(_ number: Int, from sibling: Range<Int>, _ order: [Int], limit: Int) {
        guard !sibling.isEmpty else { return }
        let chosen: [Int]
        if sibling.count <= limit {
            chosen = Array(sibling)
        } else {
            var picked: [Int] = []
            while picked.count < limit {
                let index = sibling.lowerBound + random.below(sibling.count)
                if !picked.contains(index) { picked.append(index) }
            }
            chosen = picked
        }
        for index in chosen {
            let other = order[index]
            let age = TimeSpan(nanoseconds: -Int64(random.below(600_000)) * 1_000_000)
            var contact = Contact(
                id: nodes[other].id,
                endpoint: traits[other].endpoint,
                lastAnswered: now + age
            )
            contact.roundTrip = UInt32(clamping: traits[other].roundTrip / 1_000)
            _ = nodes[number].seed(contact, at: now)
        }
    }

    private func capacity(of depth: Int) -> Int {
        var routing = options.settings.routing
        routing.extendsFirstBuckets = options.extendsFirstBuckets
        return routing.capacity(ofBucket: depth)
    }

    /// Where the ids of a sorted range, equal in all bits before, begin to have a bit set.
    private func firstIndex(in range: Range<Int>, of ids: [NodeID], withBit bit: Int) -> Int {
        var low = range.lowerBound
        var high = range.upperBound
        while low < high {
            let middle = (low + high) / 2
            if ids[middle].bit(bit) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// The numbers of the nodes closest to a target, closest first.
    ///
    /// `where` chooses among them; those that are not alive never count.
    package func closestNodes(
        to target: NodeID,
        count: Int,
        where isIncluded: (Trait) -> Bool = { _ in true }
    ) -> [Int] {
        var result: [(number: Int, distance: Distance)] = []
        for number in nodes.indices where traits[number].isAlive && isIncluded(traits[number]) {
            let distance = nodes[number].id.distance(to: target)
            if result.count == count, let last = result.last, distance > last.distance { continue }
            let position = result.firstIndex { distance < $0.distance } ?? result.count
            result.insert((number, distance), at: position)
            if result.count > count { result.removeLast() }
        }
        return result.map(\.number)
    }
}

extension NodeID {
    /// The bit at an index, 0 being the most significant.
    fileprivate func bit(_ index: Int) -> Bool {
        bytes[index / 8] >> (7 - index % 8) & 1 == 1
    }

    /// The order of the ids as numbers.
    fileprivate func precedes(_ other: NodeID) -> Bool {
        distance(to: .zero) < other.distance(to: .zero)
    }
}
