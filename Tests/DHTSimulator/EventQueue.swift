import DHTCore

/// What happens next in virtual time: a binary heap of (time, sequence).
///
/// The sequence number makes the order of simultaneous events that of their scheduling, so a run is
/// the same every time.
struct EventQueue {
    private var heap: [Event] = []
    private var nextSequence: UInt64 = 0

    struct Event {
        let time: DHTInstant
        let sequence: UInt64
        let kind: Kind

        /// Whether this comes before another.
        func precedes(_ other: Event) -> Bool {
            time == other.time ? sequence < other.sequence : time < other.time
        }
    }

    enum Kind {
        /// A datagram arrives: its slot in the pool, and the numbers of both ends.
        case datagram(slot: Int32, from: Int32, to: Int32)
        /// A node's `nextDeadline` has come.
        case alarm(node: Int32)
        /// A scenario asked to be woken, and by what number.
        case cue(Int32)
    }

    var count: Int { heap.count }
    var nextTime: DHTInstant? { heap.first?.time }

    mutating func schedule(_ kind: Kind, at time: DHTInstant) {
        var position = heap.count
        let event = Event(time: time, sequence: nextSequence, kind: kind)
        nextSequence += 1
        heap.append(event)
        while position > 0 {
            let parent = (position - 1) / 2
            guard event.precedes(heap[parent]) else { break }
            heap[position] = heap[parent]
            position = parent
        }
        heap[position] = event
    }

    mutating func next() -> Event? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return first }
        var position = 0
        while true {
            var child = 2 * position + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1].precedes(heap[child]) { child += 1 }
            guard heap[child].precedes(last) else { break }
            heap[position] = heap[child]
            position = child
        }
        heap[position] = last
        return first
    }
}

/// The payloads under way, in slots of one array, so that a datagram costs no allocation.
struct DatagramPool {
    private var bytes: [UInt8] = []
    private var counts: [Int32] = []
    private var free: [Int32] = []

    /// Larger datagrams do not pass the simulated network.
    static let slotSize = 1_536

    /// Datagrams under way.
    var count: Int { counts.count - free.count }

    /// Keeps a copy of a payload; nil when it is too large.
    mutating func store(_ payload: Span<UInt8>) -> Int32? {
        guard payload.count <= Self.slotSize else { return nil }
        let slot: Int32
        if let reused = free.popLast() {
            slot = reused
        } else {
            slot = Int32(counts.count)
            counts.append(0)
            bytes.append(contentsOf: repeatElement(0, count: Self.slotSize))
        }
        counts[Int(slot)] = Int32(payload.count)
        let start = Int(slot) * Self.slotSize
        for index in 0..<payload.count { bytes[start + index] = payload[index] }
        return slot
    }

    /// Calls `body` with a payload.
    func withPayload<Result>(_ slot: Int32, _ body: (Span<UInt8>) -> Result) -> Result {
        let start = Int(slot) * Self.slotSize
        return body(bytes.span.extracting(start..<start + Int(counts[Int(slot)])))
    }

    mutating func release(_ slot: Int32) {
        free.append(slot)
    }
}
