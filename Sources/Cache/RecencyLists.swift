/// The order of use: one doubly linked list of nodes for each kind of entry.
///
/// Nodes are known by number, 0 up to `count`. The lists are rings, closed by one link for each
/// kind that stands for no node, so that nothing here asks for a node's kind or for a list's ends.
/// Kept apart from the entries, all links of a shard lie close together: a use touches four.
@usableFromInline
struct RecencyLists: Sendable {
    /// Neighbours, as indices into `links`.
    @usableFromInline
    struct Link: Sendable {
        /// The neighbour that was used more recently.
        @usableFromInline var previous: UInt32
        /// The neighbour that was used less recently.
        @usableFromInline var next: UInt32

        @inlinable
        init(previous: UInt32, next: UInt32) {
            self.previous = previous
            self.next = next
        }
    }

    /// First the ends of each kind's ring, then the nodes in order.
    @usableFromInline var links: [Link]

    @inlinable static var ends: Int { EntryKind.count }

    @inlinable
    init() {
        links = (0..<UInt32(Self.ends)).map { Link(previous: $0, next: $0) }
    }

    @inlinable var count: Int { links.count - Self.ends }

    /// The least recently used node of a kind.
    @inlinable
    func last(of kind: EntryKind) -> Int? {
        let last = Int(links[Int(kind.rawValue)].previous)
        return last < Self.ends ? nil : last - Self.ends
    }

    /// The nodes of a kind, the most recently used first.
    func nodes(of kind: EntryKind) -> some Sequence<Int> {
        sequence(state: Int(kind.rawValue)) { index in
            index = Int(links[index].next)
            return index < Self.ends ? nil : index - Self.ends
        }
    }

    /// Enters the node with the next number at the front.
    @inlinable
    mutating func append(toFrontOf kind: EntryKind) {
        links.append(Link(previous: 0, next: 0))
        insert(links.count - 1, atFrontOf: kind)
    }

    /// Makes a node the most recently used of a kind, which may be a new one for it.
    @inlinable
    mutating func moveToFront(_ node: Int, of kind: EntryKind) {
        let index = node + Self.ends
        if Int(links[index].previous) == Int(kind.rawValue) { return }
        unlink(index)
        insert(index, atFrontOf: kind)
    }

    /// Removes a node; the one with the highest number takes over its number.
    @inlinable
    mutating func remove(_ node: Int) {
        let index = node + Self.ends
        unlink(index)
        let last = links.removeLast()
        if index == links.count { return }
        links[index] = last
        links[Int(last.previous)].next = UInt32(index)
        links[Int(last.next)].previous = UInt32(index)
    }

    @inlinable
    mutating func reserveCapacity(_ nodes: Int) {
        links.reserveCapacity(nodes + Self.ends)
    }

    /// Moves into as little storage as its nodes need.
    mutating func compact() {
        links = links.compacted()
    }

    @inlinable
    mutating func insert(_ index: Int, atFrontOf kind: EntryKind) {
        let end = Int(kind.rawValue)
        let front = links[end].next
        links[index] = Link(previous: UInt32(end), next: front)
        links[Int(front)].previous = UInt32(index)
        links[end].next = UInt32(index)
    }

    @inlinable
    mutating func unlink(_ index: Int) {
        let link = links[index]
        links[Int(link.previous)].next = link.next
        links[Int(link.next)].previous = link.previous
    }
}

extension Array {
    /// The same elements in storage of no more than their size.
    func compacted() -> Self {
        var copy: Self = []
        copy.reserveCapacity(count)
        copy.append(contentsOf: self)
        return copy
    }
}
