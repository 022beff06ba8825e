/// The bounds of a spill; every field has the value that the service runs with.
package struct SpillConfiguration: Sendable {
    /// The size that the database file stays within, but for one batch; at least 1 MiB.
    ///
    /// Seven eighths of it are for entries, the rest is slack of free pages. The write-ahead log
    /// beside it is cut to 4 MiB, or one batch.
    package var maximumBytes: Int
    /// Entries that may wait for being written; one more is dropped and counted.
    package var queueDepth = 1024
    /// Bytes of keys and values that may wait, with 64 for each entry.
    package var queueBytes = 16 << 20
    /// Keys that may wait for being removed; beyond, everything is removed instead.
    package var removalDepth = 65_536
    /// Entries and removals in one transaction.
    package var batchSize = 256
    /// How long the first entry waits for a batch to fill, in milliseconds.
    package var batchDelay = 50
    /// Threads and connections that read at once.
    package var readers = 2
    /// Reads that may wait for a thread; one more is a miss, and counted.
    package var readDepth = 1024
    /// How long after a failure the disk is tried again, in milliseconds.
    package var retryDelay = 1000
    /// How long SQLite waits for a lock that somebody else's tool holds, in milliseconds.
    package var busyTimeout = 100
    /// Free bytes of the disk below which the spill empties itself and keeps nothing: others need
    /// the room more.
    package var minimumFreeBytes: Int64 = 0
    /// Whether what is there at the start is deleted: where its entries may not be true any more.
    package var startsEmpty = false
    /// Whether the directory is made when it is missing, for its owner only.
    package var makesDirectory = false
    /// Names this start of the machine; nil asks the system.
    package var bootID: [UInt8]?
    package var checksum: SpillChecksum

    package init(maximumBytes: Int, checksum: @escaping SpillChecksum = makeFNVChecksum) {
        self.maximumBytes = max(maximumBytes, 1 << 20)
        self.checksum = checksum
    }

    /// Bytes of pages in use above which the oldest entries leave.
    var roomForEntries: Int { maximumBytes / 8 * 7 }
    /// Bytes of free pages above which the file is cut.
    var roomForSlack: Int { maximumBytes / 8 }
    /// The largest entry: it takes no more than an eighth of the file, or a quarter of the queue.
    var largestEntry: Int { min(maximumBytes / 8, queueBytes / 4) }
}
