internal import NIOPosix

/// Streams import lines into a destination, in batches of 256 lines or 50 ms, whichever is first.
///
/// While batches are being stored the next ones are read and parsed; what has piled up meanwhile is
/// stored in one go, since a commit costs the same for one batch as for many. A bad line is
/// reported by number and nothing of it is stored; the others go on. Importing the same input again
/// changes nothing, so an import that was cut off is resumed by running it again.
package struct Importer: Sendable {
    /// The most lines in one batch.
    package static let batchLines = 256
    /// Bytes of lines at which a batch counts as full.
    package static let batchBytes = 4 << 20
    /// Bytes to read at a time; a shorter chunk counts as a pause of the input.
    package static let chunkBytes = 256 << 10

    /// What a look at the input found.
    package enum Input: Sendable, Equatable {
        case bytes([UInt8])
        /// Nothing came for `batchDuration`.
        case pause
        case end
    }
    /// The longest that a line waits for its batch to fill.
    package static let batchDuration = Duration.milliseconds(50)

    /// A line on its way: its number in the input and what it says.
    package struct NumberedEntry: Sendable {
        package let line: Int
        package let entry: ImportEntry
    }

    /// What has become of the input so far.
    package struct Progress: Sendable, Equatable {
        /// Lines read.
        package var lines = 0
        /// Bytes read.
        package var bytes = 0
        /// Lines stored: acknowledged, they survive whatever happens to the process.
        package var stored = 0
        package var refused = 0
    }

    /// Stores a batch and says, entry by entry, why one was refused; throws when no more can be
    /// stored.
    package typealias Store = @Sendable ([NumberedEntry]) async throws -> [ImportRefusal]

    /// What an import tells while it runs.
    package struct Observer {
        /// Told of every line that was not stored.
        package var refused: (ImportRefusal) -> Void
        /// Told whenever more was stored.
        package var progressed: (Progress) -> Void
        /// Told when the input has nothing for now.
        package var paused: () -> Void

        package init(
            refused: @escaping (ImportRefusal) -> Void,
            progressed: @escaping (Progress) -> Void,
            paused: @escaping () -> Void = {}
        ) {
            (self.refused, self.progressed, self.paused) = (refused, progressed, paused)
        }
    }

    /// What may wait for the store; as much again is being stored meanwhile.
    ///
    /// More of it costs less a line, is told of later, and takes twice as much memory.
    package struct Capacity: Sendable {
        package var batches = 16
        /// Of lines, the last batch not counted.
        package var bytes = 32 << 20

        package init(batches: Int = 16, bytes: Int = 32 << 20) {
            (self.batches, self.bytes) = (batches, bytes)
        }
    }

    private let store: Store
    private let capacity: Capacity

    /// - Parameter capacity: what waits while `store` is at work, and is given to it as one then.
    package init(capacity: Capacity = Capacity(), storing store: @escaping Store) {
        (self.store, self.capacity) = (store, capacity)
    }

    /// Imports everything that `read` gives, until it says that this is the end.
    ///
    /// - Parameter read: the next bytes of the input. It runs on a thread of its own and may block
    ///   it for about `batchDuration`: then it must say that the input pauses, so that what was
    ///   stored is told, and a store that failed ends the import, while the input stands still.
    package func run(
        read: @escaping @Sendable () throws -> Input,
        observer: Observer
    ) async throws -> Progress {
        let thread = NIOThreadPool(numberOfThreads: 1)
        thread.start()
        do {
            let progress = try await pump({ try await thread.runIfActive(read) }, observer)
            try await thread.shutdownGracefully()
            return progress
        } catch {
            try? await thread.shutdownGracefully()
            throw error
        }
    }

    private func pump(
        _ read: () async throws -> Input,
        _ observer: Observer
    ) async throws -> Progress {
        try await withThrowingTaskGroup(of: Void.self) { group in
            let queue = BatchQueue(capacity: capacity)
            // However this ends, the writer must not wait for more: the group waits for the writer.
            defer { queue.finish() }
            group.addTask { try await write(from: queue) }
            var parser = BatchParser()
            var progress = Progress()
            reading: while true {
                let input = try await read()
                parser.feed(input, &progress)
                while let batch = parser.nextBatch(flushing: input.isPausing) {
                    progress.lines = batch.lastLine
                    progress.refused += batch.refusals.count
                    for refusal in batch.refusals { observer.refused(refusal) }
                    if !batch.entries.isEmpty {
                        guard await queue.push(batch.entries, bytes: batch.bytes) else {
                            break reading
                        }
                    }
                    report(queue, &progress, observer)
                }
                report(queue, &progress, observer)
                if input == .pause { observer.paused() }
                if input == .end || queue.isAbandoned { break }
            }
            queue.finish()
            try await group.waitForAll()
            report(queue, &progress, observer)
            return progress
        }
    }

    private func report(_ queue: BatchQueue, _ progress: inout Progress, _ observer: Observer) {
        let stored = queue.takeStored()
        guard !stored.isEmpty else { return }
        for batch in stored { progress.add(batch, observer.refused) }
        observer.progressed(progress)
    }

    private func write(from queue: BatchQueue) async throws {
        do {
            while let entries = await queue.takeAll() {
                queue.didStore(entries.count, refusals: try await store(entries))
            }
        } catch {
            queue.abandon()
            throw error
        }
    }
}

extension Importer.Input {
    /// Whether the input may have nothing more for a while, so that nothing waits for it.
    ///
    /// A chunk that is not full says so too.
    fileprivate var isPausing: Bool {
        switch self {
        case .bytes(let bytes): bytes.count < Importer.chunkBytes
        case .pause, .end: true
        }
    }
}

extension BatchParser {
    fileprivate mutating func feed(_ input: Importer.Input, _ progress: inout Importer.Progress) {
        switch input {
        case .bytes(let bytes):
            progress.bytes += bytes.count
            feed(bytes)
        case .pause: break
        case .end: finish()
        }
    }
}

extension Importer.Progress {
    fileprivate mutating func add(
        _ batch: BatchQueue.Stored,
        _ onRefusal: (ImportRefusal) -> Void
    ) {
        for refusal in batch.refusals { onRefusal(refusal) }
        stored += batch.count - batch.refusals.count
        refused += batch.refusals.count
    }
}

extension IndexStore {
    /// Stores a batch of numbered entries on the store's writing thread.
    package func storeBatch(
        _ batch: [Importer.NumberedEntry]
    ) async throws(StoreError) -> [ImportRefusal] {
        try await writing { store in
            Self.refusals(of: batch, try store.importBatch(batch.map(\.entry), at: .now()))
        }
    }

    /// Stores a batch in one transaction, and says which lines were refused and why, and what the
    /// others changed.
    ///
    /// Blocks.
    func importTellingChanges(
        _ batch: [Importer.NumberedEntry]
    ) throws(StoreError) -> (refusals: [ImportRefusal], changes: IndexChanges) {
        let outcome = try importBatchTellingChanges(batch.map(\.entry), at: .now())
        return (Self.refusals(of: batch, outcome.refusals), outcome.changes)
    }

    private static func refusals(
        of batch: [Importer.NumberedEntry],
        _ errors: [StoreError?]
    ) -> [ImportRefusal] {
        zip(batch, errors).compactMap { numbered, error in
            error.map { ImportRefusal(line: numbered.line, reason: $0.publicDetail) }
        }
    }
}
