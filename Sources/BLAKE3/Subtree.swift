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
        of chunks: UnsafeRawPointer, count: Int, counter: UInt64
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
        _ chunks: UnsafeRawPointer, count: Int, counter: UInt64,
        into values: UnsafeMutableRawPointer
    ) {
        var index = 0
        #if arch(x86_64)
            while unit != .none, index < count {
                let batch = min(unit.lanes, count &- index)
                unit.hashChunks(
                    chunks + index &* Size.chunk, count: batch, mode: mode,
                    counter: counter &+ UInt64(index), into: values + index &* Size.chainingValue)
                index &+= batch
            }
        #endif
        while index < count {
            let chunk = UnsafeRawBufferPointer(
                start: chunks + index &* Size.chunk, count: Size.chunk)
            let value = mode.chainingValue(ofChunk: chunk, number: counter &+ UInt64(index))
            (values + index &* Size.chainingValue).storeBytes(of: value, as: ChainingValue.self)
            index &+= 1
        }
    }

    /// Replaces pairs of chaining values at the front of `values` by those of their parents.
    private func hashParents(count: Int, in values: UnsafeMutableRawPointer) {
        var index = 0
        #if arch(x86_64)
            while unit != .none, index < count {
                let batch = min(unit.lanes, count &- index)
                unit.hashParents(
                    values + index &* Size.block, count: batch, mode: mode,
                    into: values + index &* Size.chainingValue)
                index &+= batch
            }
        #endif
        while index < count {
            var value = mode.key
            value.compress(
                values + index &* Size.block, length: Size.block, counter: 0,
                flags: mode.flags | Flag.parent)
            (values + index &* Size.chainingValue).storeBytes(of: value, as: ChainingValue.self)
            index &+= 1
        }
    }
}

extension Mode {
    /// The chaining value of a whole chunk that is not the root.
    func chainingValue(ofChunk bytes: UnsafeRawBufferPointer, number: UInt64) -> ChainingValue {
        var chunk = Chunk(self, number: number)
        chunk.append(bytes)
        return chunk.node.chainingValue
    }
}
