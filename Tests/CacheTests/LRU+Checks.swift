@testable import Cache

extension LRU {
    /// What is wrong with the structure, in words; nil when every invariant holds.
    func brokenInvariant() -> String? {
        if nodes.count != lists.count || nodes.count != table.count {
            return "\(nodes.count) nodes, \(lists.count) links, \(table.count) hashes"
        }
        return brokenList() ?? brokenTable() ?? brokenBound()
    }

    /// The entries of a kind, the most recently used first.
    func entries(of kind: EntryKind) -> [Entry] {
        lists.nodes(of: kind).map { nodes[$0].entry }
    }

    private func brokenList() -> String? {
        var seen = Set<Int>()
        for kind in EntryKind.allCases {
            let members = Array(lists.nodes(of: kind).prefix(nodes.count + 1))
            var sum = CacheSize(entries: 0, bytes: 0)
            for node in members {
                guard seen.insert(node).inserted else { return "node \(node) is linked twice" }
                if nodes[node].entry.kind != kind { return "node \(node) is in the wrong list" }
                let link = lists.links[node + RecencyLists.ends]
                if lists.links[Int(link.next)].previous != UInt32(node + RecencyLists.ends) {
                    return "the links around node \(node) disagree"
                }
                sum = sum + Self.size(of: nodes[node].entry)
            }
            if lists.last(of: kind) != members.last { return "the end of \(kind) is wrong" }
            if sum != total(of: kind) { return "\(kind): \(sum), counted \(total(of: kind))" }
        }
        return seen.count == nodes.count ? nil : "\(nodes.count - seen.count) nodes are not linked"
    }

    private func brokenTable() -> String? {
        let slots = table.slots.count
        if slots.nonzeroBitCount != 1 || nodes.count * 4 > slots * 3 {
            return "\(slots) slots for \(nodes.count) nodes"
        }
        if table.slots.count(where: { $0 != 0 }) != nodes.count {
            return "as many slots in use as nodes were expected"
        }
        for node in nodes.indices {
            let found = table.find(hash: table.hashes[node]) { $0 == node }
            if found != node { return "node \(node) cannot be found" }
        }
        return nil
    }

    private func brokenBound() -> String? {
        for (name, size, bound) in [
            ("answers", total(of: .positive) + total(of: .pinned), limits.answers),
            ("negatives", total(of: .negative), limits.negatives),
            ("pinned", total(of: .pinned), limits.pinned),
        ] where !size.fits(in: bound) {
            return "\(name): \(size) is over \(bound)"
        }
        return nil
    }
}
