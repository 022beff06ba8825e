/// Computes a BLAKE3 hash of input that arrives in pieces.
///
/// ```swift
/// var hasher = ContentHasher()
/// hasher.update(header)
/// hasher.update(body)
/// let digest = hasher.finalize()
/// ```
///
/// Any division into pieces gives the same result; pieces of 16 KiB and more are the fastest. The
/// hasher is a value of about 2 KiB and never allocates. For input in one piece there is
/// `Digest(hashing:)`.
///
/// The tree of the hash (BLAKE3 paper, section 2.1) is built from the left: `stack` holds the
/// finished subtrees, the largest first, and `chunk` the input after them. Two subtrees become one
/// only when more input follows, because the last such pair is the root.
public struct ContentHasher: Sendable {
    private let mode: Mode
    private var chunk: Chunk
    /// One subtree for each bit of the chunk count, and one more while a pair waits: 2^64 bytes
    /// are 2^54 chunks.
    private var stack = InlineArray<56, ChainingValue>(repeating: .initial)
    private var stackCount = 0
    /// Which kernel hashes long pieces; tests set it.
    package var vectorUnit = VectorUnit.best

    /// Starts a plain hash.
    public init() {
        self.init(.hash)
    }

    /// Starts a keyed hash, a message authentication code; `nil` unless the key has 32 bytes.
    public init?(key: [UInt8]) {
        guard key.count == Size.chainingValue else { return nil }
        let words = key.withUnsafeBytes { $0.baseAddress.map { ChainingValue($0) } }
        guard let words else { return nil }
        self.init(Mode(key: words, flags: Flag.keyedHash))
    }

    /// Starts the derivation of a key from key material, which the updates give.
    ///
    /// - Parameter context: Says what the key is for: fixed in the program, unique in the world.
    public init(derivingKeyFor context: String) {
        var hasher = ContentHasher(.deriveKeyContext)
        hasher.update(Array(context.utf8))
        self.init(Mode(key: hasher.root.rootValue, flags: Flag.deriveKeyMaterial))
    }

    init(_ mode: Mode) {
        self.mode = mode
        chunk = Chunk(mode, number: 0)
    }

    /// Takes in the next bytes of the input.
    public mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// Takes in the next bytes of the input.
    public mutating func update(_ bytes: Span<UInt8>) {
        update(bytes.bytes)
    }

    /// Takes in the next bytes of the input.
    public mutating func update(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// Takes in the next bytes of the input.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        if chunk.length > 0 {
            chunk.append(rest.removePrefix(Size.chunk &- chunk.length))
            guard rest.count > 0 else { return }
            push(chunk.node.chainingValue)
            chunk = Chunk(mode, number: chunk.number &+ 1)
        }
        while rest.count > Size.chunk {
            pushSubtree(from: &rest)
        }
        if rest.count > 0 {
            merge()
            chunk.append(rest)
        }
    }

    /// The hash of the input so far; more input may follow.
    public func finalize() -> Digest {
        Digest(root.rootValue)
    }

    /// Bytes of the hash's extended output, of which the digest is the beginning.
    ///
    /// - Parameters:
    ///   - count: How many bytes, 0 or more.
    ///   - seek: Where in the output they begin.
    public func finalize(count: Int, seek: UInt64 = 0) -> [UInt8] {
        precondition(count >= 0, "a count of bytes is not negative")
        var output: [UInt8] = []
        output.reserveCapacity(count)
        root.expandRoot(from: seek, into: &output, count: count)
        return output
    }

    /// The node at the top of the tree for the input so far.
    private var root: Node {
        var left = stackCount
        var node = chunk.node
        if chunk.length == 0, left >= 2 {
            // The input ended with a subtree, whose halves wait for exactly this.
            left &-= 2
            node = Node(mode, left: stack[left], right: stack[left &+ 1])
        }
        while left > 0 {
            left &-= 1
            node = Node(mode, left: stack[left], right: node.chainingValue)
        }
        return node
    }

    /// Hashes the largest subtree that may start here; `rest` is longer than a chunk.
    private mutating func pushSubtree(from rest: inout UnsafeRawBufferPointer) {
        // A subtree of 2^n chunks starts at a multiple of 2^n.
        let aligned = min(chunk.number.trailingZeroBitCount, Int.bitWidth &- 2)
        let limit = min(rest.count / Size.chunk, 1 &<< aligned, Subtree.maximumChunks)
        let count = 1 &<< (Int.bitWidth &- 1 &- limit.leadingZeroBitCount)
        let bytes = rest.removePrefix(count &* Size.chunk)
        if count == 1 {
            chunk.append(bytes)
            push(chunk.node.chainingValue)
        } else if let start = bytes.baseAddress {
            let halves = Subtree(mode: mode, unit: vectorUnit)
                .halves(of: start, count: count, counter: chunk.number)
            push(halves.left)
            stack[stackCount] = halves.right
            stackCount &+= 1
        }
        chunk = Chunk(mode, number: chunk.number &+ UInt64(count))
    }

    /// Adds a subtree that starts at the current chunk.
    private mutating func push(_ value: ChainingValue) {
        merge()
        stack[stackCount] = value
        stackCount &+= 1
    }

    /// Joins subtrees until there is one for each bit of the number of chunks before this one.
    private mutating func merge() {
        let wanted = chunk.number.nonzeroBitCount
        while stackCount > wanted {
            stackCount &-= 1
            let parent = Node(mode, left: stack[stackCount &- 1], right: stack[stackCount])
            stack[stackCount &- 1] = parent.chainingValue
        }
    }
}

extension UnsafeRawBufferPointer {
    /// Takes away and returns the first bytes, at most `count`.
    fileprivate mutating func removePrefix(_ count: Int) -> UnsafeRawBufferPointer {
        let prefix = UnsafeRawBufferPointer(rebasing: self[..<Swift.min(count, self.count)])
        self = UnsafeRawBufferPointer(rebasing: self[prefix.count...])
        return prefix
    }
}
