#if arch(x86_64)
    internal import BLAKE3AVX2
    internal import BLAKE3AVX512
    internal import _Builtin_intrinsics.intel.cpuid
#endif

/// The vector instructions that long inputs are hashed with.
///
/// Swift has no switch for the instructions of one function, so the kernels are modules of their
/// own, built for wider processors than this one; only `VectorUnit` calls them.
package enum VectorUnit: Sendable, CaseIterable {
    /// One block at a time; on every processor.
    case none
    /// Eight chunks at a time.
    case avx2
    /// Sixteen chunks at a time.
    case avx512

    #if DEBUG
        /// None: unoptimised, the kernels are ten times slower than going without.
        package static let best = VectorUnit.none
    #else
        /// The widest that the processor and the operating system support.
        package static let best = allCases.last { $0.isSupported } ?? .none
    #endif

    /// How many inputs are hashed at a time.
    package var lanes: Int {
        switch self {
        case .none: 1
        case .avx2: 8
        case .avx512: 16
        }
    }

    /// Whether code for this unit can run here.
    package var isSupported: Bool {
        #if arch(x86_64)
            switch self {
            case .none: true
            // Leaf 7: bit 5 and bit 16 of EBX. The registers' upper parts are states 2 and 7.
            case .avx2: Processor.leaf(7).ebx & (1 << 5) != 0 && Processor.keepsState(2)
            case .avx512: Processor.leaf(7).ebx & (1 << 16) != 0 && Processor.keepsState(7)
            }
        #else
            self == .none
        #endif
    }
}

#if arch(x86_64)
    extension VectorUnit {
        /// Writes the chaining values of `count` whole chunks, at most `lanes`.
        func hashChunks(
            _ chunks: UnsafeRawPointer, count: Int, mode: Mode, counter: UInt64,
            into values: UnsafeMutableRawPointer
        ) {
            withUnsafeBytes(of: mode.key) { key in
                guard let key = key.baseAddress else { return }
                if self == .avx512 {
                    BLAKE3AVX512.hashChunks(
                        chunks, count: count, key: key, counter: counter, flags: mode.flags,
                        into: values)
                } else {
                    BLAKE3AVX2.hashChunks(
                        chunks, count: count, key: key, counter: counter, flags: mode.flags,
                        into: values)
                }
            }
        }

        /// Writes the chaining values of `count` parents, at most `lanes`.
        func hashParents(
            _ children: UnsafeRawPointer, count: Int, mode: Mode,
            into values: UnsafeMutableRawPointer
        ) {
            withUnsafeBytes(of: mode.key) { key in
                guard let key = key.baseAddress else { return }
                if self == .avx512 {
                    BLAKE3AVX512.hashParents(
                        children, count: count, key: key, flags: mode.flags, into: values)
                } else {
                    BLAKE3AVX2.hashParents(
                        children, count: count, key: key, flags: mode.flags, into: values)
                }
            }
        }
    }

    /// What the CPUID instruction says.
    private enum Processor {
        static func leaf(_ leaf: UInt32, _ subleaf: UInt32 = 0) -> (
            eax: UInt32, ebx: UInt32, ecx: UInt32
        ) {
            var (eax, ebx, ecx, edx): (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
            guard __get_cpuid_count(leaf, subleaf, &eax, &ebx, &ecx, &edx) != 0 else {
                return (0, 0, 0)
            }
            return (eax, ebx, ecx)
        }

        /// Whether the operating system saves a part of the registers when it switches threads.
        ///
        /// The direct answer, XGETBV, cannot be had from Swift. Leaf 13 tells how large the area
        /// is that the system saves into, and where in it each part lies (Intel SDM 1, 13.2).
        static func keepsState(_ state: UInt32) -> Bool {
            // Leaf 1, bit 27 of ECX: the system uses XSAVE at all.
            guard leaf(1).ecx & (1 << 27) != 0 else { return false }
            let part = leaf(13, state)
            return part.eax > 0 && part.ebx &+ part.eax <= leaf(13).ebx
        }
    }
#endif
