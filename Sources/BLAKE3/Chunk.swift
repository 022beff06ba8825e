/// A chunk of up to 1024 bytes of the input, taken in block by block.
///
/// The last block stays uncompressed until more input follows, because only then is it known
/// not to be the end.
struct Chunk {
    private var value: ChainingValue
    private var block = InlineArray<64, UInt8>(repeating: 0)
    private var blockLength = 0
    private var blocksCompressed = 0
    let number: UInt64
    private let flags: UInt32

    /// An empty chunk.
    ///
    /// - Parameter number: Its place in the input, counted from 0.
    init(_ mode: Mode, number: UInt64) {
        (value, flags, self.number) = (mode.key, mode.flags, number)
    }

    /// How many bytes it has taken in, up to 1024.
    var length: Int { blocksCompressed &* Size.block &+ blockLength }

    /// Takes in `bytes`, at most as many as the chunk has room for.
    @inline(__always)
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard var next = bytes.baseAddress else { return }
        var left = bytes.count
        if blockLength > 0 {
            let count = min(Size.block &- blockLength, left)
            fill(from: next, count: count)
            next += count
            left &-= count
            guard left > 0 else { return }
            compressBlock()
        }
        while left > Size.block {
            value.compress(next, length: Size.block, counter: number, flags: blockFlags)
            blocksCompressed &+= 1
            next += Size.block
            left &-= Size.block
        }
        fill(from: next, count: left)
    }

    /// The node that stands for what the chunk holds now.
    var node: Node {
        Node(value, block: block, length: blockLength, chunk: number, flags: blockFlags)
    }

    private var blockFlags: UInt32 {
        blocksCompressed == 0 ? flags | Flag.chunkStart : flags
    }

    private mutating func fill(from bytes: UnsafeRawPointer, count: Int) {
        withUnsafeMutableBytes(of: &block) { block in
            block.baseAddress?.advanced(by: blockLength).copyMemory(from: bytes, byteCount: count)
        }
        blockLength &+= count
    }

    /// Compresses the full block in hand and starts an empty one.
    private mutating func compressBlock() {
        let flags = blockFlags
        withUnsafeBytes(of: block) { block in
            guard let start = block.baseAddress else { return }
            value.compress(start, length: Size.block, counter: number, flags: flags)
        }
        blocksCompressed &+= 1
        block = InlineArray(repeating: 0)
        blockLength = 0
    }
}
