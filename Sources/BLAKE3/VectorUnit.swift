#if arch(x86_64)
    internal import BLAKE3AVX2
    internal import BLAKE3AVX512
#endif

/// The instructions that input of more than one chunk is hashed with.
///
/// Swift has no switch for the instructions of one function, so the vector kernels are modules of
/// their own, built for wider processors than this one. Nothing else calls them.
package enum VectorUnit: Sendable, CaseIterable {
    /// One block at a time; on every processor.
    case none
    #if arch(x86_64)
        /// Eight inputs at a time.
        case avx2
        /// Sixteen inputs at a time.
        case avx512
    #endif

    #if DEBUG
        /// None: unoptimised, the kernels are ten times slower than going without.
        package static let best = VectorUnit.none
    #else
        /// The widest that can run here.
        package static let best = allCases.last { $0.isSupported } ?? .none
    #endif

    /// Whether the processor and the operating system support it.
    package var isSupported: Bool {
        switch self {
        case .none: true
        #if arch(x86_64)
            case .avx2: Processor.hasAVX2
            case .avx512: Processor.hasAVX512
        #endif
        }
    }

    /// How many inputs it hashes at a time.
    var lanes: Int {
        switch self {
        case .none: 1
        #if arch(x86_64)
            case .avx2: 8
            case .avx512: 16
        #endif
        }
    }

    /// Writes the chaining values of `count` whole chunks.
    ///
    /// - Parameters:
    ///   - count: 1 to `lanes`.
    ///   - counter: The first chunk's number, a multiple of `count`.
    func hashChunks(
        _ chunks: UnsafeRawPointer,
        count: Int,
        mode: Mode,
        counter: UInt64,
        into values: UnsafeMutableRawPointer
    ) {
        switch self {
        case .none:
            var chunk = Chunk(mode, number: counter)
            chunk.append(UnsafeRawBufferPointer(start: chunks, count: Size.chunk))
            values.storeBytes(of: chunk.node.chainingValue, as: ChainingValue.self)
        #if arch(x86_64)
            case .avx2, .avx512:
                let kernel =
                    self == .avx2 ? BLAKE3AVX2.hashChunks : BLAKE3AVX512.hashChunks
                mode.withUnsafeKey { kernel(chunks, count, $0, counter, mode.flags, values) }
        #endif
        }
    }

    /// Writes the chaining values of the parents of `count` pairs of chaining values.
    ///
    /// - Parameters:
    ///   - count: 1 to `lanes`.
    ///   - values: Where the first is written. May be the place of the first pair.
    func hashParents(
        _ pairs: UnsafeRawPointer,
        count: Int,
        mode: Mode,
        into values: UnsafeMutableRawPointer
    ) {
        switch self {
        case .none:
            var value = mode.key
            value.compress(
                pairs,
                length: Size.block,
                counter: 0,
                flags: mode.flags | Flag.parent
            )
            values.storeBytes(of: value, as: ChainingValue.self)
        #if arch(x86_64)
            case .avx2, .avx512:
                let kernel =
                    self == .avx2 ? BLAKE3AVX2.hashParents : BLAKE3AVX512.hashParents
                mode.withUnsafeKey { kernel(pairs, count, $0, mode.flags, values) }
        #endif
        }
    }
}
