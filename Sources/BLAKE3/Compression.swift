/// The eight words that one step of the hash hands to the next; laid out as 32 bytes.
struct ChainingValue {
    var low, high: Quad

    /// The constants that start an unkeyed hash (those of SHA-256).
    static let initial = ChainingValue(
        low: Quad(0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A),
        high: Quad(0x510E_527F, 0x9B05_688C, 0x1F83_D9AB, 0x5BE0_CD19)
    )

    init(low: Quad, high: Quad) {
        (self.low, self.high) = (low, high)
    }

    /// Reads eight little-endian words.
    init(_ bytes: UnsafeRawPointer) {
        low = quad(bytes)
        high = quad(bytes + 16)
    }

    /// Takes in one block.
    ///
    /// - Parameters:
    ///   - block: 64 bytes, zeros after the first `length`.
    ///   - counter: The chunk's number, 0 in a parent node.
    @inline(never)
    mutating func compress(_ block: UnsafeRawPointer, length: Int, counter: UInt64, flags: UInt32) {
        let state = mixed(block, length: length, counter: counter, flags: flags)
        (low, high) = state.folded
    }

    /// Writes the 64 bytes of extended output that `counter` numbers; they come from a root node.
    @inline(never)
    func expand(
        _ block: UnsafeRawPointer,
        length: Int,
        counter: UInt64,
        flags: UInt32,
        into output: inout InlineArray<64, UInt8>
    ) {
        let state = mixed(block, length: length, counter: counter, flags: flags)
        let folded = state.folded
        withUnsafeMutableBytes(of: &output) { bytes in
            bytes.storeBytes(of: folded.low, as: Quad.self)
            bytes.storeBytes(of: folded.high, toByteOffset: 16, as: Quad.self)
            bytes.storeBytes(of: state.c ^ low, toByteOffset: 32, as: Quad.self)
            bytes.storeBytes(of: state.d ^ high, toByteOffset: 48, as: Quad.self)
        }
    }

    @inline(__always)
    private func mixed(
        _ block: UnsafeRawPointer,
        length: Int,
        counter: UInt64,
        flags: UInt32
    ) -> State {
        var state = State(
            low,
            high,
            counter: (
                UInt32(truncatingIfNeeded: counter), UInt32(truncatingIfNeeded: counter &>> 32)
            ),
            length: UInt32(truncatingIfNeeded: length),
            flags: flags
        )
        state.mix(Message(quad(block), quad(block + 16), quad(block + 32), quad(block + 48)))
        return state
    }
}

/// Four words of memory.
@inline(__always)
private func quad(_ bytes: UnsafeRawPointer) -> Quad {
    Quad(
        bytes.loadUnaligned(as: UInt32.self),
        bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self),
        bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self),
        bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self)
    )
}
