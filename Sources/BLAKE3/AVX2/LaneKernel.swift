// Compiled into two modules, in AVX2/ and AVX512/, each with its own `Lanes`. Both are built for
// processors wider than their callers were built for, and the calling convention passes vectors
// differently there: only pointers and integers may cross the module's border.

/// Writes the chaining values of whole chunks that lie one after the other, one chunk a lane.
///
/// - Parameters:
///   - input: `count` chunks of 1024 bytes.
///   - count: 1 up to the number of lanes. Fewer take as long as all.
///   - key: 32 bytes, eight words in the processor's byte order.
///   - counter: The number of the first chunk. Its low 32 bits must leave room for `count`.
///   - flags: Those of the mode; start and end of the chunk are added here.
///   - output: Room for `count` chaining values of 32 bytes.
package func hashChunks(
    _ input: UnsafeRawPointer,
    count: Int,
    key: UnsafeRawPointer,
    counter: UInt64,
    flags: UInt32,
    into output: UnsafeMutableRawPointer
) {
    let first = Lanes(repeating: UInt32(truncatingIfNeeded: counter))
    let high = Lanes(repeating: UInt32(truncatingIfNeeded: counter &>> 32))
    let batch = Batch(
        input: input,
        stride: Size.chunk,
        count: count,
        counter: (first &+ .ascending, high),
        flags: flags,
        startFlag: Flag.chunkStart,
        endFlag: Flag.chunkEnd
    )
    hash(batch, key: key, into: output)
}

/// Writes the chaining values of parent nodes, one parent a lane.
///
/// - Parameters:
///   - children: `count` pairs of chaining values. May begin where `output` does.
///   - count: 1 up to the number of lanes. Fewer take as long as all.
///   - key: 32 bytes, eight words in the processor's byte order.
///   - flags: Those of the mode; that of a parent is added here.
///   - output: Room for `count` chaining values of 32 bytes.
package func hashParents(
    _ children: UnsafeRawPointer,
    count: Int,
    key: UnsafeRawPointer,
    flags: UInt32,
    into output: UnsafeMutableRawPointer
) {
    let zero = Lanes(repeating: 0)
    let batch = Batch(
        input: children,
        stride: Size.block,
        count: count,
        counter: (zero, zero),
        flags: flags | Flag.parent,
        startFlag: 0,
        endFlag: 0
    )
    hash(batch, key: key, into: output)
}

/// Inputs of the same length one after the other, one a lane.
private struct Batch {
    var input: UnsafeRawPointer
    /// The length of one input in bytes: whole blocks.
    var stride: Int
    var count: Int
    var counter: (low: Lanes, high: Lanes)
    var flags, startFlag, endFlag: UInt32

    @inline(__always) var blocks: Int { stride / Size.block }

    @inline(__always)
    func flags(at index: Int) -> UInt32 {
        flags | (index == 0 ? startFlag : 0) | (index == blocks &- 1 ? endFlag : 0)
    }

    /// A block of every input, its words gathered lane by lane.
    @inline(__always)
    func block(_ index: Int) -> Message {
        let start = index &* Size.block
        return Message(words(start), words(start &+ 16), words(start &+ 32), words(start &+ 48))
    }

    @inline(__always)
    private func words(_ offset: Int) -> Quad {
        Quad(rows(0, offset), rows(1, offset), rows(2, offset), rows(3, offset)).transposed
    }

    /// Four words of every fourth input, beginning with `first`.
    ///
    /// A lane without an input repeats the last one: its result is not written.
    @inline(__always)
    private func rows(_ first: Int, _ offset: Int) -> Lanes {
        Lanes { part in
            let lane = min(first &+ part &* 4, count &- 1)
            return input.loadUnaligned(
                fromByteOffset: lane &* stride &+ offset,
                as: SIMD4<UInt32>.self
            )
        }
    }
}

@inline(never)
private func hash(_ batch: Batch, key: UnsafeRawPointer, into output: UnsafeMutableRawPointer) {
    @inline(__always)
    func keyWord(_ index: Int) -> Lanes {
        Lanes(repeating: key.loadUnaligned(fromByteOffset: index &* 4, as: UInt32.self))
    }
    var low = Quad(keyWord(0), keyWord(1), keyWord(2), keyWord(3))
    var high = Quad(keyWord(4), keyWord(5), keyWord(6), keyWord(7))
    var index = 0
    while index < batch.blocks {
        var state = State(
            low,
            high,
            counter: batch.counter,
            length: UInt32(Size.block),
            flags: batch.flags(at: index)
        )
        state.mix(batch.block(index))
        (low, high) = state.folded
        index &+= 1
    }
    low.transposed.store(count: batch.count, at: output)
    high.transposed.store(count: batch.count, at: output + 16)
}

extension Quad {
    /// Turns every four by four square of words on its diagonal.
    ///
    /// Between four words of each of several inputs and four vectors with the same word of all
    /// of them, in both directions. Words are exchanged by shifting and masking, because the
    /// optimiser tears a shuffle of single words apart (a fifth slower).
    @inline(__always)
    fileprivate var transposed: Quad {
        let (even01, odd01) = Self.exchanged(w0, w1)
        let (even23, odd23) = Self.exchanged(w2, w3)
        return Quad(
            unsafeBitCast(evenPairs(even01, even23), to: Lanes.self),
            unsafeBitCast(evenPairs(odd01, odd23), to: Lanes.self),
            unsafeBitCast(oddPairs(even01, even23), to: Lanes.self),
            unsafeBitCast(oddPairs(odd01, odd23), to: Lanes.self)
        )
    }

    /// The even words of `x` and `y` in turn, and the odd ones.
    @inline(__always)
    private static func exchanged(_ x: Lanes, _ y: Lanes) -> (even: Pairs, odd: Pairs) {
        let (x, y) = (unsafeBitCast(x, to: Pairs.self), unsafeBitCast(y, to: Pairs.self))
        let lowWord = Pairs(repeating: 0xFFFF_FFFF)
        let word = Pairs(repeating: 32)
        return ((x & lowWord) | (y &<< word), (x &>> word) | (y & ~lowWord))
    }

    /// Writes half a chaining value for each of the first `count` inputs.
    @inline(__always)
    fileprivate func store(count: Int, at output: UnsafeMutableRawPointer) {
        store(w0, first: 0, count: count, at: output)
        store(w1, first: 1, count: count, at: output)
        store(w2, first: 2, count: count, at: output)
        store(w3, first: 3, count: count, at: output)
    }

    @inline(__always)
    private func store(_ row: Lanes, first: Int, count: Int, at output: UnsafeMutableRawPointer) {
        row.forEachPart { part, words in
            let lane = first &+ part &* 4
            guard lane < count else { return }
            output.storeBytes(
                of: words,
                toByteOffset: lane &* Size.chainingValue,
                as: SIMD4<UInt32>.self
            )
        }
    }
}

@inline(__always)
func rotatedRight(_ words: Lanes, by bits: UInt32) -> Lanes {
    (words &>> Lanes(repeating: bits)) | (words &<< Lanes(repeating: 32 &- bits))
}
