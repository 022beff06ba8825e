import Dispatch
import Foundation
import GRDB

@testable import IndexService

/// Holds the one transaction that writes, as a disk does whose `fsync` hangs; reads go on.
///
/// It lets go by itself in the end, so that whoever waits for it fails and does not hang.
final class HeldWriter: Sendable {
    private static let longest = DispatchTimeInterval.seconds(20)

    private let go = DispatchSemaphore(value: 0)

    /// Returns when every other write hangs, however it comes.
    func hold(_ store: IndexStore) async throws {
        let begun = DispatchSemaphore(value: 0)
        Thread.detachNewThread { [go] in
            try? store.write { _ in
                begun.signal()
                _ = go.wait(timeout: .now() + Self.longest)
            }
        }
        try await onOwnThread { begun.wait() }
    }

    func release() { go.signal() }
}
