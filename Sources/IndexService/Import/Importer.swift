/// Streams import lines into a destination, in batches of 256 lines or 50 ms, whichever is first.
///
/// While batches are being stored the next ones are read and parsed; what has piled up meanwhile is
/// stored in one go, since a commit costs the same for one batch as for many. A bad line is
/// reported by number and nothing of it is stored; the others go on. Importing the same input again
/// changes nothing, so an import that was cut off is resumed by running it again.
package struct Importer: Sendable {
    /// The most lines in one batch.
    package static let batchLines = 256
    /// Bytes to read at a time; a shorter chunk counts as a pause of the input.
    package static let chunkBytes = 256 << 10
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

    private let store: Store

    package init(storing store: @escaping Store) {
        self.store = store
    }

    /// Imports everything that `read` gives, until it gives an empty chunk.
    ///
    /// - Parameters:
    ///   - read: the next bytes of the input; may block its thread.
    ///   - onRefusal: told of every line that was not stored.
    ///   - onProgress: told whenever more was stored.
    package func run(
        read: () throws -> [UInt8],
        onRefusal: (ImportRefusal) -> Void,
        onProgress: (Progress) -> Void
    ) async throws -> Progress {
        try await withThrowingTaskGroup(of: Void.self) { group in
            let queue = BatchQueue()
            // However this ends, the writer must not wait for more: the group waits for the writer.
            defer { queue.finish() }
            group.addTask { try await write(from: queue) }
            var parser = BatchParser()
            var progress = Progress()
            func report() {
                let stored = queue.takeStored()
                guard !stored.isEmpty else { return }
                for batch in stored { progress.add(batch, onRefusal) }
                onProgress(progress)
            }
            reading: while true {
                let chunk = try read()
                progress.bytes += chunk.count
                if chunk.isEmpty { parser.finish() } else { parser.feed(chunk) }
                // A short chunk says that the input waits for something: so nothing waits for it.
                let isPausing = chunk.count < Self.chunkBytes
                while let batch = parser.nextBatch(flushing: isPausing) {
                    progress.lines = batch.lastLine
                    progress.refused += batch.refusals.count
                    for refusal in batch.refusals { onRefusal(refusal) }
                    if !batch.entries.isEmpty {
                        guard await queue.push(batch.entries) else { break reading }
                    }
                    report()
                }
                if chunk.isEmpty { break }
            }
            queue.finish()
            try await group.waitForAll()
            report()
            return progress
        }
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
        let errors = try await writing { store in
            try store.importBatch(batch.map(\.entry), at: .now())
        }
        return zip(batch, errors).compactMap { numbered, error in
            error.map { ImportRefusal(line: numbered.line, reason: $0.publicDetail) }
        }
    }
}
