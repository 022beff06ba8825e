import Dispatch
import Foundation
import Testing

@testable import Spill

/// A directory with a spill's files, gone with the value.
final class TemporarySpill: Sendable {
    let directory: String

    init() throws {
        directory =
            FileManager.default.temporaryDirectory
            .appending(path: "spill-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: directory,
            withIntermediateDirectories: true
        )
    }

    deinit {
        try? FileManager.default.removeItem(atPath: directory)
    }

    var databasePath: String { directory + "/spill.sqlite" }

    /// A store that writes only when its queue is flushed or a batch is full.
    func makeStore(
        maximumBytes: Int = 64 << 20,
        _ change: (inout SpillConfiguration) -> Void = { _ in }
    ) -> SpillStore {
        var configuration = SpillConfiguration(maximumBytes: maximumBytes)
        configuration.batchDelay = 3_600_000
        configuration.retryDelay = 5
        configuration.bootID = [1]
        change(&configuration)
        return SpillStore(directory: directory, configuration: configuration)
    }

    /// The files as they are at this moment, as a killed process would leave them.
    func copy() throws -> TemporarySpill {
        let other = try TemporarySpill()
        for suffix in ["", "-wal"] {
            let path = databasePath + suffix
            guard let data = FileManager.default.contents(atPath: path) else { continue }
            try data.write(to: URL(filePath: other.databasePath + suffix))
        }
        return other
    }

    func fileSize(_ suffix: String = "") throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: databasePath + suffix)
        return attributes[.size] as? Int ?? 0
    }
}

func makeKey(_ number: Int) -> [UInt8] { Array("name-\(number)".utf8) }

func makeEntry(
    _ text: String = "value",
    size: Int? = nil,
    freshUntil: Int64 = 1000,
    staleUntil: Int64 = 2000
) -> SpilledEntry {
    var value = Array(text.utf8)
    if let size { value += [UInt8](repeating: 0x2E, count: max(0, size - value.count)) }
    return SpilledEntry(value: value, freshUntil: freshUntil, staleUntil: staleUntil)
}

/// Keeps one thread of the readers busy until the semaphore is signalled.
func holdUp(_ readers: SpillReaders) async -> DispatchSemaphore {
    let gate = DispatchSemaphore(value: 0)
    await withCheckedContinuation { continuation in
        let isTaken = readers.submit {
            continuation.resume()
            gate.wait()
        }
        precondition(isTaken)
    }
    return gate
}

/// Waits for what the store does by itself; gives up after ten seconds.
func eventually(
    _ condition: () async -> Bool,
    sourceLocation: SourceLocation = #_sourceLocation
) async {
    let end = ContinuousClock.now + .seconds(10)
    while ContinuousClock.now < end {
        if await condition() { return }
        await Task.yield()
    }
    Issue.record("it did not happen within ten seconds", sourceLocation: sourceLocation)
}
