internal import CMalloc

/// How the C library's allocator treats large pieces of memory, such as bodies of a mebibyte.
package enum LargeAllocations {
    /// From so many bytes on a piece is the system's again as soon as it is freed.
    private static let threshold: Int32 = 256 << 10

    /// Fixes glibc's threshold, which else rises with the first large piece that is freed
    /// (mallopt(3), `M_MMAP_THRESHOLD`): the service would keep what a thousand clients that read
    /// nothing made it hold for a minute.
    package static func returnWhenFreed() {
        _ = mallopt(M_MMAP_THRESHOLD, threshold)
    }
}
