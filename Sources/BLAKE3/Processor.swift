#if arch(x86_64)
    internal import _Builtin_intrinsics.intel.cpuid

    /// What this processor and its operating system can do, by the CPUID instruction.
    enum Processor {
        /// 32-byte registers and integer instructions on them: leaf 7, bit 5 of EBX.
        static var hasAVX2: Bool { leaf(7).ebx & (1 << 5) != 0 && keepsState(2) }

        /// 64-byte registers and the basic instructions on them: leaf 7, bit 16 of EBX.
        static var hasAVX512: Bool {
            leaf(7).ebx & (1 << 16) != 0 && keepsState(2) && keepsState(6) && keepsState(7)
        }

        /// Whether the operating system keeps a part of the registers when it switches threads.
        ///
        /// The direct answer, XGETBV, cannot be had from Swift. Leaf 13 tells how large the area
        /// is that the system saves into, and where in it each part lies (Intel SDM 1, 13.2).
        private static func keepsState(_ part: UInt32) -> Bool {
            // Leaf 1, bit 27 of ECX: the system uses XSAVE at all.
            guard leaf(1).ecx & (1 << 27) != 0 else { return false }
            let place = leaf(13, part)
            return place.eax > 0 && place.ebx &+ place.eax <= leaf(13).ebx
        }

        private static func leaf(
            _ leaf: UInt32,
            _ subleaf: UInt32 = 0
        ) -> (eax: UInt32, ebx: UInt32, ecx: UInt32) {
            var (eax, ebx, ecx, edx): (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
            guard __get_cpuid_count(leaf, subleaf, &eax, &ebx, &ecx, &edx) != 0 else {
                return (0, 0, 0)
            }
            return (eax, ebx, ecx)
        }
    }
#endif
