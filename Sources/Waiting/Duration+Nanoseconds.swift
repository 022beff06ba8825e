package import Dispatch

extension Duration {
    /// The duration in nanoseconds, at most 292 years of them either way.
    package var nanoseconds: Int64 {
        let (whole, attoseconds) = components
        let (product, isLong) = whole.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, isLonger) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        if isLong || isLonger { return whole < 0 ? .min : .max }
        return sum
    }

    /// The same for a dispatch queue.
    package var dispatchInterval: DispatchTimeInterval { .nanoseconds(Int(nanoseconds)) }
}
