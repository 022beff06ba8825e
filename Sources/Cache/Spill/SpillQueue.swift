/// What is to be done to the database, in memory until it is committed; a value without a lock.
///
/// There is one operation a key, the last one, so that no order between them can be got wrong: what
/// was put before a removal is gone from the queue when the removal is in it.
struct SpillQueue {
    /// The last thing to happen to a key.
    struct Operation {
        /// Nil removes the key.
        var entry: SpilledEntry?
        /// Whether a removal was asked for, be it that an entry came after it: then the older entry
        /// on disk must go even when this one cannot be written.
        var removesOlder: Bool
    }

    /// Operations that are committed together, and cover what is on disk until then.
    struct Layer {
        var removesEverything = false
        var operations: [[UInt8]: Operation] = [:]
        /// The keys of what is being written, oldest first.
        var keys: [[UInt8]] = []
        /// Rows found useless by reads.
        var discards: [Int64] = []
        /// The operations with an entry, and their bytes as `SpillQueue.cost` counts them.
        fileprivate(set) var entryCount = 0
        fileprivate(set) var bytes = 0

        var isEmpty: Bool { !removesEverything && operations.isEmpty && discards.isEmpty }
        var containsRemovals: Bool {
            removesEverything || operations.values.contains { $0.removesOlder }
        }

        fileprivate mutating func count(_ key: [UInt8], _ entry: SpilledEntry, _ change: Int) {
            entryCount += change
            bytes += change * SpillQueue.cost(key, entry)
        }

        fileprivate func result(for key: [UInt8]) -> Result? {
            if let operation = operations[key] {
                return operation.entry.map(Result.entry) ?? .nothing
            }
            return removesEverything ? .nothing : nil
        }
    }

    enum Result {
        case entry(SpilledEntry)
        /// Not there, whatever the database says.
        case nothing
    }

    private(set) var waiting = Layer()
    /// What is being written.
    private(set) var writing = Layer()
    /// Keys of `waiting.operations`, in the order in which they came, from `head` on.
    private var order: [[UInt8]] = []
    private var head = 0

    private static let overhead = 64

    var count: Int { waiting.operations.count + writing.operations.count }
    var bytes: Int { waiting.bytes + writing.bytes }
    var isEmpty: Bool { waiting.isEmpty }

    static func cost(_ key: [UInt8], _ entry: SpilledEntry) -> Int {
        key.count + entry.value.count + overhead
    }

    /// What is known of a key before the database is asked; nil when nothing is.
    func result(for key: [UInt8]) -> Result? {
        waiting.result(for: key) ?? writing.result(for: key)
    }

    /// Takes an entry in; false when there is no room, and the older entry of the key stays.
    mutating func put(_ key: [UInt8], _ entry: SpilledEntry, within limits: SpillConfiguration)
        -> Bool
    {
        let cost = Self.cost(key, entry)
        let older = waiting.operations[key]
        let olderCost = older?.entry.map { Self.cost(key, $0) }
        guard cost <= limits.largestEntry,
            writing.entryCount + waiting.entryCount + (olderCost == nil ? 1 : 0)
                <= limits.queueDepth,
            bytes - (olderCost ?? 0) + cost <= limits.queueBytes
        else { return false }
        if older == nil { order.append(key) }
        if let entry = older?.entry { waiting.count(key, entry, -1) }
        waiting.count(key, entry, +1)
        let removesOlder = older?.removesOlder ?? false
        waiting.operations[key] = Operation(entry: entry, removesOlder: removesOlder)
        return true
    }

    mutating func remove(_ key: [UInt8], within limits: SpillConfiguration) {
        if let older = waiting.operations[key] {
            if let entry = older.entry { waiting.count(key, entry, -1) }
        } else {
            // Removals cannot be dropped; removing everything needs no memory.
            guard waiting.operations.count - waiting.entryCount < limits.removalDepth else {
                removeEverything()
                return
            }
            order.append(key)
        }
        waiting.operations[key] = Operation(entry: nil, removesOlder: true)
    }

    mutating func removeEverything() {
        waiting = Layer(removesEverything: true)
        order = []
        head = 0
    }

    /// Distrusts the whole database: what waits is written after it has been made anew.
    mutating func removeOlder() {
        waiting.removesEverything = true
        waiting.discards = []
    }

    /// Notes a useless row; when there are many, those left over are found again by later reads.
    mutating func discard(row: Int64, within limits: SpillConfiguration) {
        guard waiting.discards.count < limits.batchSize else { return }
        waiting.discards.append(row)
    }

    /// Moves the oldest operations, at most `limit`, to what is being written.
    mutating func take(_ limit: Int) -> Layer {
        writing = Layer(
            removesEverything: waiting.removesEverything,
            discards: waiting.discards
        )
        waiting.removesEverything = false
        waiting.discards = []
        while head < order.count, writing.operations.count < limit {
            let key = order[head]
            head += 1
            guard let operation = waiting.operations.removeValue(forKey: key) else { continue }
            if let entry = operation.entry {
                waiting.count(key, entry, -1)
                writing.count(key, entry, +1)
            }
            writing.operations[key] = operation
            writing.keys.append(key)
        }
        if head == order.count || head > 4096 {
            order.removeFirst(head)
            head = 0
        }
        return writing
    }

    /// What was being written is in the database, or lost.
    mutating func finish() {
        writing = Layer()
    }
}
