/// What a spill holds, what it has done since it was made, and whether it works.
package struct SpillStatus: Equatable, Sendable {
    /// Entries and bytes (pages in use) in the database, as of its last transaction.
    package internal(set) var entries = 0
    package internal(set) var bytes = 0
    /// Entries and removals that wait for being written.
    package internal(set) var queued = 0
    package internal(set) var queuedBytes = 0

    package internal(set) var hits = 0
    package internal(set) var misses = 0
    /// Entries written.
    package internal(set) var written = 0
    /// Entries not taken: the queue or the disk was full, or the entry too large.
    package internal(set) var dropped = 0
    /// Reads not taken because too many were waiting: misses.
    package internal(set) var refusedReads = 0
    /// Reads that took longer than their caller had patience: misses.
    package internal(set) var lateReads = 0
    /// Entries that left because newer ones needed the room.
    package internal(set) var evictions = 0
    /// Entries that a read found past their life.
    package internal(set) var expirations = 0
    /// Entries whose bytes did not match their checksum.
    package internal(set) var damagedEntries = 0
    /// Times that the file was thrown away because it was damaged, or might have been.
    package internal(set) var rebuilds = 0
    /// Operations on the database that failed: openings, transactions, reads.
    package internal(set) var failures = 0
    /// Entries that were lost by failed transactions.
    package internal(set) var lostEntries = 0
    /// Whether the disk has so little room left that nothing is kept.
    package internal(set) var isShortOfRoom = false
    /// One sentence on the last failure; it stays when all is well again.
    package internal(set) var lastError: String?
    /// Whether the last operation on the database succeeded; tried anew by itself when not.
    package internal(set) var isHealthy = false
}
