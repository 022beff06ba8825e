/// The last compression of a chunk or a parent, not yet made: the root makes it differently.
struct Node {
    private let key: ChainingValue
    private let block: InlineArray<64, UInt8>
    private let length: Int
    private let counter: UInt64
    private let flags: UInt32

    /// The end of a chunk: its last block, of which `length` bytes are input and the rest zeros.
    init(
        _ key: ChainingValue,
        block: InlineArray<64, UInt8>,
        length: Int,
        chunk: UInt64,
        flags: UInt32
    ) {
        self.key = key
        self.block = block
        self.length = length
        counter = chunk
        self.flags = flags | Flag.chunkEnd
    }

    /// A parent of two subtrees.
    init(_ mode: Mode, left: ChainingValue, right: ChainingValue) {
        key = mode.key
        var children = InlineArray<64, UInt8>(repeating: 0)
        withUnsafeMutableBytes(of: &children) { bytes in
            bytes.storeBytes(of: left, as: ChainingValue.self)
            bytes.storeBytes(of: right, toByteOffset: Size.chainingValue, as: ChainingValue.self)
        }
        block = children
        length = Size.block
        counter = 0
        flags = mode.flags | Flag.parent
    }

    /// What a parent takes in for this node.
    var chainingValue: ChainingValue { compressed(flags: flags, counter: counter) }

    /// The hash, if this node is the root: the first 32 bytes of its output.
    var rootValue: ChainingValue { compressed(flags: flags | Flag.root, counter: 0) }

    /// Writes the output of the root from byte `seek` on.
    func expandRoot(from seek: UInt64, into output: inout [UInt8], count: Int) {
        var counter = seek / UInt64(Size.block)
        var skipped = Int(seek % UInt64(Size.block))
        var left = count
        while left > 0 {
            let bytes = rootBytes(counter)
            let taken = min(Size.block &- skipped, left)
            for index in skipped..<(skipped &+ taken) { output.append(bytes[index]) }
            skipped = 0
            left &-= taken
            counter &+= 1
        }
    }

    private func compressed(flags: UInt32, counter: UInt64) -> ChainingValue {
        var value = key
        withUnsafeBytes(of: block) { block in
            guard let start = block.baseAddress else { return }
            value.compress(start, length: length, counter: counter, flags: flags)
        }
        return value
    }

    private func rootBytes(_ counter: UInt64) -> InlineArray<64, UInt8> {
        var bytes = InlineArray<64, UInt8>(repeating: 0)
        withUnsafeBytes(of: block) { block in
            guard let start = block.baseAddress else { return }
            key.expand(
                start,
                length: length,
                counter: counter,
                flags: flags | Flag.root,
                into: &bytes
            )
        }
        return bytes
    }
}
