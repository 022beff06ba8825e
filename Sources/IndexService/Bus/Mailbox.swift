/// What one subscriber has not read yet: a ring of bounded size that drops its oldest letter.
///
/// Its storage grows with use up to the bound, so that a subscriber that keeps up costs little.
struct Mailbox<Letter: Sendable>: Sendable {
    private let capacity: Int
    private var ring: [Letter?] = []
    /// Where the oldest letter lies.
    private var head = 0
    private(set) var count = 0

    init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    /// Adds the newest letter; true when the oldest was dropped for it.
    mutating func append(_ letter: Letter) -> Bool {
        if count == ring.count, count < capacity { grow() }
        let isFull = count == ring.count
        ring[(head + count) % ring.count] = letter
        if isFull {
            head = (head + 1) % ring.count
        } else {
            count += 1
        }
        return isFull
    }

    /// Takes the oldest letter.
    mutating func takeFirst() -> Letter? {
        guard count > 0 else { return nil }
        defer {
            head = (head + 1) % ring.count
            count -= 1
        }
        return ring[head].take()
    }

    private mutating func grow() {
        let letters = ring[head...] + ring[..<head]
        let size = min(capacity, max(16, ring.count * 2))
        ring = letters + [Letter?](repeating: nil, count: size - letters.count)
        head = 0
    }
}
