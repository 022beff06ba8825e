internal import Synchronization

/// The numbers behind every metric: atomic cells, once per stripe, added up when they are read.
///
/// Threads that record on different stripes never write the same cache line. Nothing here blocks
/// or allocates, and all sums are exact whichever stripe is used.
final class MetricCells: Sendable {
    private typealias Storage = InlineArray<16_384, Atomic<Int64>>

    static let stripeCount = 8
    /// Distance between a cell and the same cell of the next stripe.
    static let stripeLength = 2_048
    /// Cells that may be used; the rest of a stripe keeps it off its neighbour's cache lines.
    static let capacity = stripeLength - 16

    private let cells = Storage { _ in Atomic(0) }

    /// Adds to a cell of one stripe, wrapping at the ends of `Int64`.
    @inline(__always)
    func add(_ amount: Int64, at cell: Int, on stripe: MetricStripe) {
        cells[stripe.offset &+ cell].wrappingAdd(amount, ordering: .relaxed)
    }

    /// The sum of a cell over all stripes.
    func sum(at cell: Int) -> Int64 {
        var sum: Int64 = 0
        for stripe in 0..<Self.stripeCount {
            sum &+= cells[stripe * Self.stripeLength + cell].load(ordering: .relaxed)
        }
        return sum
    }

    /// Sets a cell to zero on all stripes; what is added meanwhile may be lost.
    func clear(at cell: Int) {
        for stripe in 0..<Self.stripeCount {
            cells[stripe * Self.stripeLength + cell].store(0, ordering: .relaxed)
        }
    }

    /// The floating-point number that the first stripe holds in a cell.
    func double(at cell: Int) -> Double {
        Double(bitPattern: UInt64(bitPattern: cells[cell].load(ordering: .relaxed)))
    }

    /// Replaces the floating-point number that the first stripe holds in a cell.
    func setDouble(_ value: Double, at cell: Int) {
        cells[cell].store(Int64(bitPattern: value.bitPattern), ordering: .relaxed)
    }

    /// Adds to the floating-point number that the first stripe holds in a cell.
    func addDouble(_ amount: Double, at cell: Int) {
        var old = cells[cell].load(ordering: .relaxed)
        while true {
            let sum = Double(bitPattern: UInt64(bitPattern: old)) + amount
            let (done, seen) = cells[cell].weakCompareExchange(
                expected: old,
                desired: Int64(bitPattern: sum.bitPattern),
                ordering: .relaxed
            )
            if done { return }
            old = seen
        }
    }
}

/// Which copy of the cells a thread records on: one per event loop, and one for everybody else.
///
/// It only spreads the load. Any stripe may be used from any thread.
package struct MetricStripe: Sendable, Equatable {
    let offset: Int

    /// The stripe of callers that run on no particular loop.
    package static let shared = MetricStripe(offset: 0)

    private init(offset: Int) {
        self.offset = offset
    }

    /// The stripe of an event loop, by its position in its group.
    package init(loop: Int) {
        let stripe = 1 + Int(loop.magnitude % UInt(MetricCells.stripeCount - 1))
        offset = stripe * MetricCells.stripeLength
    }
}
