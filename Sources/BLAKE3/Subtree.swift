/// Hashes many whole chunks at once, down to the two children of the node above them.
struct Subtree {
    /// Chunks in the largest subtree hashed in one go.
    ///
    /// The more, the fewer lanes idle on the levels with few parents, and the more stack: here
    /// 4 KiB. Half as many are 3 % slower, twice as many no faster.
    static let maximumChunks = 128

    let mode: Mode
    let unit: VectorUnit

    /// The chaining values of the left and the right half.
    ///
    /// - Parameters:
    ///   - chunks: `count` chunks of 1024 bytes.
    ///   - count: A power of two from 2 to `maximumChunks`.
    ///   - counter: The number of the first chunk, a multiple of `count`.
    func halves(
        of chunks: UnsafeRawPointer,
        count: Int,
        counter: UInt64
    ) -> (left: ChainingValue, right: ChainingValue) {
        var values = InlineArray<128, ChainingValue>(repeating: .initial)
        withUnsafeMutableBytes(of: &values) { bytes in
            guard let values = bytes.baseAddress else { return }
            hashChunks(chunks, count: count, counter: counter, into: values)
            var width = count / 2
            while width > 1 {
                hashParents(count: width, in: values)
                width /= 2
            }
        }
        return (values[0], values[1])
    }

    private func hashChunks(
        _ chunks: UnsafeRawPointer,
        count: Int,
        counter: UInt64,
        into values: UnsafeMutableRawPointer
    ) {
        for start in stride(from: 0, to: count, by: unit.lanes) {
            unit.hashChunks(
                chunks + start &* Size.chunk,
                count: min(unit.lanes, count &- start),
                mode: mode,
                counter: counter &+ UInt64(start),
                into: values + start &* Size.chainingValue
            )
        }
    }

    /// Replaces pairs of chaining values at the front of `values` by those of their parents.
    private func hashParents(count: Int, in values: UnsafeMutableRawPointer) {
        for start in stride(from: 0, to: count, by: unit.lanes) {
            unit.hashParents(
                values + start &* 2 &* Size.chainingValue,
                count: min(unit.lanes, count &- start),
                mode: mode,
                into: values + start &* Size.chainingValue
            )
        }
    }
}
