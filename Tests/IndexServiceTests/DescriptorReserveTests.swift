import Synchronization
import Testing

@testable import IndexService

/// Descriptors are set aside where there are enough, and never so that none is left.
@Suite struct DescriptorReserveTests {
    private static let size = DescriptorReserve.size

    @Test func itIsHeldWhereOneMoreIsFree() {
        for free in 0...(Self.size + 3) {
            let files = FewFiles(free)
            let reserve = DescriptorReserve(system: files.system)
            let isHeld = free > Self.size
            #expect(files.free == (isHeld ? free - Self.size : free))
            #expect(reserve.isSafe == isHeld)
            #expect(reserve.take() == isHeld)
        }
    }

    @Test func whatIsGivenBackIsTakenAgainOnceOthersNeedItNoMore() {
        let files = FewFiles(Self.size + 1)
        let reserve = DescriptorReserve(system: files.system)
        // Somebody takes the last one.
        files.add(-1)
        #expect(!reserve.isSafe)
        reserve.giveBack()
        #expect(files.free == Self.size)
        #expect(!reserve.take())
        #expect(files.free == Self.size)
        files.add(1)
        #expect(reserve.take())
        #expect(reserve.take())
        #expect(reserve.isSafe)
        #expect(files.free == 1)
    }

    @Test func itsEndGivesAllBack() {
        let files = FewFiles(Self.size + 1)
        do {
            let reserve = DescriptorReserve(system: files.system)
            #expect(reserve.isSafe)
        }
        #expect(files.free == Self.size + 1)
    }

    @Test func theSystemsOwnDescriptorsAreHeld() {
        let reserve = DescriptorReserve()
        #expect(reserve.isSafe)
        reserve.giveBack()
        #expect(reserve.take())
    }
}

/// A process that may open so many more files.
final class FewFiles: Sendable {
    private let left: Mutex<Int>

    init(_ count: Int) {
        left = Mutex(count)
    }

    var free: Int { left.withLock { $0 } }

    func add(_ count: Int) {
        left.withLock { $0 += count }
    }

    var system: DescriptorReserve.System {
        DescriptorReserve.System(
            open: {
                self.left.withLock { left in
                    guard left > 0 else { return nil }
                    left -= 1
                    return 0
                }
            },
            close: { _ in self.add(1) }
        )
    }
}
