internal import BLAKE3
internal import Cache
internal import Foundation
internal import Spill
internal import StoreFiles

/// The second-level cache on disk, as the resolver sees it: it gets what RAM evicts, and gives it
/// back once.
///
/// An answer is either in RAM or here, never in both: whoever takes one out puts it into RAM, and
/// an answer made anew ends the one that is here (`forget`). So nothing comes back that was
/// replaced meanwhile. The spill starts empty: while the service was down the index may have
/// changed, and the stamps by which a write ends an answer have a meaning in one process only.
///
/// Nothing here waits for the disk longer than `patience`, and nothing at all while the circuit
/// breaker in front of it is open.
package final class AnswerSpill: Sendable {
    /// What a look into the spill came to.
    enum Lookup: Sendable {
        case found(Answer)
        /// It is not there.
        case nothing
        /// Nobody knows: the disk failed or did not answer in time.
        case failed
        /// Nobody was asked: the circuit breaker is open.
        case unasked
    }

    /// The longest that a resolve waits for the disk, in milliseconds.
    private static let patience = 100

    let store: SpillStore
    private let breaker: CircuitBreaker

    /// Opens the spill in `directory`, which is made when it is missing; blocks.
    ///
    /// What is wrong with the directory shows in `status`; it is tried again.
    ///
    /// - Parameter index: what is to stay free of the disk when the index lies on the same one; nil
    ///   when it lies on none.
    package convenience init(
        directory: String,
        maximumBytes: Int,
        beside index: (directory: String, leastFree: Int)?,
        breaker: CircuitBreaker
    ) {
        var configuration = SpillConfiguration(maximumBytes: maximumBytes) { bytes in
            ContentID(of: bytes).bytes
        }
        configuration.startsEmpty = true
        // It is made again when somebody takes it away; now for the sake of the disk it is on.
        configuration.makesDirectory = true
        try? FileManager.default.createDirectory(
            atPath: directory,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        if let index, Self.isSameDisk(directory, index.directory) {
            configuration.minimumFreeBytes = Int64(index.leastFree)
        }
        self.init(
            store: SpillStore(directory: directory, configuration: configuration),
            breaker: breaker
        )
    }

    /// Whether two directories take room from each other; so they do when nobody can tell.
    private static func isSameDisk(_ directory: String, _ other: String) -> Bool {
        guard let identity = FileIdentity(path: directory),
            let otherIdentity = FileIdentity(path: other)
        else { return true }
        return identity.device == otherIdentity.device
    }

    init(store: SpillStore, breaker: CircuitBreaker) {
        self.store = store
        self.breaker = breaker
    }

    /// Keeps an answer that had to leave RAM; returns at once.
    func keep(_ answer: Answer) {
        let key = answer.spillKey
        // What is dropped must not leave an older one in its place.
        if !store.put(answer.spilled(at: .now()), for: key) { store.remove([key]) }
    }

    /// Takes the answer to `query` out, if it is there and may still be given out, be it as stale.
    func take(_ query: AnswerQuery, by deadline: MonotonicInstant) async -> Lookup {
        let now = MonotonicInstant.now()
        guard let permit = breaker.admit(at: now) else { return .unasked }
        let key = query.spillKey
        let left = Int(clamping: deadline.nanoseconds(since: now) / 1_000_000)
        let result = await store.lookUp(
            key,
            at: ClockReading.now().wallClock,
            within: min(left, Self.patience)
        )
        report(result, isHurried: left < Self.patience, permit)
        switch result {
        case .failed: return .failed
        case .nothing: return .nothing
        case .found(let entry):
            store.remove([key])
            return Answer(to: query, spilled: entry, at: .now()).map(Lookup.found) ?? .nothing
        }
    }

    /// Ends the answer to `query`, if there is one.
    func forget(_ query: AnswerQuery) {
        store.remove([query.spillKey])
    }

    var status: SpillStatus { store.status }

    /// Has the files and the room on their disk looked at, in the background.
    func checkFiles() {
        store.checkFiles()
    }

    /// Returns when all that was kept so far is written, or has failed to be.
    func flush() async {
        await store.flush()
    }

    /// Writes what waits and lets go of the files; nothing is kept or found any more.
    ///
    /// - Parameter patience: how long a disk that hangs is waited for; nil for as long as it takes.
    /// - Returns: whether all of it was done.
    @discardableResult
    package func close(within patience: Duration? = nil) async -> Bool {
        await store.close(within: patience)
    }

    /// A disk that fails in the background is as good as one that fails for this caller.
    ///
    /// - Parameter isHurried: whether the caller had less time than a disk may take.
    private func report(
        _ result: SpillLookup,
        isHurried: Bool,
        _ permit: CircuitBreaker.Permit
    ) {
        let now = MonotonicInstant.now()
        switch result {
        case .found: breaker.succeeded(permit, at: now)
        case .failed where Task.isCancelled || isHurried && store.status.isHealthy:
            breaker.withdrawn(permit)
        case .failed: breaker.failed(permit, at: now)
        case .nothing:
            if store.status.isHealthy {
                breaker.succeeded(permit, at: now)
            } else {
                breaker.failed(permit, at: now)
            }
        }
    }
}
