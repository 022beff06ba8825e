import Glibc

/// Nanoseconds of the monotonic clock.
func monotonicNow() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// What wakes up when: a heap of times and connections.
struct WakeQueue {
    private var heap: [(time: UInt64, connection: Int)] = []

    var first: UInt64? { heap.first?.time }

    mutating func add(_ connection: Int, at time: UInt64) {
        heap.append((time, connection))
        var child = heap.count - 1
        while child > 0, heap[(child - 1) / 2].time > heap[child].time {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// The next connection whose time has come.
    mutating func pop(at now: UInt64) -> Int? {
        guard let first = heap.first, first.time <= now else { return nil }
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child].time < heap[least].time {
                least = child
            }
            if least == parent { return first.connection }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
